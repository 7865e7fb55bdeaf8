package main

import (
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// rollbacks are mirrors, or thieves of online keys, that offer what is older
// than what a client has.
func (b *book) rollbacks() {
	b.tell("rollback", "whole-mirror", "R-5.4.3.1a", "the mirror serves what it had before", func(s *story) {
		s.usual()
		old := s.Metadata().Clone()
		s.Role("team").AddTarget("team/app.txt", []byte("team 2"))
		s.Publish()
		s.get("team/app.txt", "team 2")
		s.mirror = old
		s.refusedAt("timestamp", "team/app.txt")
	})
	b.tell("rollback", "frozen", "R-5.4.3.1b", "the mirror serves no news, and nothing has expired", func(s *story) {
		s.usual()
		s.ok()
		s.freeze()
		s.Touch("targets")
		s.Publish()
		s.ok()
		s.ends(1, 2, 2, 2)
	})
	b.tell("rollback", "same-version-other-content", "R-5.4.3.1b R-5.4.3.1c",
		"another timestamp of the version that the client has: "+
			"it is dropped, and the update goes on with the old one", func(s *story) {
			s.usual()
			s.ok()
			s.freeze()
			s.Touch("targets")
			s.SetVersion("timestamp", s.Version("timestamp"))
			s.Publish()
			s.lie(func(m verifytest.Files) {
				for name, data := range s.Metadata() {
					m[name] = data
				}
			})
			s.ok()
			s.ends(1, 2, 2, 2)
		})
	b.tell("rollback", "snapshot-version-in-timestamp", "R-5.4.3.2", "a newer timestamp lists an older snapshot",
		func(s *story) {
			s.usual()
			s.Publish()
			s.ok()
			s.SetVersion("snapshot", 2)
			s.Publish()
			s.refused("timestamp")
		})
	b.tell("rollback", "targets-in-snapshot", "R-5.5.5a", "a newer snapshot lists an older version of targets",
		func(s *story) {
			s.usual()
			s.Touch("targets")
			s.Publish()
			s.ok()
			s.SetVersion("targets", 2)
			s.Publish()
			s.refused("snapshot")
		})
	b.tell("rollback", "delegated-in-snapshot", "R-5.5.5a",
		"a newer snapshot lists an older version of a delegated role", func(s *story) {
			s.usual()
			s.Touch("team")
			s.Publish()
			s.ok()
			s.SetVersion("team", 1)
			s.Publish()
			s.refused("snapshot")
		})
	b.tell("rollback", "unlisted-role", "R-5.5.5a", "a newer snapshot no longer lists a delegated role", func(s *story) {
		s.usual()
		s.ok()
		s.Edit("snapshot", func(signed object) { delete(signed["meta"].(object), "inner.json") })
		s.Publish()
		s.refused("snapshot")
	})
	b.tell("rollback", "unlisted-stranger", "R-4.4.1 R-5.5.5a",
		"a newer snapshot no longer lists a file that nobody delegates to", func(s *story) {
			s.usual()
			s.Edit("snapshot", func(signed object) { signed["meta"].(object)["old.json"] = object{"version": int64(1)} })
			s.Publish()
			s.ok()
			s.Edit("snapshot", nil)
			s.Publish()
			s.refused("snapshot")
		})
	b.tell("rollback", "stays-after-failure", "R-5.4.5 R-5.4.3.1a",
		"a timestamp counts also if the rest of its update failed", func(s *story) {
			s.usual()
			s.ok()
			old := s.Metadata().Clone()
			s.Publish()
			s.Publish()
			s.lie(func(m verifytest.Files) { delete(m, s.FileName("snapshot")) })
			s.refused("snapshot")
			s.thaw()
			s.mirror = old
			s.refused("timestamp")
		})
	b.tell("rollback", "recovers", "R-5.0.1", "after a rollback was refused, the honest mirror is good again",
		func(s *story) {
			s.usual()
			old := s.Metadata().Clone()
			s.Publish()
			s.ok()
			s.mirror = old
			s.refused("timestamp")
			s.thaw()
			s.Publish()
			s.ok()
		})
	// A mirror mixes files of two states.
	for _, role := range []string{"snapshot", "targets", "team"} {
		for _, plain := range []bool{false, true} {
			name, why := "mix-"+role, "the file of the state before under the new name: "+role
			if plain {
				name, why = name+"-plain-names", "the file of the state before, with plain names: "+role
			}
			requirement := map[string]string{"snapshot": "R-5.5.4", "targets": "R-5.6.4", "team": "R-5.6.4"}[role]
			b.tell("rollback", name, requirement, why, func(s *story) {
				s.usualWith(verifytest.Options{NoConsistentSnapshot: plain})
				s.get("team/app.txt", "team 1")
				old := s.Metadata()[s.FileName(role)]
				s.Touch("targets")
				s.Role("team").AddTarget("team/app.txt", []byte("team 2"))
				s.Publish()
				s.lie(func(m verifytest.Files) { m[s.FileName(role)] = old })
				s.refusedAt(role, "team/app.txt")
			})
		}
	}
}

// listings are what timestamp and snapshot say of other files.
func (b *book) listings() {
	entry := func(role, of string, f func(e object)) func(s *story) {
		return func(s *story) {
			s.Edit(role, func(signed object) { f(signed["meta"].(object)[of].(object)) })
		}
	}
	for _, l := range []struct{ lister, file, role string }{
		{"timestamp", "snapshot.json", "snapshot"}, {"snapshot", "targets.json", "targets"},
		{"snapshot", "team.json", "team"},
	} {
		tell := func(name, requirements, why string, f func(e object), at, choice string, good bool) {
			b.tell("listing", name+"-"+l.role, requirements, why+": "+l.file, func(s *story) {
				s.usualWith(verifytest.Options{MetaHashes: true})
				entry(l.lister, l.file, f)(s)
				s.Publish()
				if good {
					s.get("team/app.txt", "team 1")
				} else {
					s.refusedAt(at, "team/app.txt")
				}
				if choice != "" && !good {
					s.orAccept(choice, "team/app.txt", "team 1")
				}
				if choice != "" && good {
					s.orRefuse(choice, "timestamp")
				}
			})
		}
		wrong := "R-5.5.2"
		if l.role != "snapshot" {
			wrong = "R-5.6.2"
		}
		hashes := func(h object) func(e object) { return func(e object) { e["hashes"] = h } }
		zeros := strings.Repeat("00", 32)
		tell("wrong-hash", wrong, "a wrong hash", hashes(object{"sha256": zeros}), l.role, "", false)
		tell("wrong-second-hash", "R-4.4.3 "+wrong, "a wrong hash next to a right one",
			func(e object) { e["hashes"].(object)["sha512"] = strings.Repeat("00", 64) }, l.role, "", false)
		tell("too-short", "R-4.4.4 "+wrong, "a length that is one too small",
			func(e object) { e["length"] = e["length"].(int64) - 1 }, l.role, "", false)
		tell("too-long", "R-4.4.4 "+wrong, "a length that is one too large",
			func(e object) { e["length"] = e["length"].(int64) + 1 }, l.role,
			"the specification says that the file is as long as listed, and some clients read at most as much", false)
		tell("no-length", "R-4.4.2", "a hash without a length", func(e object) { delete(e, "length") }, "", "", true)
		tell("no-hashes", "R-4.4.2", "a length without a hash", func(e object) { delete(e, "hashes") }, "", "", true)
		tell("unknown-hash", "R-4.4.3", "a hash of a kind that no client knows is the only one",
			hashes(object{"sum": "00"}), l.role, "the specification does not say what an unknown hash does", false)
		tell("unknown-second-hash", "R-4.4.3", "a hash of a kind that no client knows, next to a right one",
			func(e object) { e["hashes"].(object)["sum"] = "00" }, "",
			"the specification does not say what an unknown hash does", true)
		tell("empty-hashes", "R-4.4.3", "an empty list of hashes", hashes(object{}), l.role,
			"hashes are optional here, and the specification does not speak of an empty list", false)
		tell("upper-case-hash", "R-4.2.6", "a hash in upper case",
			func(e object) {
				e["hashes"] = object{"sha256": strings.ToUpper(e["hashes"].(object)["sha256"].(string))}
			}, "",
			"the specification does not say in which case the digits are", true)
		tell("no-version", "R-4.3.2 R-4.4.1", "no version", func(e object) { delete(e, "version") }, l.lister, "", false)
		tell("version-text", "R-4.3.2", "a version that is a string", func(e object) { e["version"] = "1" }, l.lister,
			"", false)
		tell("version-zero", "R-4.3.2", "version 0", func(e object) { e["version"] = int64(0) }, l.lister, "", false)
		tell("later-version", "R-5.5.4 R-5.6.4", "a version that there is not yet",
			func(e object) { e["version"] = int64(99) }, l.role, "", false)
		b.tell("listing", "null-"+l.role, "R-4.2.1", "null in place of an entry: "+l.file, func(s *story) {
			s.usual()
			s.Edit(l.lister, func(signed object) { signed["meta"].(object)[l.file] = nil })
			s.Publish()
			s.refusedAt(l.lister, "team/app.txt")
		})
		b.tell("listing", "missing-"+l.role, "R-4.4.1 R-4.5.1 R-5.6.7f", "no entry: "+l.file, func(s *story) {
			s.usual()
			s.Edit(l.lister, func(signed object) { delete(signed["meta"].(object), l.file) })
			s.Publish()
			at := l.lister
			if l.role == "team" {
				at = l.role
			}
			s.refusedAt(at, "team/app.txt")
			if l.role == "targets" {
				s.last().Versions = map[string]int64{"timestamp": s.Version("timestamp"), "targets": 0}
			}
		})
	}
	b.tell("listing", "timestamp-lists-more", "R-4.5.1", "a timestamp that lists a file besides the snapshot",
		func(s *story) {
			s.usual()
			s.Edit("timestamp", func(signed object) { signed["meta"].(object)["root.json"] = object{"version": int64(1)} })
			s.Publish()
			s.refused("timestamp")
			s.orAccept("the specification has it describe the snapshot alone, and does not say what more does")
		})
	b.tell("listing", "snapshot-lists-root", "R-4.4.1",
		"a snapshot that also lists the root, as old repositories do", func(s *story) {
			s.usual()
			s.Edit("snapshot", func(signed object) { signed["meta"].(object)["root.json"] = object{"version": int64(1)} })
			s.Publish()
			s.ok()
		})
	b.tell("listing", "unknown-member", "R-4.0.1", "entries with members that no client knows", func(s *story) {
		s.usual()
		for _, role := range []string{"timestamp", "snapshot"} {
			s.Edit(role, func(signed object) {
				for _, e := range signed["meta"].(object) {
					e.(object)["x-note"] = "a"
				}
			})
		}
		s.Publish()
		s.get("team/app.txt", "team 1")
	})
}
