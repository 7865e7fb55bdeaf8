package main

import (
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// targetFiles are what is listed of target files, and the files themselves.
func (b *book) targetFiles() {
	served := func(name, why string, f func(data []byte) []byte) {
		for _, target := range []string{"top.txt", "team/app.txt"} {
			where := map[string]string{"top.txt": "top", "team/app.txt": "delegated"}[target]
			b.tell("target", name+"-"+where, "R-5.7.2", why+": "+where, func(s *story) {
				s.usual()
				s.lieTargets(func(m verifytest.Files) {
					for name, data := range m {
						if data = f(data); data == nil {
							delete(m, name)
						} else {
							m[name] = data
						}
					}
				})
				s.notGot(target)
			})
		}
	}
	served("changed", "one byte of the file is another", func(data []byte) []byte { data[0] ^= 1; return data })
	served("shorter", "the file lacks a byte", func(data []byte) []byte { return data[1:] })
	served("longer", "the file has a byte too much", func(data []byte) []byte { return append(data, '!') })
	served("empty", "the file is empty", func([]byte) []byte { return []byte{} })
	served("missing", "the mirror does not have the file", func([]byte) []byte { return nil })
	b.tell("target", "endless", "R-5.7.2", "the mirror sends the file, and then spaces without end", func(s *story) {
		s.usual()
		for name := range s.TargetFiles() {
			s.endless = append(s.endless, "targets/"+name)
		}
		s.notGot("top.txt")
	})
	b.tell("target", "old-file", "R-5.7.2", "the mirror has the old file under the new name", func(s *story) {
		s.usualWith(verifytest.Options{NoConsistentSnapshot: true})
		s.get("top.txt", "top 1")
		old := s.TargetFiles().Clone()
		s.Targets().AddTarget("top.txt", []byte("top 2"))
		s.Publish()
		s.hosted = old
		s.notGot("top.txt")
	})
	b.tell("target", "two-in-one-run", "R-5.7.2", "two targets of two roles in one run", func(s *story) {
		s.usual()
		s.step([]string{"top.txt", "team/inner/app.txt"}, s.all(), map[string]string{"top.txt": "top 1",
			"team/inner/app.txt": "inner 1"})
	})
	b.tell("target", "again", "R-5.7.7", "a target that the client has already is not needed from the mirror",
		func(s *story) {
			s.usual()
			s.get("top.txt", "top 1")
			s.lieTargets(func(m verifytest.Files) { clear(m) })
			s.get("top.txt", "top 1")
			s.orRefuse("a client need not look for a copy", "none")
			end := &s.v.Steps[len(s.v.Steps)-1]
			end.Expect[1].Files = end.Expect[0].Files
		})
	listed := func(name, requirements, why, choice string, good bool, f func(signed, info object)) {
		b.tell("target", name, requirements, why, func(s *story) {
			s.usual()
			s.Edit("targets", func(signed object) { f(signed, signed["targets"].(object)["top.txt"].(object)) })
			s.Publish()
			if good {
				s.get("top.txt", "top 1")
			} else {
				s.refusedAt("targets", "top.txt")
				s.last().Versions = map[string]int64{"snapshot": s.Version("snapshot")}
			}
			switch {
			case choice != "" && good:
				s.orRefuse(choice, "targets")
			case choice != "":
				s.orAccept(choice, "top.txt", "top 1")
			}
		})
	}
	const unknown = "the specification does not say what an unknown hash does"
	listed("no-length", "R-4.6.1", "a target without a length", "", false,
		func(_, info object) { delete(info, "length") })
	listed("length-text", "R-4.6.1", "a length that is a string", "", false,
		func(_, info object) { info["length"] = "5" })
	listed("length-negative", "R-4.6.1", "a length below 0", "", false,
		func(_, info object) { info["length"] = int64(-1) })
	listed("no-hashes", "R-4.6.1", "a target without hashes", "", false, func(_, info object) { delete(info, "hashes") })
	listed("empty-hashes", "R-4.6.1", "a target with an empty list of hashes", "", false,
		func(_, info object) { info["hashes"] = object{} })
	listed("hashes-null", "R-4.6.1", "null in place of the hashes", "", false,
		func(_, info object) { info["hashes"] = nil })
	listed("hash-number", "R-4.6.1", "a hash that is a number", "", false,
		func(_, info object) { info["hashes"] = object{"sha256": int64(7)} })
	listed("hash-junk", "R-4.6.1 R-5.7.2", "a hash that is not hexadecimal", "", false,
		func(_, info object) { info["hashes"] = object{"sha256": "zz"} })
	listed("hash-cut", "R-5.7.2", "the first half of the right hash", "", false, func(_, info object) {
		h := info["hashes"].(object)
		h["sha256"] = h["sha256"].(string)[:32]
	})
	listed("second-hash-wrong", "R-5.7.2", "a wrong hash next to a right one", "", false, func(_, info object) {
		info["hashes"].(object)["sha512"] = strings.Repeat("00", 64)
	})
	listed("unknown-hash", "R-4.4.3 R-5.7.2", "a hash of a kind that no client knows is the only one", "", false,
		func(_, info object) { info["hashes"] = object{"sum": "00"} })
	listed("unknown-second-hash", "R-4.4.3", "a hash of a kind that no client knows, next to a right one", unknown, true,
		func(_, info object) { info["hashes"].(object)["sum"] = "00" })
	listed("null", "R-4.2.1", "null in place of a target", "", false,
		func(signed, _ object) { signed["targets"].(object)["top.txt"] = nil })
	listed("custom", "R-4.6.2", "a target with custom data", "", true, func(_, info object) {
		info["custom"] = object{"a": []any{nil, true, int64(-3)}, "é": object{}}
	})
	listed("custom-text", "R-4.6.2", "custom data that is not an object",
		"the specification has an object, and leaves its meaning to others", false,
		func(_, info object) { info["custom"] = "a" })
	listed("unknown-member", "R-4.0.1", "a target with a member that no client knows", "", true,
		func(_, info object) { info["x-note"] = "a" })
	content := func(name, why string, data string) {
		b.tell("target", name, "R-5.7.2", why, func(s *story) {
			s.usual()
			s.Targets().AddTarget("file", []byte(data))
			s.Publish()
			s.get("file", data)
		})
	}
	content("zero-bytes", "a target without content", "")
	content("binary", "a target of all bytes, twice", strings.Repeat(allBytes(), 2))
	content("large", "a target of a megabyte", strings.Repeat("0123456789abcdef", 1<<16))
	for _, name := range []string{"sha256", "sha512"} {
		b.tell("target", "only-under-"+name, "R-5.7.3 R-5.7.5",
			"of two listed hashes, the file's name has only the "+name, func(s *story) {
				s.usualWith(verifytest.Options{Hashes: []string{"sha256", "sha512"}})
				digits := map[string]int{"sha256": 64, "sha512": 128}[name]
				s.lieTargets(func(m verifytest.Files) {
					for path := range m {
						if strings.Index(path, ".") != digits {
							delete(m, path)
						}
					}
				})
				s.get("top.txt", "top 1")
				s.orRefuse("the specification has a repository serve all names, and a client ask for one", "none")
			})
	}
}

func allBytes() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}
