package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// foreignCache has the cache filled by somebody who can write there: the root
// file, which the user trusts, lies elsewhere.
func foreignCache(s *stage) {
	s.tell("The intruder makes a whole repository of its own, puts its metadata into the user's cache, and serves the rest from a mirror.")
	theirs := verifytest.New(verifytest.Options{Start: time.Now().UTC(), Seed: "mallory"})
	theirs.Rotate("root", 1, theirs.Key("second")) // as many roots as there are
	theirs.Publish()
	theirs.Targets().AddTarget(app, content("malware"))
	theirs.Publish()
	s.intrude(map[string][]byte{
		"root.json": theirs.Metadata()["2.root.json"], "2.root.json": theirs.Metadata()["2.root.json"], "1.root.json": theirs.TrustedRoot(),
		"timestamp.json": theirs.Metadata()["timestamp.json"], "snapshot.json": theirs.Metadata()[theirs.FileName("snapshot")],
		"targets.json": theirs.Metadata()[theirs.FileName("targets")],
	})
	s.mirror.serve(repository(theirs))
	s.strike(app)
}

// editedCache cannot be noticed before the saved file is read. It must do no
// more harm than a file that is not there.
func editedCache(s *stage) {
	s.tell("The intruder lists malware in the saved targets, at the version that the snapshot wants, and puts it onto the mirror. All else is right.")
	files := repository(s.repo)
	s.intrude(map[string][]byte{"targets.json": s.forgeListing(files, s.own(), s.repo.Version("targets"))})
	s.mirror.serve(files)
	s.tolerate(app)
}

// intrude writes into the cache.
func (s *stage) intrude(files map[string][]byte) {
	for name, data := range files {
		if s.err == nil {
			s.err = os.WriteFile(filepath.Join(s.dir, "cache", name), data, 0o600)
		}
	}
}
