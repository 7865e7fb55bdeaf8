package main

import (
	"fmt"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// layout begins a repository and lets f fill it.
func (s *story) layout(f func(top *verifytest.Role)) {
	s.begin(verifytest.Options{})
	f(s.Targets())
	s.Publish()
}

// delegations are who may list which target, and in which order roles are
// asked.
func (b *book) delegations() {
	tell := func(name, requirements, why string, do func(s *story)) {
		b.tell("delegation", name, requirements, why, do)
	}
	two := func(s *story, terminating bool) (first, second *verifytest.Role) {
		s.begin(verifytest.Options{})
		top := s.Targets()
		first = top.Delegate(verifytest.Delegation{Name: "first", Paths: []string{"a/*"}, Terminating: terminating})
		return first, s.delegate(top, "second", "a/*")
	}
	tell("order", "R-4.6.8 R-5.6.7a", "two roles list a target, and the first one decides", func(s *story) {
		first, second := two(s, false)
		first.AddTarget("a/x", []byte("of the first"))
		second.AddTarget("a/x", []byte("of the second"))
		s.Publish()
		s.get("a/x", "of the first")
	})
	tell("falls-through", "R-4.6.9 R-5.6.7a", "the first role does not list the target, and the second one does",
		func(s *story) {
			_, second := two(s, false)
			second.AddTarget("a/x", []byte("of the second"))
			s.Publish()
			s.get("a/x", "of the second")
		})
	tell("terminating", "R-5.6.7e", "the first role is terminating and does not list the target, so the second one "+
		"is not asked", func(s *story) {
		_, second := two(s, true)
		second.AddTarget("a/x", []byte("of the second"))
		s.Publish()
		s.notGot("a/x")
	})
	tell("terminating-lists", "R-5.6.7e", "the first role is terminating and lists the target", func(s *story) {
		first, _ := two(s, true)
		first.AddTarget("a/x", []byte("of the first"))
		s.Publish()
		s.get("a/x", "of the first")
	})
	tell("terminating-child", "R-5.6.7e", "a terminating role's own delegate lists the target", func(s *story) {
		first, _ := two(s, true)
		s.delegate(first, "child", "a/*").AddTarget("a/x", []byte("of the child"))
		s.Publish()
		s.get("a/x", "of the child")
	})
	tell("terminating-deep", "R-5.6.7e", "a terminating role below the first one ends the whole search", func(s *story) {
		first, second := two(s, false)
		first.Delegate(verifytest.Delegation{Name: "child", Paths: []string{"a/*"}, Terminating: true})
		second.AddTarget("a/x", []byte("of the second"))
		s.Publish()
		s.notGot("a/x")
	})
	tell("terminating-elsewhere", "R-5.6.7e", "a terminating role for other paths does not end the search",
		func(s *story) {
			s.layout(func(top *verifytest.Role) {
				top.Delegate(verifytest.Delegation{Name: "first", Paths: []string{"b/*"}, Terminating: true})
				s.delegate(top, "second", "a/*").AddTarget("a/x", []byte("x"))
			})
			s.get("a/x", "x")
		})
	tell("depth-first", "R-5.6.7a", "a delegate of the first role comes before the second role", func(s *story) {
		first, second := two(s, false)
		s.delegate(first, "child", "a/*").AddTarget("a/x", []byte("of the child"))
		second.AddTarget("a/x", []byte("of the second"))
		s.Publish()
		s.get("a/x", "of the child")
	})
	tell("own-first", "R-5.6.7d", "a role's own targets come before those of its delegates", func(s *story) {
		s.layout(func(top *verifytest.Role) {
			top.AddTarget("a/x", []byte("of the top"))
			s.delegate(top, "a", "a/*").AddTarget("a/x", []byte("of a"))
		})
		s.get("a/x", "of the top")
	})
	tell("not-trusted-with", "R-4.6.7", "a role lists a target that is not delegated to it", func(s *story) {
		s.layout(func(top *verifytest.Role) { s.delegate(top, "a", "a/*").AddTarget("b/x", []byte("x")) })
		s.notGot("b/x")
	})
	tell("child-trusted-with-more", "R-4.6.7", "a role delegates more than was delegated to it", func(s *story) {
		s.layout(func(top *verifytest.Role) {
			s.delegate(s.delegate(top, "a", "a/*"), "child", "*", "b/*").AddTarget("b/x", []byte("x"))
		})
		s.notGot("b/x")
	})
	tell("cycle", "R-5.6.7b", "two roles delegate to each other, and neither lists the target", func(s *story) {
		s.layout(func(top *verifytest.Role) {
			x := s.delegate(top, "x", "a/*")
			y := s.delegate(x, "y", "a/*")
			s.delegate(y, "x", "a/*")
		})
		s.notGot("a/x")
	})
	tell("cycle-then-found", "R-5.6.7b", "two roles delegate to each other, and a third one lists the target",
		func(s *story) {
			s.layout(func(top *verifytest.Role) {
				x := s.delegate(top, "x", "a/*")
				y := s.delegate(x, "y", "a/*")
				s.delegate(y, "x", "a/*")
				s.delegate(top, "z", "a/*").AddTarget("a/x", []byte("x"))
			})
			s.get("a/x", "x")
		})
	tell("to-itself", "R-5.6.7b", "a role delegates to itself", func(s *story) {
		s.layout(func(top *verifytest.Role) { x := s.delegate(top, "x", "a/*"); s.delegate(x, "x", "a/*") })
		s.notGot("a/x")
	})
	for _, depth := range []int{4, 8, 16} {
		tell(fmt.Sprint("depth-", depth), "R-5.6.7a", fmt.Sprint("the target is listed ", depth, " delegations down"),
			func(s *story) {
				s.layout(func(top *verifytest.Role) {
					for i := range depth {
						top = s.delegate(top, fmt.Sprint("role", i), "a/*")
					}
					top.AddTarget("a/x", []byte("x"))
				})
				s.get("a/x", "x")
			})
	}
	tell("many", "R-5.6.7c", "two hundred roles are asked before the one that lists the target", func(s *story) {
		s.layout(func(top *verifytest.Role) {
			for i := range 200 {
				s.delegate(top, fmt.Sprint("role", i), "a/*")
			}
			s.delegate(top, "last", "a/*").AddTarget("a/x", []byte("x"))
		})
		s.notGot("a/x")
		s.orAccept("a client limits how many roles it asks", "a/x", "x")
	})
	b.delegatedSigners()
	b.delegationEntries()
}

// delegatedSigners are about whose keys sign a delegated role.
func (b *book) delegatedSigners() {
	tell := func(name, requirements, why string, do func(s *story)) {
		b.tell("delegation", name, requirements, why, do)
	}
	// Two roles delegate to shared, with different keys.
	diamond := func(s *story) (shared *verifytest.Role) {
		s.begin(verifytest.Options{})
		x, y := s.delegate(s.Targets(), "x", "a/*"), s.delegate(s.Targets(), "y", "b/*")
		x.Delegate(verifytest.Delegation{Name: "shared", Paths: []string{"a/*"}, Keys: []*verifytest.Key{s.Key("kx")}})
		shared = y.Delegate(verifytest.Delegation{Name: "shared", Paths: []string{"b/*"},
			Keys: []*verifytest.Key{s.Key("ky")}})
		shared.AddTarget("a/1", []byte("a"))
		shared.AddTarget("b/1", []byte("b"))
		return shared
	}
	tell("two-delegators", "R-5.6.7g", "two roles delegate to one, with different keys, and both signed",
		func(s *story) {
			diamond(s)
			s.Publish()
			s.step([]string{"a/1", "b/1"}, s.all(), map[string]string{"a/1": "a", "b/1": "b"})
		})
	tell("two-delegators-one-signed", "R-5.6.7g", "the keys of the second delegator did not sign", func(s *story) {
		diamond(s)
		s.SignWith("shared", s.Key("kx"))
		s.Publish()
		s.get("a/1", "a")
		s.notGot("b/1")
	})
	tell("two-delegators-one-run", "R-5.6.7g", "the keys of the second delegator did not sign, and both are asked "+
		"in one run", func(s *story) {
		diamond(s)
		s.SignWith("shared", s.Key("kx"))
		s.Publish()
		s.step([]string{"a/1", "b/1"}, s.all(), map[string]string{"a/1": "a"})
		s.last().Success = false
		o := *s.last()
		o.Files = []string{}
		s.or("a client may look up all targets before it downloads one", o)
	})
	tell("two-of-two", "R-4.3.7 R-5.6.3", "a delegated role that needs two keys, and has both", func(s *story) {
		s.usual()
		s.keysOf("team", 2, s.Key("a"), s.Key("b"))
		s.Publish()
		s.get("team/app.txt", "team 1")
	})
	for _, how := range []string{"unsigned", "missing", "unlisted"} {
		tell("hidden-by-"+how, "R-5.6.7f", "the first role's file is "+how+", and the second role, which it outranks, "+
			"lists the target", func(s *story) {
			s.layout(func(top *verifytest.Role) {
				s.delegate(top, "first", "a/*").AddTarget("a/x", []byte("of the first"))
				s.delegate(top, "second", "a/*").AddTarget("a/x", []byte("of the second"))
			})
			switch how {
			case "unsigned":
				s.EditEnvelope("first", func(e object) { e["signatures"] = []any{} })
				s.Publish()
			case "missing":
				s.lie(func(m verifytest.Files) { delete(m, s.FileName("first")) })
			case "unlisted":
				s.begin(verifytest.Options{})
				s.delegate(s.Targets(), "first", "a/*").AddTarget("a/x", []byte("of the first"))
				s.delegate(s.Targets(), "second", "a/*").AddTarget("a/x", []byte("of the second"))
				s.Edit("snapshot", func(signed object) { delete(signed["meta"].(object), "first.json") })
				s.Publish()
			}
			s.notGot("a/x")
		})
	}
}

// delegationEntries are entries of unusual form.
func (b *book) delegationEntries() {
	entry := func(name, requirements, why, choice string, good bool, f func(delegations, first object)) {
		b.tell("delegation", name, requirements, why, func(s *story) {
			s.usual()
			s.Edit("targets", func(signed object) {
				d := signed["delegations"].(object)
				f(d, d["roles"].([]any)[0].(object))
			})
			s.Publish()
			if good {
				s.get("team/app.txt", "team 1")
			} else {
				s.refusedAt("targets", "team/app.txt")
				s.last().Versions = map[string]int64{"snapshot": s.Version("snapshot")}
			}
			switch {
			case choice != "" && good:
				s.orRefuse(choice, "targets")
			case choice != "":
				s.orAccept(choice, "team/app.txt", "team 1")
			}
		})
	}
	entry("no-terminating", "R-4.6.9", "an entry that does not say whether it is terminating",
		"the specification does not say that it may be absent", true, func(_, e object) { delete(e, "terminating") })
	entry("terminating-text", "R-4.6.9", "terminating is a string", "", false,
		func(_, e object) { e["terminating"] = "false" })
	entry("neither", "R-4.6.4", "an entry with neither paths nor prefixes, which delegates nothing", "", false,
		func(_, e object) { delete(e, "paths") })
	entry("no-paths", "R-4.6.4", "an entry with an empty list of paths", "", false,
		func(_, e object) { e["paths"] = []any{} })
	entry("both", "R-4.6.4", "an entry with paths and prefixes",
		"the specification does not allow both, and does not say what they do", false,
		func(_, e object) { e["path_hash_prefixes"] = []any{""} })
	entry("paths-text", "R-4.2.1", "a string in place of a list of paths", "", false,
		func(_, e object) { e["paths"] = "team/*" })
	entry("null", "R-4.2.1", "null in place of an entry", "", false, func(d, _ object) { d["roles"] = []any{nil} })
	entry("roles-null", "R-4.2.1", "null in place of the entries", "", false, func(d, _ object) { d["roles"] = nil })
	entry("keys-null", "R-4.2.1", "null in place of the keys", "", false, func(d, _ object) { d["keys"] = nil })
	entry("key-null", "R-4.2.1", "null in place of a key", "", false, func(d, _ object) {
		for id := range d["keys"].(object) {
			d["keys"].(object)[id] = nil
		}
	})
	entry("name-number", "R-4.2.1", "a name that is a number", "", false, func(_, e object) { e["name"] = int64(7) })
	entry("no-name", "R-4.6.10", "an empty name", "", false, func(_, e object) { e["name"] = "" })
	entry("threshold-zero", "R-4.3.7", "a threshold of 0", "the specification does not say that it is at least 1", false,
		func(_, e object) { e["threshold"] = int64(0) })
	entry("unknown-member", "R-4.0.1", "members that no client knows, in the entry and next to the keys", "", true,
		func(d, e object) { d["x-note"], e["x-note"] = "a", object{} })
	entry("twice", "R-4.6.3", "two entries for one role",
		"role names are unique, and the specification does not say what two equal ones do", false,
		func(d, e object) { d["roles"] = append(d["roles"].([]any), e) })
	for _, name := range topLevel {
		b.tell("delegation", "named-"+name, "R-4.6.10", "a delegated role has the name of a top-level one: "+name,
			func(s *story) {
				s.usual()
				s.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"x/*"}})
				s.Publish()
				s.refusedAt("targets", "team/app.txt")
				s.orAccept("the specification does not say that these names are taken", "team/app.txt", "team 1")
			})
	}
}

