package main

import (
	"fmt"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// answers are about what a mirror sends, not about what is in it.
func (b *book) answers() {
	for _, role := range []string{"timestamp", "snapshot", "targets", "team"} {
		requirement := map[string]string{"timestamp": "R-5.4.1", "snapshot": "R-5.5.1", "targets": "R-5.6.1",
			"team": "R-5.6.7f"}[role]
		b.tell("answers", "missing-"+role, requirement, "the mirror does not have the file: "+role, func(s *story) {
			s.usual()
			s.lie(func(m verifytest.Files) { delete(m, s.FileName(role)) })
			s.refusedAt(role, "team/app.txt")
		})
		b.tell("answers", "missing-for-once-"+role, "R-5.0.1 "+requirement,
			"the mirror has the file again at the next update: "+role, func(s *story) {
				s.usual()
				s.lie(func(m verifytest.Files) { delete(m, s.FileName(role)) })
				s.refusedAt(role, "team/app.txt")
				s.thaw()
				s.get("team/app.txt", "team 1")
			})
		b.tell("answers", "endless-"+role, requirement,
			"the mirror sends the file, and then spaces without end: "+role, func(s *story) {
				s.usual()
				s.endless = []string{"metadata/" + s.FileName(role)}
				s.refusedAt(role, "team/app.txt")
			})
		b.tell("answers", "endless-listed-"+role, "R-4.4.4 "+requirement, "the same with a listed length: "+role,
			func(s *story) {
				s.usualWith(verifytest.Options{MetaHashes: true})
				s.endless = []string{"metadata/" + s.FileName(role)}
				s.refusedAt(role, "team/app.txt")
			})
	}
	b.tell("answers", "endless-root", "R-5.3.3a", "the mirror sends a second root, and then spaces without end",
		func(s *story) {
			s.usual()
			s.chain(1)
			s.Publish()
			s.endless = []string{"metadata/2.root.json"}
			s.refused("root")
		})
	for _, code := range []int{403, 500, 503} {
		b.tell("answers", fmt.Sprint("root-", code), "R-5.3.3b",
			fmt.Sprintf("the mirror answers %d for the second root", code), func(s *story) {
				s.usual()
				s.answer(code, "metadata/2.root.json")
				s.refused("root")
				s.orAccept("the specification says \"not available\", and not which answers mean that")
			})
		b.tell("answers", fmt.Sprint("timestamp-", code), "R-5.4.1",
			fmt.Sprintf("the mirror answers %d for the timestamp", code), func(s *story) {
				s.usual()
				s.answer(code, "metadata/timestamp.json")
				s.refused("timestamp")
			})
	}
	b.tell("answers", "offline", "R-5.4.1", "the mirror has nothing", func(s *story) {
		s.usual()
		s.lie(func(m verifytest.Files) { clear(m) })
		s.refused("timestamp")
	})
	b.tell("answers", "offline-later", "R-5.4.1 R-5.0.1",
		"the mirror has nothing any more, and later has it again", func(s *story) {
			s.usual()
			s.ok()
			s.lie(func(m verifytest.Files) { clear(m) })
			s.refused("timestamp")
			s.thaw()
			s.ok()
		})
	b.tell("answers", "one-file-everywhere", "R-4.2.2", "the mirror answers every request with the timestamp",
		func(s *story) {
			s.usual()
			s.chain(1)
			s.Publish()
			s.lie(func(m verifytest.Files) {
				for name := range m {
					m[name] = m["timestamp.json"]
				}
			})
			s.refused("root")
		})
	b.tell("answers", "swapped-roles", "R-4.2.2 R-5.6.3", "the file of one delegated role in place of another's",
		func(s *story) {
			s.usual()
			s.lie(func(m verifytest.Files) { m[s.FileName("team")] = m[s.FileName("inner")] })
			s.notGot("team/app.txt")
		})
}
