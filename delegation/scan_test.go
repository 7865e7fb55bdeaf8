package delegation_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
)

// scan is RolesFor without an index: it compares the path with every pattern
// and every prefix, in listed order.
func scan(d *metadata.Delegations, path string) (found []int) {
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(path)))
	for i := range d.Len() {
		role := d.At(i)
		matches := false
		for pattern := range role.Paths() {
			matches = matches || delegation.Match(pattern, path)
		}
		for prefix := range role.PathHashPrefixes() {
			matches = matches || strings.HasPrefix(digest, prefix)
		}
		if matches {
			found = append(found, i)
		}
	}
	return found
}

// requireSameAsScan compares RolesFor with the plain scan. It stops RolesFor
// after each number of roles too.
func requireSameAsScan(t *testing.T, d *metadata.Delegations, path string) (matching int) {
	t.Helper()
	want := scan(d, path)
	for most := 1; most <= len(want)+1; most++ {
		var got []int
		for found := range delegation.RolesFor("targets", d, path) {
			role := d.At(found.Position)
			require.Equal(t, delegation.Delegation{
				Delegator: "targets", Role: role.Name, Terminating: role.Terminating, Position: found.Position,
			}, found)
			if got = append(got, found.Position); len(got) == most {
				break
			}
		}
		require.Equal(t, want[:min(most, len(want))], got, "%q", path)
	}
	return len(want)
}

// fileWith returns the delegations of a file as an attacker could write it:
// each list is that of one role, in turn of patterns and of prefixes. Other
// members are between them, and names are in no order.
func fileWith(t *testing.T, member func(role int) string, lists [][]string) *metadata.Delegations {
	t.Helper()
	roles := make([]any, len(lists))
	for i, list := range lists {
		roles[i] = map[string]any{
			"name": fmt.Sprint((i*7 + 3) % 1009), member(i): list, "keyids": []string{"paths", `"*`}, "threshold": 1,
			"terminating": i%5 == 1, "zzz": map[string]any{"paths": []string{"a", "*"}},
		}
	}
	data, err := json.Marshal(map[string]any{"signatures": []any{}, "signed": map[string]any{
		"_type": "targets", "version": 1, "spec_version": "1.0", "expires": "2030-01-01T00:00:00Z",
		"targets":     map[string]any{},
		"delegations": map[string]any{"keys": map[string]any{}, "roles": roles},
	}})
	require.NoError(t, err)
	env, err := metadata.Parse[metadata.Targets](data, metadata.Options{})
	require.NoError(t, err)
	content, err := env.Unverified()
	require.NoError(t, err)
	return content.Delegations()
}

func paths(int) string { return "paths" }

func pathsAndPrefixes(role int) string {
	if role%3 == 2 {
		return "path_hash_prefixes"
	}
	return "paths"
}

// pieces are what random patterns and paths are made of. Few of them are drawn
// for each file, so that patterns and paths have much in common.
var pieces = []string{
	"a", "b", "ab", "ba", "/", "/", "-", "é", "ü", "🍺", "\u0000", "\u007f", "\uffff", "\U0010ffff", `"`, `\`,
	"!", "]", ".", " ", "dir", "dir/", "0", "1", "#", "+", "Z", "^", "_", "~", "{", "\n", "\u2028",
}

var wildcards = []string{"*", "?", "[a-c]", "[!a]", "[", "[]", "*/", "**", "[é-ü]", `["]`, `[\]`}

// the index finds the same roles as a plain scan does, in the
// same order, whatever the patterns look like.
func TestIndexFindsWhatAScanFinds(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		draw := func(from []string, most int) (s string) {
			for range r.IntN(most + 1) {
				s += from[r.IntN(len(from))]
			}
			return s
		}
		literal := make([]string, 1+r.IntN(5))
		for i := range literal {
			literal[i] = pieces[r.IntN(len(pieces))]
		}
		mixed := append(slices.Clone(literal), wildcards[r.IntN(len(wildcards))], wildcards[r.IntN(len(wildcards))])
		var known []string
		lists := make([][]string, r.IntN(40))
		for i := range lists {
			lists[i] = []string{}
			for range r.IntN(6) {
				pattern := draw(literal, 4) + draw(mixed, 1+r.IntN(4))
				switch {
				case pathsAndPrefixes(i) != "paths":
					pattern = fmt.Sprintf("%x", sha256.Sum256([]byte(pattern)))[:r.IntN(4)]
				case len(known) > 0 && r.IntN(4) == 0:
					pattern = known[r.IntN(len(known))] // a duplicate
				}
				lists[i], known = append(lists[i], pattern), append(known, pattern)
			}
		}
		d := fileWith(t, pathsAndPrefixes, lists)
		for _, pattern := range known {
			requireSameAsScan(t, d, pattern)
		}
		for range 20 {
			requireSameAsScan(t, d, draw(literal, 6))
		}
		requireSameAsScan(t, d, "")
		requireSameAsScan(t, d, "\xff"+draw(literal, 3)+"\xc3")
	}
}

// The same in long lists, where the index has much to leave out.
func TestIndexOfLongLists(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	name := func() string { return fmt.Sprintf("%c/%x", 'a'+r.IntN(3), r.IntN(300)) }
	lists := make([][]string, 1000)
	for i := range lists {
		for range 1 + r.IntN(3) {
			lists[i] = append(lists[i], name()[:1+r.IntN(3)]+[]string{"*", "", "?", "/*", "[0-9]*"}[r.IntN(5)])
		}
	}
	d := fileWith(t, paths, lists)
	matching := 0
	for range 60 {
		matching += requireSameAsScan(t, d, name())
	}
	require.Greater(t, matching, 60)
}

// FuzzRolesFor compares the index with the plain scan. Patterns are one a line.
// An empty line begins a new role.
func FuzzRolesFor(f *testing.F) {
	f.Add("a/*\nb\n\n*\n\na/?", "a/x")
	f.Add("\n\n\n", "")
	f.Add("a\na\n\na*\na", "a")
	f.Add("dir/\"*\n\ndir/\\*\n\ndir/[]", `dir/"x`)
	f.Add("é*\n\nü\n\n\u0000*", "éa")
	f.Add("aaa*\naa*\na*\n*\n\naa\naaa\n\naaaa*", "aaa")
	for _, c := range matches {
		f.Add(c.pattern+"\n\n"+c.path+"\n"+c.pattern, c.path)
	}
	f.Fuzz(func(t *testing.T, patterns, path string) {
		if len(patterns) > 1000 || len(path) > 100 {
			return
		}
		var lists [][]string
		for role := range strings.SplitSeq(strings.ToValidUTF8(patterns, "?"), "\n\n") {
			lists = append(lists, strings.Split(role, "\n"))
		}
		requireSameAsScan(t, fileWith(t, paths, lists), path)
	})
}
