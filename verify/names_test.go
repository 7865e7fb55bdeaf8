package verify_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Decision 11 (D13, F9, CVE-2021-41131): saved names.
func TestDecision11Names(t *testing.T) {
	long := strings.Repeat("n", 300)
	odd := []string{
		"a", "A", "aux", "CON", "nul.txt", "../x", `..\x`, "a/b", "a%2fb", "a%2Fb", ".", "..", " ", "a ", "a.", "é", "e\u0301", "🍺", "\x00", "*", "?", "<>:|\"", "=a", "1.root", "7.root",
		"Foo", "foo", "FOO", "root.json", "role.a", "snapshot.json", long, long + "n", strings.ToUpper(long), strings.Repeat("/", 60), strings.Repeat("/", 70),
	}
	seen := map[string]string{"root.json": "root", "timestamp.json": "timestamp", "snapshot.json": "snapshot", "targets.json": "targets", "1.root.json": "1", "7.root.json": "7"}
	for _, role := range odd {
		name := verify.RecordName(role)
		require.Regexp(t, `^role\.[a-z0-9%_=-]*\.json$`, name)
		require.LessOrEqual(t, len(name), 200)
		other, ok := seen[strings.ToLower(name)]
		require.False(t, ok, "%q and %q have the same name", role, other)
		seen[strings.ToLower(name)] = role
	}
	require.Equal(t, "role.bins-0a.json", verify.RecordName("bins-0a"))
	require.Equal(t, "targets.json", verify.RecordName("targets"))

	// The session gives these names out, not the wire's, and asks for the
	// wire's.
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "../X", Paths: []string{"x"}})
	repo.Publish()
	c := newClient(t, repo)
	c.session.Lookup("x")
	req := c.forward("../X")
	require.Equal(t, "1...%2FX.json", req.Path)
	require.Equal(t, "role.%2e%2e%2f%58.json", req.StoreName)
}

// Record.StoreName: stores on disk hold these names, which must stay.
func TestRecordNamesStay(t *testing.T) {
	for role, want := range map[string]string{
		"az-09_": "role.az-09_.json", "AZ`{/:@": "role.%41%5a%60%7b%2f%3a%40.json", strings.Repeat("z", 190): "role." + strings.Repeat("z", 190) + ".json",
		strings.Repeat("z", 191): fmt.Sprintf("role.=%x.json", sha256.Sum256([]byte(strings.Repeat("z", 191)))),
	} {
		require.Equal(t, want, verify.RecordName(role))
	}
}

// no delegated role has a name that a top-level one has.
func TestDecision11ReservedNames(t *testing.T) {
	for _, name := range []string{"root", "timestamp", "snapshot", "targets", "mirrors", ""} {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
		repo.Edit("targets", func(signed map[string]any) {
			signed["delegations"].(map[string]any)["roles"].([]any)[0].(map[string]any)["name"] = name
		})
		repo.Publish()
		_, err := newClient(t, repo).lookup("x")
		require.ErrorContains(t, err, fmt.Sprintf("cannot have the name %q", name))
	}
}
