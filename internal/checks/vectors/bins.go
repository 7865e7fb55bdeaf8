package main

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// binned makes bins below the top-level targets, and puts some targets in them.
type binned func(top *verifytest.Role, n int)

var inBins = []string{"a/1", "b/2", "c/3.tar.gz"}

// binStories are the same for both kinds of bins. Bits is their number's
// logarithm.
func (b *book) binStories(topic string, also string, needs []string, bits []int, make binned) {
	tell := func(name, requirements, why string, do func(s *story)) {
		b.tell(topic, name, requirements+" "+also, why, func(s *story) {
			s.needs(needs...)
			s.begin(verifytest.Options{})
			do(s)
		})
	}
	fill := func(s *story, n int) {
		make(s.Targets(), n)
		for _, path := range inBins {
			s.Targets().AddToBin(path, []byte("in "+path))
		}
	}
	for _, n := range bits {
		tell(fmt.Sprint(1<<n, "-bins"), "R-4.6.5", fmt.Sprint("targets in ", 1<<n, " bins"), func(s *story) {
			fill(s, n)
			s.Publish()
			for _, path := range inBins {
				s.get(path, "in "+path)
			}
			s.notGot("d/4")
		})
	}
	tell("wrong-bin", "R-4.6.5", "a target is listed in another bin than its own", func(s *story) {
		fill(s, 4)
		other := s.Targets().Bin("a/1")
		if s.Targets().Bin("other") == other {
			other = s.Targets().Bin("yet another")
		}
		other.AddTarget("other", []byte("x"))
		s.Publish()
		s.notGot("other")
	})
	tell("stranger", "R-5.6.3", "a bin is signed by a key that is not listed", func(s *story) {
		fill(s, 4)
		s.SignWith(s.Targets().Bin("a/1").Name(), s.Key("stranger"))
		s.Publish()
		s.notGot("a/1")
	})
	tell("unsigned", "R-5.6.3", "a bin is not signed", func(s *story) {
		fill(s, 4)
		s.EditEnvelope(s.Targets().Bin("a/1").Name(), func(e object) { e["signatures"] = []any{} })
		s.Publish()
		s.notGot("a/1")
	})
	tell("expired", "R-5.6.5", "a bin has expired", func(s *story) {
		fill(s, 4)
		s.Edit(s.Targets().Bin("a/1").Name(), func(signed object) { signed["expires"] = "2020-01-01T00:00:00Z" })
		s.Publish()
		s.notGot("a/1")
	})
	tell("missing", "R-5.6.7f", "the mirror does not have the bin", func(s *story) {
		fill(s, 4)
		s.Publish()
		s.lie(func(m verifytest.Files) { delete(m, s.FileName(s.Targets().Bin("a/1").Name())) })
		s.notGot("a/1")
	})
	tell("old-version", "R-5.6.4", "the mirror has an older version of the bin under the new name", func(s *story) {
		fill(s, 4)
		s.Publish()
		s.get("a/1", "in a/1")
		name := s.Targets().Bin("a/1").Name()
		old := s.Metadata()[s.FileName(name)]
		s.Targets().AddToBin("a/1", []byte("new"))
		s.Publish()
		s.lie(func(m verifytest.Files) { m[s.FileName(name)] = old })
		s.notGot("a/1")
	})
	tell("changed", "R-5.6.4", "a target in a bin changes", func(s *story) {
		fill(s, 4)
		s.Publish()
		s.get("a/1", "in a/1")
		s.Targets().AddToBin("a/1", []byte("new"))
		s.Publish()
		s.get("a/1", "new")
	})
	tell("file-of-another-bin", "R-5.6.8a", "the mirror has another bin's file, with the same keys and version, in "+
		"place of the right one", func(s *story) {
		fill(s, 4)
		s.Publish()
		name := s.Targets().Bin("a/1").Name()
		i := 0
		for s.Targets().Bin(fmt.Sprint(i)).Name() == name {
			i++
		}
		other := s.Targets().Bin(fmt.Sprint(i)).Name()
		s.lie(func(m verifytest.Files) { m[s.FileName(name)] = m[s.FileName(other)] })
		s.notGot("a/1") // it can hide a target, not add one
	})
	tell("rotated", "R-5.3.4a R-5.6.3", "the top-level targets have new keys", func(s *story) {
		fill(s, 4)
		s.Publish()
		s.get("a/1", "in a/1")
		s.Rotate("targets", 1, s.Key("new"))
		s.Publish()
		s.get("b/2", "in b/2")
	})
	tell("below-a-role", "R-4.6.7 R-5.6.7a", "bins below a delegated role, which covers one path only", func(s *story) {
		role := s.delegate(s.Targets(), "role", "a/*")
		make(role, 4)
		role.AddToBin("a/1", []byte("x"))
		role.AddToBin("b/2", []byte("y"))
		s.Publish()
		s.get("a/1", "x")
		s.notGot("b/2")
	})
}

