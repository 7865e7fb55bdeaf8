package delegation_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The sub-benchmark "yardstick" is the least work that gives the same answer,
// from content that is already decoded.

// asked is a path with its hash in hexadecimal.
type asked struct{ path, digits string }

func askedPath(name string) asked {
	return asked{name, fmt.Sprintf("%x", sha256.Sum256([]byte(name)))}
}

// BenchmarkRolesFor finds the one role of many that matches a path.
func BenchmarkRolesFor(b *testing.B) {
	for _, n := range []int{1024, 16_384, 65_536} {
		b.Run(fmt.Sprintf("%d classic bins", n), func(b *testing.B) {
			d := delegationsOf(b, func(x *verifytest.Role) { x.DelegateBins("bin", n) })
			findEach(b, d, 10_000, prefixYardstick(d))
		})
	}
	b.Run("65536 succinct bins", func(b *testing.B) {
		d := delegationsOf(b, func(x *verifytest.Role) { x.DelegateSuccinct("bin", 16) })
		findEach(b, d, 10_000, func(p asked) string { return "bin-" + p.digits[:4] })
	})
}

// BenchmarkPatterns finds the one role of many whose pattern matches a path.
// The yardstick is the plain scan, which compares the path with one pattern
// after the other.
func BenchmarkPatterns(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newRepository(b)
			r.delegateEach(numbered(n, "dir-%05d/*"))
			d := r.delegations()
			list := make([]string, n)
			for i := range list {
				for pattern := range ofRole(d, i) {
					list[i] = strings.Clone(pattern)
				}
			}
			findEach(b, d, n, func(p asked) string {
				i := slices.IndexFunc(list, func(pattern string) bool { return delegation.Match(pattern, p.path) })
				return fmt.Sprintf("%06d", i)
			})
		})
	}
}

func ofRole(d *metadata.Delegations, i int) iter.Seq[string] {
	role := d.At(i)
	return role.Paths()
}

func findEach(b *testing.B, d *metadata.Delegations, of int, yardstick func(asked) string) {
	ours := func(p asked) string {
		for found := range delegation.RolesFor("targets", d, p.path) {
			return found.Role
		}
		return ""
	}
	paths := make([]asked, 200)
	for i := range paths {
		paths[i] = askedPath(fmt.Sprintf("dir-%05d/x", i*7919%of))
		require.Equal(b, yardstick(paths[i]), ours(paths[i]))
	}
	for _, m := range []struct {
		name string
		find func(asked) string
	}{{"tufwalk", ours}, {"yardstick", yardstick}} {
		b.Run(m.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if m.find(paths[i%len(paths)]) == "" {
					b.Fatal("no role")
				}
			}
		})
	}
}

// prefixYardstick is a binary search among the prefixes.
func prefixYardstick(d *metadata.Delegations) func(asked) string {
	type bin struct{ prefix, role string }
	var bins []bin
	for i := range d.Len() {
		role := d.At(i)
		for prefix := range role.PathHashPrefixes() {
			bins = append(bins, bin{strings.Clone(prefix), strings.Clone(role.Name)})
		}
	}
	digits := len(bins[0].prefix)
	return func(p asked) string {
		i, _ := slices.BinarySearchFunc(bins, p.digits[:digits], func(x bin, prefix string) int {
			return cmp.Compare(x.prefix, prefix)
		})
		return bins[i].role
	}
}

// BenchmarkMatch compares Match with path.Match of the standard library, which
// has other rules for some characters.
func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct{ name, pattern, path string }{
		{"literal", "packages/some_project/1.0/file.whl", "packages/some_project/1.0/file.whl"},
		{"directory", "packages/some_project/*", "packages/some_project/file-1.0-py3-none-any.whl"},
		{"other directory", "packages/some_project/*", "packages/other_project/file-1.0-py3-none-any.whl"},
		{"extension", "packages/*/*.whl", "packages/some_project/file-1.0-py3-none-any.whl"},
		{"set", "packages/[a-z]?[!0-9]*/*", "packages/some_project/file-1.0-py3-none-any.whl"},
		{"nasty stars", strings.Repeat("*a", 1000) + "b", strings.Repeat("a", 3000)},
		{"nasty sets", strings.Repeat("*[!b]", 500) + "b", strings.Repeat("a", 1500)},
		{"unclosed sets", "*" + strings.Repeat("[", 20_000), strings.Repeat("[", 400)},
	} {
		b.Run(c.name+"/tufwalk", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				delegation.Match(c.pattern, c.path)
			}
		})
		b.Run(c.name+"/yardstick", func(b *testing.B) {
			for b.Loop() {
				_, _ = path.Match(c.pattern, c.path)
			}
		})
	}
}
