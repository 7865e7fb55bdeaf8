package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// allocatedPerByte bounds what a session does for each byte of a body, and
// allocatedAtFirst what it does for any.
const allocatedPerByte, allocatedAtFirst = 40, 65_536

// CVE-2020-6173, K10, J7: a body that anybody may send costs a session a
// multiple of its length, at every role. package metadata tries more shapes.
func TestBodiesCostAtMostAMultiple(t *testing.T) {
	const n = 200_000
	repeat := func(piece string) string { return strings.Repeat(piece, n/len(piece)) }
	var signatures []string
	for i := range n / 40 {
		signatures = append(signatures, fmt.Sprintf(`{"keyid":"%d","sig":"00"}`, i))
	}
	bodies := map[string]string{
		"nesting": repeat("["), "empty names": "{" + repeat(`"":0,`) + `"":0}`, "a number": repeat("9"), "spaces": repeat(" "),
		"a string of spaces": `{"signatures":[],"signed":{"_type":"%s","x":"` + repeat(" ") + `"}}`,
		"a string of quotes": `{"signatures":[],"signed":{"_type":"%s","x":"` + repeat(`\"`) + `"}}`,
		"signatures":         `{"signatures":[` + strings.Join(signatures, ",") + `],"signed":{"_type":"%s"}}`,
		"1,024 signatures":   `{"signatures":[` + strings.Join(signatures[:1024], ",") + `],"signed":{"_type":"%s","x":"` + repeat("x") + `"}}`,
	}
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
	repo.PublishOnly("root")
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	s.Lookup("x")
	asked := map[string]bool{}
	require.NoError(t, s.Run(nil, func(req verify.Request) ([]byte, error) {
		asked[req.Role] = true
		kind := map[string]string{"a": "targets"}[req.Role]
		if kind == "" {
			kind = req.Role
		}
		for name, body := range bodies {
			data := []byte(strings.ReplaceAll(body, "%s", kind))
			var err error
			_, cost := allocated(func() { err = s.Provide(req.ID, data) })
			require.Error(t, err)
			require.LessOrEqual(t, cost, int64(allocatedPerByte*len(data)+allocatedAtFirst), "%s as %s", name, req.Role)
		}
		return repo.Metadata().Source()(req)
	}))
	require.Len(t, asked, 5)
}

// What is signed costs a multiple too: a role that delegates a path to very
// many others, by very many prefixes and patterns.
func TestLookupsCostAtMostAMultiple(t *testing.T) {
	for name, of := range map[string]func(i int) map[string]any{
		"prefixes": func(i int) map[string]any { return map[string]any{"path_hash_prefixes": []any{"", "0", "a"}} },
		"patterns": func(i int) map[string]any { return map[string]any{"paths": []any{"*a*a*a*b", "*"}} },
		"nobody's": func(i int) map[string]any { return map[string]any{} },
	} {
		t.Run(name, func(t *testing.T) {
			repo := verifytest.New(verifytest.Options{Compact: true})
			repo.Edit("targets", func(signed map[string]any) {
				var list []any
				for i := range 20_000 {
					role := of(i)
					role["name"], role["keyids"], role["threshold"] = fmt.Sprintf("%05d", i), []any{}, int64(1)
					list = append(list, role)
				}
				signed["delegations"] = map[string]any{"keys": map[string]any{}, "roles": list}
			})
			repo.Publish()
			room := int64(allocatedPerByte*len(repo.Metadata()[repo.FileName("targets")]) + 4*allocatedAtFirst)
			var c *client
			_, cost := allocated(func() {
				c = newClient(t, repo)
				require.NoError(t, c.session.Run(nil, repo.Metadata().Source()))
			})
			require.LessOrEqual(t, cost, room)
			_, cost = allocated(func() { c.session.Lookup(strings.Repeat("a", 100)) })
			require.LessOrEqual(t, cost, room)
		})
	}
}
