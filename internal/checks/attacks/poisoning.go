package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// foreignCache fills the cache as an intruder who can write there. The trusted
// root that the user installed with is in another place.
func foreignCache(s *stage) {
	s.tell("The intruder makes a whole repository, puts its metadata into the user's cache, and serves the " +
		"rest from a mirror.")
	theirs := verifytest.New(verifytest.Options{Start: time.Now().UTC(), Seed: "mallory"})
	theirs.Rotate("root", 1, theirs.Key("second")) // as many roots as there are
	theirs.Publish()
	theirs.Targets().AddTarget(app, content("malware"))
	theirs.Publish()
	files := theirs.Metadata()
	s.intrude(map[string][]byte{
		"root.json":      files["2.root.json"],
		"2.root.json":    files["2.root.json"],
		"1.root.json":    theirs.TrustedRoot(),
		"timestamp.json": files["timestamp.json"],
		"snapshot.json":  files[theirs.FileName("snapshot")],
		"targets.json":   files[theirs.FileName("targets")],
	})
	s.mirror.serve(repository(theirs))
	s.strike(app)
}

// editedCache cannot be noticed before the saved file is read. It must do no
// more harm than a missing file.
func editedCache(s *stage) {
	s.tell("The intruder lists malware in the saved targets, with the version that the snapshot lists, and " +
		"puts it onto the mirror. Everything else is right.")
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
