package main

import (
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// rotations give roles new keys.
func (b *book) rotations() {
	for _, role := range topLevel {
		b.tell("rotation", "new-key-"+role, "R-5.3.4a R-5.3.11 "+signedBy[role], "new keys: "+role, func(s *story) {
			s.usual()
			s.ok()
			s.Rotate(role, 1, s.Key("new"))
			s.Publish()
			s.ok()
		})
		b.tell("rotation", "more-keys-"+role, "R-5.3.4b R-4.3.7 "+signedBy[role],
			"from one key to two of three: "+role, func(s *story) {
				s.usual()
				s.ok()
				s.Rotate(role, 2, s.Key("a"), s.Key("b"), s.Key("c"))
				s.Publish()
				s.ok()
			})
		if role == "root" {
			continue
		}
		b.tell("rotation", "old-key-"+role, signedBy[role],
			"signed by a key that the last root no longer lists: "+role, func(s *story) {
				s.usual()
				s.ok()
				s.Rotate(role, 1, s.Key("new"))
				s.SignWith(role, s.Key(role))
				s.Publish()
				s.refused(role)
				s.last().Versions = map[string]int64{"root": 2}
			})
	}
	// An attacker with the online keys has published very high versions.
	forward := func(name, why string, roles, rotated []string) {
		b.tell("rotation", name, "R-5.3.11 R-5.4.3.1a R-5.5.5a", why, func(s *story) {
			s.usual()
			s.ok()
			for _, role := range roles {
				s.SetVersion(role, 1000)
			}
			s.Publish()
			s.ok()
			for _, role := range rotated {
				s.Rotate(role, 1, s.Key("new "+role))
			}
			for _, role := range roles {
				s.SetVersion(role, 5)
			}
			s.Publish()
			s.ok()
		})
	}
	forward("fast-forward-timestamp", "after the timestamp's key is rotated, its high version counts no more",
		[]string{"timestamp"}, []string{"timestamp"})
	forward("fast-forward-snapshot", "after both keys are rotated, the snapshot's high version counts no more",
		[]string{"timestamp", "snapshot"}, []string{"timestamp", "snapshot"})
	forward("fast-forward-targets", "after both keys are rotated, the version that the snapshot had listed counts "+
		"no more",
		[]string{"timestamp", "snapshot", "targets"}, []string{"timestamp", "snapshot", "targets"})
	b.tell("rotation", "fast-forward-stays", "R-5.4.3.1a", "without new keys, a high version counts", func(s *story) {
		s.usual()
		s.ok()
		s.SetVersion("timestamp", 1000)
		s.Publish()
		s.ok()
		s.SetVersion("timestamp", 5)
		s.Publish()
		s.refused("timestamp")
	})
	b.tell("rotation", "partial", "R-5.3.11", "one of two keys of the timestamp stays, and the old file is signed "+
		"by it: "+
		"a lower version", func(s *story) {
		s.usual()
		s.Rotate("timestamp", 1, s.Key("timestamp"), s.Key("second"))
		s.Publish()
		s.SetVersion("timestamp", 1000)
		s.Publish()
		s.ok()
		s.Rotate("timestamp", 1, s.Key("timestamp"), s.Key("third"))
		s.SetVersion("timestamp", 5)
		s.Publish()
		s.refused("timestamp")
		s.last().Versions = map[string]int64{"root": 3}
		s.orAccept("the specification deletes the old file if keys have been rotated, and does not say whether one key " +
			"is enough")
	})
	b.tell("rotation", "delegated", "R-5.6.3", "new keys for a delegated role", func(s *story) {
		s.usual()
		s.get("team/app.txt", "team 1")
		s.keysOf("team", 1, s.Key("new"))
		s.Role("team").AddTarget("team/app.txt", []byte("team 2"))
		s.Publish()
		s.get("team/app.txt", "team 2")
	})
	b.tell("rotation", "delegated-old-file", "R-5.6.3 R-5.6.7g",
		"a delegated role has new keys, and its old file, which the client has, is signed by the old ones", func(s *story) {
			s.usual()
			s.get("team/app.txt", "team 1")
			s.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"},
				Keys: []*verifytest.Key{s.Key("new")}})
			s.PublishOnly("targets", "snapshot", "timestamp")
			s.notGot("team/app.txt")
		})
}
