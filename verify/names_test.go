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

// D13, F9, CVE-2021-41131, CVE-2021-41150: the names of saved files are safe on
// every file system, and no two roles share one (docs/decisions.md, "Names of
// saved files").
func TestStoreNames(t *testing.T) {
	long := strings.Repeat("n", 300)
	odd := []string{
		"a", "A", "aux", "CON", "nul.txt", "../x", `..\x`, "a/b", "a%2fb", "a%2Fb", ".", "..", " ",
		"a ", "a.", "é", "e\u0301", "🍺", "\x00", "*", "?", "<>:|\"", "=a", "1.root", "7.root",
		"Foo", "foo", "FOO", "root.json", "role.a", "snapshot.json", long, long + "n",
		strings.ToUpper(long), strings.Repeat("/", 60), strings.Repeat("/", 70),
	}
	seen := map[string]string{
		"root.json":      "root",
		"timestamp.json": "timestamp",
		"snapshot.json":  "snapshot",
		"targets.json":   "targets",
		"1.root.json":    "root version 1",
		"7.root.json":    "root version 7",
	}
	for _, role := range odd {
		name := verify.StoreName(role)
		require.Regexp(t, `^role\.[a-z0-9%_=-]*\.json$`, name)
		require.LessOrEqual(t, len(name), 200)
		other, ok := seen[strings.ToLower(name)]
		require.False(t, ok, "%q and %q have the same name", role, other)
		seen[strings.ToLower(name)] = role
	}
	require.Equal(t, "role.bins-0a.json", verify.StoreName("bins-0a"))
	require.Equal(t, "targets.json", verify.StoreName("targets"))

	// A request has this name for the store, and another one for the mirror.
	repo := verifytest.New(verifytest.Options{})
	delegate(repo.Targets(), "../X", "x")
	repo.Publish()
	c := newClient(t, repo)
	c.session.Lookup("x")
	req := c.forward("../X")
	require.Equal(t, "1...%2FX.json", req.Path)
	require.Equal(t, "role.%2e%2e%2f%58.json", req.StoreName)
}

// Stores on disk have files with these names, so the names must stay the same.
func TestStoreNamesStayTheSame(t *testing.T) {
	longest := strings.Repeat("z", 190)
	tooLong := longest + "z"
	for role, want := range map[string]string{
		"az-09_":   "role.az-09_.json",
		"AZ`{/:@":  "role.%41%5a%60%7b%2f%3a%40.json",
		longest:    "role." + longest + ".json",
		tooLong:    fmt.Sprintf("role.=%x.json", sha256.Sum256([]byte(tooLong))),
		"targets ": "role.targets%20.json",
	} {
		require.Equal(t, want, verify.StoreName(role))
	}
}

// R-4.6.10 (G11, D12): no delegated role has the name of a top-level one, or
// none.
func TestReservedRoleNames(t *testing.T) {
	for _, name := range []string{"root", "timestamp", "snapshot", "targets", "mirrors", ""} {
		repo := verifytest.New(verifytest.Options{})
		delegate(repo.Targets(), "a", "*")
		repo.Edit("targets", func(signed object) {
			signed["delegations"].(object)["roles"].([]any)[0].(object)["name"] = name
		})
		repo.Publish()
		_, err := newClient(t, repo).lookup("x")
		require.ErrorContains(t, err, fmt.Sprintf("cannot have the name %q", name))
	}
}
