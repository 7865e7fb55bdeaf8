package multirepo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// The names of folders do not change. If a store is not found again, there are
// no stored versions to protect against a rollback.
func TestDirName(t *testing.T) {
	const n = 200 - len("repository.=") // letters that a name may have
	for name, want := range map[string]string{
		"":                               "repository.=",
		"public":                         "repository.public=",
		"az09-_":                         "repository.az09-_=",
		"`{/:,.":                         "repository.%60%7b%2f%3a%2c%2e=", // next to those that stay
		"AZ":                             "repository.%41%5a=",
		"a%2fb":                          "repository.a%252fb=",
		"x=":                             "repository.x%3d=",
		"é\x00\xff":                      "repository.%c3%a9%00%ff=",
		strings.Repeat("n", n):           "repository." + strings.Repeat("n", n) + "=",
		strings.Repeat("n", n+1):         "repository=" + digest("sha256", strings.Repeat("n", n+1)),
		strings.Repeat("N", n/3):         "repository." + strings.Repeat("%4e", n/3) + "=",
		strings.Repeat("N", n/3) + "abc": "repository=" + digest("sha256", strings.Repeat("N", n/3)+"abc"),
	} {
		require.Equal(t, want, multirepo.DirName(name), "%q", name)
	}
}