// patterns are which paths a pattern covers.
func (b *book) patterns() {
	const sets = "the specification has * and ?, as shells do, and does not speak of sets"
	for i, c := range []struct {
		pattern, path string
		covers        bool
		choice        string
	}{
		{"a/*", "a/x", true, ""},
		{"a/*", "a/x.tar.gz", true, ""},
		{"a/*", "a/b/x", false, ""},
		{"a/*", "a", false, ""},
		{"a/*", "A/x", false, ""},
		{"*", "x", true, ""},
		{"*", "a/x", false, ""},
		{"*/*", "a/x", true, ""},
		{"a/*/x", "a/b/x", true, ""},
		{"a/*/x", "a/b/c/x", false, ""},
		{"a/*.txt", "a/x.txt", true, ""},
		{"a/*.txt", "a/x.TXT", false, ""},
		{"a/*.txt", "a/x.txt.exe", false, ""},
		{"a/x*", "a/x", true, ""},
		{"a/?", "a/x", true, ""},
		{"a/?", "a/xy", false, ""},
		{"a?x", "a/x", false, ""},
		{"a/x-?-y", "a/x-1-y", true, ""},
		{"a/x", "a/x", true, ""},
		{"a/x", "a/xy", false, ""},
		{"a/.*", "a/.x", true, ""},
		{"a/*", "a/.x", true, "shells hide names that begin with a dot"},
		{"a/**", "a/b/x", false, "some clients read ** as any number of directories"},
		{"a/+(x)", "a/xx", false, "some clients have more patterns, as some shells do"},
		{"a/@(x|y)", "a/x", false, "some clients have more patterns, as some shells do"},
		{"a/{x,y}", "a/x", false, "some clients expand braces, as shells do"},
		{"a/.", "a/x", false, ""},
		{"a/[xy]", "a/x", true, sets},
		{"a/[a-z]", "a/x", true, sets},
		{"a/[!a-w]", "a/x", true, sets},
		{"a/[!x]", "a/x", false, sets},
		{"a/[", "a/[", true, sets},
		{"", "x", false, ""},
	} {
		word := "covers"
		if !c.covers {
			word = "does not cover"
		}
		why := fmt.Sprintf("the pattern %q %s %q", c.pattern, word, c.path)
		b.tell("pattern", fmt.Sprintf("%02d", i+1), "R-4.6.6", why, func(s *story) {
			s.layout(func(top *verifytest.Role) { s.delegate(top, "role", c.pattern).AddTarget(c.path, []byte("x")) })
			if c.covers {
				s.get(c.path, "x")
			} else {
				s.notGot(c.path)
			}
			switch {
			case c.choice != "" && c.covers:
				s.orRefuse(c.choice, "targets")
			case c.choice != "":
				s.orAccept(c.choice, c.path, "x")
			}
		})
	}
}
