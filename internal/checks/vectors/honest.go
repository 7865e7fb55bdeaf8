package main

import "github.com/tufwalk/tufwalk/verify/verifytest"

// honest has nothing but good files, in many layouts. A client that refuses
// everything fails here.
func (b *book) honest() {
	const every = "R-5.3.2 R-5.4.1 R-5.5.1 R-5.6.1 R-5.7.2"
	layouts := []struct {
		name, requirements, why string
		options                 verifytest.Options
	}{
		{"usual", every, "a usual repository", verifytest.Options{}},
		{"hashes-listed", every + " R-4.4.2 R-4.4.3 R-4.4.4", "timestamp and snapshot list lengths and hashes",
			verifytest.Options{MetaHashes: true}},
		{"plain-names", every + " R-5.3.12 R-5.7.3", "file names without versions and digests",
			verifytest.Options{NoConsistentSnapshot: true}},
		{"plain-names-hashes-listed", every + " R-4.4.2", "plain names, with lengths and hashes listed",
			verifytest.Options{NoConsistentSnapshot: true, MetaHashes: true}},
		{"compact", every + " R-4.1.1", "JSON without white space", verifytest.Options{Compact: true, MetaHashes: true}},
		{"sha512", every + " R-4.4.3", "sha512 is the only hash",
			verifytest.Options{Hashes: []string{"sha512"}, MetaHashes: true}},
		{"two-hashes", every + " R-4.4.3 R-5.7.5", "two hashes for each file",
			verifytest.Options{Hashes: []string{"sha256", "sha512"}, MetaHashes: true}},
	}
	for _, l := range layouts {
		b.tell("honest", l.name+"-refresh", l.requirements, l.why+"; a refresh, and one after a change", func(s *story) {
			s.usualWith(l.options)
			s.ok()
			s.Touch("targets")
			s.Publish()
			s.ok()
		})
		b.tell("honest", l.name+"-download", l.requirements+" R-5.6.7a", l.why+"; targets of three roles", func(s *story) {
			s.usualWith(l.options)
			s.get("top.txt", "top 1")
			s.get("team/app.txt", "team 1")
			s.get("team/inner/app.txt", "inner 1")
		})
		b.tell("honest", l.name+"-changed", l.requirements+" R-5.6.4", l.why+"; a target changes", func(s *story) {
			s.usualWith(l.options)
			s.get("team/app.txt", "team 1")
			s.Role("team").AddTarget("team/app.txt", []byte("team 2"))
			s.Publish()
			s.get("team/app.txt", "team 2")
		})
		b.tell("honest", l.name+"-no-target", l.requirements+" R-5.7.1", l.why+"; a target that nobody lists",
			func(s *story) {
				s.usualWith(l.options)
				s.notGot("team/none.txt")
			})
	}
	b.tell("honest", "nothing-new", "R-5.4.3.1b R-5.5.8", "a second refresh finds nothing new", func(s *story) {
		s.usual()
		s.ok()
		s.ok()
	})
	b.tell("honest", "only-timestamp-new", "R-5.4.5 R-5.5.8", "only the timestamp is renewed", func(s *story) {
		s.usual()
		s.ok()
		s.PublishOnly("timestamp")
		s.ok()
	})
	b.tell("honest", "many-versions-later", "R-5.4.5 R-5.5.7 R-5.6.6", "ten versions are skipped", func(s *story) {
		s.usual()
		s.ok()
		for range 10 {
			s.Touch("targets")
			s.Publish()
		}
		s.ok()
	})
	b.tell("honest", "undelegated", "R-5.6.7a", "a delegation is removed, and its targets are gone", func(s *story) {
		s.usual()
		s.get("team/app.txt", "team 1")
		s.Targets().Undelegate("team")
		s.Publish()
		s.notGot("team/app.txt")
	})
}
