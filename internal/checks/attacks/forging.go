package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// object is decoded metadata.
type object = map[string]any

// keys are what an attacker signs with, by role.
type keys map[string][]*verifytest.Key

// own returns a key that the attacker made.
func (s *stage) own() []*verifytest.Key { return []*verifytest.Key{s.repo.Key("mallory")} }

// forge edits the newest file of a role and signs it with the keys.
func (s *stage) forge(role string, with []*verifytest.Key, edit func(signed object)) []byte {
	document, err := verifytest.Decode(s.repo.Metadata()[s.repo.FileName(role)])
	if err != nil {
		panic(err) // the repository's own file
	}
	signed := document.(object)["signed"].(object)
	edit(signed)
	return verifytest.Encode(verifytest.Sign(signed, with...), " ")
}

// edit changes the newest file of a role and leaves its signatures as they are.
func (s *stage) edit(role string, edit func(signed object)) []byte {
	document, err := verifytest.Decode(s.repo.Metadata()[s.repo.FileName(role)])
	if err != nil {
		panic(err) // the repository's own file
	}
	edit(document.(object)["signed"].(object))
	return verifytest.Encode(document, " ")
}

// forgeTargets adds the next version of targets, which lists the attacker's
// app.
func (s *stage) forgeTargets(files verifytest.Files, with []*verifytest.Key) {
	version := s.repo.Version("targets") + 1
	files[fmt.Sprintf("metadata/%d.targets.json", version)] = s.forgeListing(files, with, version)
}

// forgeListing adds the attacker's app to the files, and returns targets that
// list it.
func (s *stage) forgeListing(files verifytest.Files, with []*verifytest.Key, version int64) []byte {
	evil := content("malware")
	digest := fmt.Sprintf("%x", sha256.Sum256(evil))
	files["targets/"+digest+"."+app] = evil
	return s.forge("targets", with, func(signed object) {
		signed["version"] = version
		signed["targets"].(object)[app] = object{
			"length": int64(len(evil)),
			"hashes": object{"sha256": digest},
		}
	})
}

// forgeSnapshot adds a snapshot with that version. It lists the targets role
// with another.
func (s *stage) forgeSnapshot(files verifytest.Files, with []*verifytest.Key, version, targets int64) {
	files[fmt.Sprintf("metadata/%d.snapshot.json", version)] = s.forge("snapshot", with, func(signed object) {
		signed["version"] = version
		signed["meta"].(object)["targets.json"] = object{"version": targets}
	})
}

// forgeTimestamp replaces the timestamp by one with that version, which lists a
// version of the snapshot.
func (s *stage) forgeTimestamp(
	files verifytest.Files, with []*verifytest.Key, version, snapshot int64, edits ...func(signed object),
) {
	files["metadata/timestamp.json"] = s.forge("timestamp", with, func(signed object) {
		signed["version"] = version
		signed["meta"].(object)["snapshot.json"] = object{"version": snapshot}
		for _, edit := range edits {
			edit(signed)
		}
	})
}

// forgeAll returns the repository's files with a whole release by the attacker.
func (s *stage) forgeAll(with keys) verifytest.Files {
	files := repository(s.repo)
	snapshot := s.repo.Version("snapshot") + 1
	s.forgeTargets(files, with["targets"])
	s.forgeSnapshot(files, with["snapshot"], snapshot, s.repo.Version("targets")+1)
	s.forgeTimestamp(files, with["timestamp"], s.repo.Version("timestamp")+1, snapshot)
	return files
}

// online returns the keys that are on servers, and so are stolen first. The key
// for targets is the thief's own.
func (s *stage) online() keys {
	return keys{
		"timestamp": {s.repo.Key("timestamp")},
		"snapshot":  {s.repo.Key("snapshot")},
		"targets":   s.own(),
	}
}

func swapBytes(s *stage) {
	s.release("2.0")
	files := repository(s.repo)
	files[s.appPath()] = content("malware")
	s.tell("The mirror serves the metadata of 2.0 as it is, and malware of the same length as the app.")
	s.mirror.serve(files)
	s.strike(app)
}

func ownKeys(s *stage) {
	s.tell("The mirror makes a release of its own. It signs targets, snapshot and timestamp with a key of its own.")
	s.mirror.serve(s.forgeAll(keys{"targets": s.own(), "snapshot": s.own(), "timestamp": s.own()}))
	s.strike(app)
}

func onlineKeys(s *stage) {
	s.tell("The thief makes a release. The timestamp and the snapshot have valid signatures. The targets " +
		"are signed with the thief's own key.")
	s.mirror.serve(s.forgeAll(s.online()))
	s.strike(app)
}

func serveHammer(s *stage) {
	s.release("2.0")
	files := repository(s.repo)
	files[s.appPath()] = content("hammer 1.0")
	s.tell("The mirror answers the request for the app with the hammer, which is a good file of this repository.")
	s.mirror.serve(files)
	s.strike(app)
}

func outOfBounds(s *stage) {
	s.tell("The operators delegate only tools/* to the team. The thief has the team's key and lists " +
		"plugin.bin in the team's metadata. The operators' snapshot lists the new file.")
	s.repo.Role("team").AddTarget("plugin.bin", content("malware"))
	s.repo.Publish()
	s.mirror.serve(repository(s.repo))
	s.strike("plugin.bin")
}
