package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// object is metadata as it is edited.
type object = map[string]any

// keys are what an attacker signs with, by role.
type keys map[string][]*verifytest.Key

// own are the keys that anybody can make.
func (s *stage) own() []*verifytest.Key { return []*verifytest.Key{s.repo.Key("mallory")} }

// forge makes a file from the newest one of a role: edited, and signed with the
// keys.
func (s *stage) forge(role string, with []*verifytest.Key, edit func(signed object)) []byte {
	document, err := verifytest.Decode(s.repo.Metadata()[s.repo.FileName(role)])
	if err != nil {
		panic(err) // the repository's own file
	}
	signed := document.(object)["signed"].(object)
	edit(signed)
	return verifytest.Encode(verifytest.Sign(signed, with...), " ")
}

// edit changes a role's newest file and leaves its signatures as they are.
func (s *stage) edit(role string, edit func(signed object)) []byte {
	document, err := verifytest.Decode(s.repo.Metadata()[s.repo.FileName(role)])
	if err != nil {
		panic(err) // the repository's own file
	}
	edit(document.(object)["signed"].(object))
	return verifytest.Encode(document, " ")
}

// forgeTargets adds targets, a version on, that list the attacker's app.
func (s *stage) forgeTargets(files verifytest.Files, with []*verifytest.Key) {
	version := s.repo.Version("targets") + 1
	files[fmt.Sprintf("metadata/%d.targets.json", version)] = s.forgeListing(files, with, version)
}

// forgeListing puts the attacker's app onto the mirror, and returns targets
// that list it.
func (s *stage) forgeListing(files verifytest.Files, with []*verifytest.Key, version int64) []byte {
	evil := content("malware")
	digest := fmt.Sprintf("%x", sha256.Sum256(evil))
	files["targets/"+digest+"."+app] = evil
	return s.forge("targets", with, func(signed object) {
		signed["version"] = version
		signed["targets"].(object)[app] = object{"length": int64(len(evil)), "hashes": object{"sha256": digest}}
	})
}

// forgeSnapshot adds a snapshot of a version that lists the targets role at a
// version.
func (s *stage) forgeSnapshot(files verifytest.Files, with []*verifytest.Key, version, targets int64) {
	files[fmt.Sprintf("metadata/%d.snapshot.json", version)] = s.forge("snapshot", with, func(signed object) {
		signed["version"] = version
		signed["meta"].(object)["targets.json"] = object{"version": targets}
	})
}

// forgeTimestamp puts a timestamp of a version, that names a version of the
// snapshot, in place of the newest.
func (s *stage) forgeTimestamp(files verifytest.Files, with []*verifytest.Key, version, snapshot int64, edits ...func(signed object)) {
	files["metadata/timestamp.json"] = s.forge("timestamp", with, func(signed object) {
		signed["version"] = version
		signed["meta"].(object)["snapshot.json"] = object{"version": snapshot}
		for _, edit := range edits {
			edit(signed)
		}
	})
}

// forgeAll returns the repository with a whole release of the attacker's.
func (s *stage) forgeAll(with keys) verifytest.Files {
	files := repository(s.repo)
	snapshot := s.repo.Version("snapshot") + 1
	s.forgeTargets(files, with["targets"])
	s.forgeSnapshot(files, with["snapshot"], snapshot, s.repo.Version("targets")+1)
	s.forgeTimestamp(files, with["timestamp"], s.repo.Version("timestamp")+1, snapshot)
	return files
}

// online are the keys that lie on servers, and are stolen first.
func (s *stage) online() keys {
	return keys{"timestamp": {s.repo.Key("timestamp")}, "snapshot": {s.repo.Key("snapshot")}, "targets": s.own()}
}

func swapBytes(s *stage) {
	s.release("2.0")
	files := repository(s.repo)
	files[s.appPath()] = content("malware")
	s.tell("The mirror serves 2.0's metadata as it is, and malware of the same length under the app's name.")
	s.mirror.serve(files)
	s.strike(app)
}

func ownKeys(s *stage) {
	s.tell("The mirror makes a release of its own, and signs targets, snapshot and timestamp with a key of its own.")
	s.mirror.serve(s.forgeAll(keys{"targets": s.own(), "snapshot": s.own(), "timestamp": s.own()}))
	s.strike(app)
}

func onlineKeys(s *stage) {
	s.tell("The thief makes a release: the timestamp and the snapshot are signed as they should be, the targets with a key of the thief's own.")
	s.mirror.serve(s.forgeAll(s.online()))
	s.strike(app)
}

func handOutHammer(s *stage) {
	s.release("2.0")
	files := repository(s.repo)
	files[s.appPath()] = content("hammer 1.0")
	s.tell("The mirror answers the request for the app with the hammer, a good file of this repository.")
	s.mirror.serve(files)
	s.strike(app)
}

func outOfBounds(s *stage) {
	s.tell("The team may speak for tools/* only. The thief, who has its key, lists plugin.bin there, and the operators' snapshot takes the team's new file in.")
	s.repo.Role("team").AddTarget("plugin.bin", content("malware"))
	s.repo.Publish()
	s.mirror.serve(repository(s.repo))
	s.strike("plugin.bin")
}
