package main

import (
	"fmt"
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// names are names of roles and targets that mean something to a URL, a file
// system or a shell.
func (b *book) names() {
	const encoding = "the specification does not say how such a name stands in a URL"
	for i, c := range []struct{ name, choice string }{
		{"A-role_1.x", ""}, {"a.json", ""}, {"1.root", ""}, {"UPPER", ""}, {"a b", ""}, {"é", ""}, {"😀", ""},
		{"a+b&c=d", ""},
		{"a:b", encoding}, {"a/b", encoding}, {"?", encoding}, {"#", encoding}, {"%41", encoding},
		{"a%2Fb", encoding}, {`a\b`, encoding}, {"..", encoding}, {".", encoding},
		{"../up", encoding}, {"../../up", encoding}, {"/abs", encoding}, {"//host/x", encoding},
		{"http://host/x", encoding},
		{"-rf", ""}, {"~", ""}, {"$HOME", ""}, {"CON", ""}, {"a\nb", encoding}, {"timestamp.json", ""},
		{strings.Repeat("x", 120), ""},
	} {
		why := fmt.Sprintf("a delegated role with the name %q", c.name)
		b.tell("names", fmt.Sprintf("role-%02d", i+1), "R-5.6.7h", why, func(s *story) {
			s.layout(func(top *verifytest.Role) { s.delegate(top, c.name, "a/*").AddTarget("a/x", []byte("x")) })
			s.get("a/x", "x")
			if c.choice != "" {
				s.orRefuse(c.choice, "none")
			}
		})
	}
	for _, name := range []string{"..", "../timestamp", "../metadata/timestamp", "timestamp"} {
		if name == "timestamp" {
			continue
		}
		b.tell("names", "stored-"+strings.NewReplacer("/", "-", ".", "dot").Replace(name), "R-5.6.7h R-5.0.1",
			fmt.Sprintf("a role with the name %q takes no other file's place: the next update goes on", name), func(s *story) {
				s.layout(func(top *verifytest.Role) {
					top.AddTarget("top", []byte("top"))
					s.delegate(top, name, "a/*").AddTarget("a/x", []byte("x"))
				})
				s.get("a/x", "x")
				o := *s.last()
				o.Success, o.Files = false, []string{}
				s.v.Steps[0].Expect = append(s.v.Steps[0].Expect, o)
				s.ok()
				o.Success = true
				s.or(encoding, o)
			})
	}
	const device = "a client may refuse the name of a device of Windows"
	for i, c := range []struct{ path, choice string }{
		{"file", ""}, {"dir/file", ""}, {"a/b/c/d/e/f", ""}, {"a b", ""}, {"a  b ", ""}, {"é/ü", ""}, {"😀", ""},
		{"a+b", ""}, {"a&b=c;d", ""},
		{"a@b:c", encoding}, {"a%20b", encoding}, {"a%2Fb", encoding}, {"100%", encoding}, {"a?b", encoding},
		{"a#b", encoding}, {"-x", ""}, {"x,y", ""}, {"~user", ""}, {"$x", ""},
		{"a'b\"c", encoding}, {"<a>", encoding}, {"[a]", encoding}, {"a|b", encoding}, {"a^b`c{d}", encoding},
		{"file.tar.gz", ""}, {".hidden", ""}, {"..x", ""}, {"x..", ""}, {"CON", device}, {"a.", ""}, {"1.root.json", ""},
		{strings.Repeat("y", 120), ""}, {"../up", encoding}, {"a/../b", encoding}, {"./a", encoding},
		{"a/./b", encoding}, {"a//b", encoding}, {"/abs", encoding}, {"dir/", encoding}, {`a\b`, encoding},
		{"a\nb", encoding},
	} {
		why := fmt.Sprintf("a target with the path %q", c.path)
		b.tell("names", fmt.Sprintf("target-%02d", i+1), "R-5.7.3 R-5.7.6", why, func(s *story) {
			s.layout(func(top *verifytest.Role) { top.AddTarget(c.path, []byte("in "+c.path)) })
			s.get(c.path, "in "+c.path)
			if c.choice != "" {
				s.orRefuse(c.choice, "none")
			}
		})
	}
}