// bins are hash bins by path_hash_prefixes, as in PEP 458.
func (b *book) bins() {
	b.binStories("bins", "", nil, []int{1, 4, 5, 8}, func(top *verifytest.Role, n int) { top.DelegateBins("bin", 1<<n) })
	full := func(path string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(path))) }
	for _, c := range []struct {
		name, why, prefix, choice string
		covers                    bool
	}{
		{"one-digit", "a prefix of one digit", full("x")[:1], "", true},
		{"odd-digits", "a prefix of five digits", full("x")[:5], "", true},
		{"whole-hash", "a prefix that is the whole hash", full("x"), "", true},
		{"other-hash", "a prefix of another hash", full("y")[:8], "", false},
		{"too-long", "a prefix that is longer than a hash", full("x") + "0", "", false},
		{"empty-prefix", "an empty prefix, which every hash has", "",
			"the specification does not say that a prefix may be empty", true},
		{"upper-case", "a prefix in upper case", strings.ToUpper(full("x")[:8]),
			"the specification does not say in which case the digits are", false},
		{"not-hex", "a prefix that is not hexadecimal", "xy", "", false},
		{"path-as-prefix", "a prefix of the path, not of its hash", "x", "", false},
	} {
		b.tell("bins", "prefix-"+c.name, "R-4.6.5 R-4.2.6", c.why, func(s *story) {
			s.layout(func(top *verifytest.Role) {
				top.Delegate(verifytest.Delegation{Name: "bin", PathHashPrefixes: []string{c.prefix}}).AddTarget("x", []byte("x"))
			})
			if c.covers {
				s.get("x", "x")
			} else {
				s.refusedAt("targets", "x")
				s.last().Versions = map[string]int64{"snapshot": s.Version("snapshot")}
			}
			switch {
			case c.choice != "" && c.covers:
				s.orRefuse(c.choice, "targets")
			case c.choice != "":
				s.orAccept(c.choice, "x", "x")
			}
		})
	}
	b.tell("bins", "two-levels", "R-4.6.5 R-5.6.7a", "bins below a role, as an index of packages has them",
		func(s *story) {
			s.begin(verifytest.Options{})
			all := s.delegate(s.Targets(), "bins", "*", "*/*", "*/*/*")
			all.DelegateBins("bin-n", 16)
			all.AddToBin("packages/a/a-1.whl", []byte("wheel"))
			s.Publish()
			s.get("packages/a/a-1.whl", "wheel")
		})
	b.tell("bins", "hash-of-the-base-name", "R-4.6.5", "a prefix of the hash of the file's name, not of its path",
		func(s *story) {
			s.layout(func(top *verifytest.Role) {
				top.Delegate(verifytest.Delegation{Name: "bin", PathHashPrefixes: []string{full("x")[:8]}}).AddTarget("a/x",
					[]byte("x"))
			})
			s.notGot("a/x")
		})
}

// succinct are hash bins by succinct_roles (TAP 15).
func (b *book) succinct() {
	needs := []string{needsSuccinct}
	b.binStories("succinct", "R-T15.2", needs, []int{1, 2, 4, 5, 8},
		func(top *verifytest.Role, n int) { top.DelegateSuccinct("bin", n) })
	edited := func(name, requirements, why string, f func(d, succinct object)) {
		b.tell("succinct", name, requirements, why, func(s *story) {
			s.needs(needs...)
			s.begin(verifytest.Options{})
			s.Targets().DelegateSuccinct("bin", 2)
			s.Targets().AddToBin("a/1", []byte("x"))
			s.Edit("targets", func(signed object) {
				d := signed["delegations"].(object)
				f(d, d["succinct_roles"].(object))
			})
			s.Publish()
			s.refusedAt("targets", "a/1")
			s.last().Versions = map[string]int64{"snapshot": s.Version("snapshot")}
		})
	}
	for _, n := range []string{"0", "-1", "33", "64", "1.5", "null", `"2"`} {
		edited("bit-length-"+strings.Trim(strings.ReplaceAll(n, ".", "-"), `"`)+strings.Repeat("-text",
			strings.Count(n, `"`)/2), "R-T15.1",
			"bit_length is "+n, func(_, succinct object) { succinct["bit_length"] = number(n) })
	}
	edited("bit-length-missing", "R-T15.1", "no bit_length", func(_, succinct object) { delete(succinct, "bit_length") })
	edited("prefix-missing", "R-T15.2", "no name_prefix", func(_, succinct object) { delete(succinct, "name_prefix") })
	edited("other-prefix", "R-T15.2 R-T15.4", "another name_prefix than that of the bins that there are",
		func(_, succinct object) { succinct["name_prefix"] = "other" })
	edited("null", "R-4.2.1", "null in place of succinct_roles", func(d, _ object) { d["succinct_roles"] = nil })
	edited("keyids-missing", "R-4.2.1", "no key IDs", func(_, succinct object) { delete(succinct, "keyids") })
	b.tell("succinct", "with-roles", "R-T15.3", "both roles and succinct_roles, which TAP 15 does not allow",
		func(s *story) {
			s.needs(needs...)
			s.begin(verifytest.Options{})
			s.Targets().DelegateSuccinct("bin", 2)
			s.Targets().AddToBin("a/1", []byte("x"))
			s.delegate(s.Targets(), "role", "b/*")
			s.Publish()
			s.refusedAt("targets", "a/1")
			s.orAccept("TAP 15 does not say what a client does with both", "a/1", "x")
		})
	b.tell("succinct", "end-the-search", "R-T15.5", "a bin does not list the target, and a role after its delegator "+
		"does", func(s *story) {
		s.needs(needs...)
		s.begin(verifytest.Options{})
		s.delegate(s.Targets(), "first", "a/*").DelegateSuccinct("bin", 2)
		s.delegate(s.Targets(), "second", "a/*").AddTarget("a/1", []byte("x"))
		s.Publish()
		s.notGot("a/1")
		s.orAccept("TAP 15 has bins that are not terminating, and deployed clients have terminating ones", "a/1", "x")
	})
}
