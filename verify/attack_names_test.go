package verify_test

import (
	"context"
	"math"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// oddNames are names that mean something to a URL, a file system or a shell.
var oddNames = []string{
	"../../etc/x", "//evil.example/x", "http://evil/x", "..%2f", "?", "#", "/abs", `a\..\b`, `C:\x`,
	"CON", "nul.txt", "..", ".", "a/../b", "\x00", "a\nb", "-rf", "~", "$HOME", " ", "1.root",
	"root.json", "é", strings.Repeat("x", 300),
}

// CVE-2021-41131, GHSA-wjw6-2cqr-j4qr, CVE-2021-41149, CVE-2021-41150,
// CVE-2026-24137, CVE-2026-24686, tuf-js#783, F5, G12: the name of a role is
// one segment of a URL and one name of a file, and a file is loaded under the
// name under which it was saved.
func TestNamesOfRoles(t *testing.T) {
	for _, name := range oddNames {
		for _, above := range [][]string{{}, {"one", "two"}} {
			repo := verifytest.New(verifytest.Options{NoConsistentSnapshot: name == "1.root"})
			x := delegateDown(repo.Targets(), append(above, name)...)
			x.AddTarget("app", []byte("odd"))
			repo.Publish()
			testRoleName(t, repo, name)
		}
	}
}

func testRoleName(t *testing.T, repo *verifytest.Repo, name string) {
	var asked verify.Request
	store := verifytest.Store{}
	session := newClient(t, repo).session
	l := session.Lookup("app")
	require.NoError(t, session.Run(context.Background(), store, func(_ context.Context, q verify.Request) ([]byte, error) {
		if q.Role == name {
			asked = q
		}
		return repo.Metadata().Source()(context.Background(), q)
	}))
	target, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, name, target.Role)

	const base = "https://mirror.example/metadata/"
	full, err := url.Parse(base + asked.Path)
	require.NoError(t, err)
	require.Equal(t, "mirror.example", full.Host)
	require.Empty(t, full.RawQuery+full.Fragment)
	require.Equal(t, base+asked.Path, full.JoinPath().String(), "%q: there is nothing to clean", name)
	require.NotContains(t, asked.Path, "/", "%q is one segment", name)
	require.Contains(t, store, asked.StoreName)
	require.Regexp(t, `^role\.[a-z0-9%_=-]*\.json$`, asked.StoreName)
}

// D13: without versions in names, the file of the role "2.root" has the path of
// the second root. One of them in place of the other is rejected.
func TestTwoFilesOneURL(t *testing.T) {
	repo := verifytest.New(verifytest.Options{NoConsistentSnapshot: true})
	delegateEverything(repo.Targets(), "2.root").AddTarget("app", []byte("x"))
	repo.Publish()
	require.Equal(t, metadata.FileName("root", 2), metadata.FileName("2.root", 0))
	c := newClient(t, repo)
	c.session.Lookup("app")
	root := c.next()
	err := c.session.Provide(root.ID, c.body(root))
	require.ErrorIs(t, err, metadata.ErrSyntax, "the role's file is no root")
	require.NoError(t, c.session.NotFound(root.ID))
	req := c.forward("2.root")
	require.Equal(t, root.Path, req.Path)
	require.NotEqual(t, root.StoreName, req.StoreName)
	require.ErrorIs(t, c.session.Provide(req.ID, repo.TrustedRoot()), metadata.ErrSyntax)
	c.provide(req)
}

// CVE-2021-41149, CVE-2026-6968, CVE-2026-24137, uptane-standard#225, D9, F6:
// no URL is made of a target path that leads elsewhere, and the library writes
// no file. In other paths each segment is encoded.
func TestNamesOfTargets(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		for _, path := range oddNames {
			s.role().AddTarget(path, []byte("odd"))
		}
		s.repo.Publish()
		session := s.begin(verifytest.Store{})
		safe := 0
		for _, path := range oddNames {
			l := session.Lookup(path)
			require.NoError(s, session.Run(context.Background(), nil, s.source()))
			target, err := l.Target()
			require.NoError(s, err, path)
			require.Equal(s, path, target.Path)
			paths, err := target.URLPaths()
			if err != nil {
				require.ErrorIs(s, err, verify.ErrPath)
				require.Empty(s, paths)
				continue
			}
			safe++
			const base = "https://mirror.example/"
			full, err := url.Parse(base + paths[0])
			require.NoError(s, err)
			require.Empty(s, full.RawQuery+full.Fragment)
			require.Equal(s, strings.Count(path, "/")+1, strings.Count(full.EscapedPath(), "/"), path)
			require.NotContains(s, full.Path, "/../")
		}
		require.Positive(s, safe)
	})
}

// J4: after the greatest version there is no next root to ask for, and no
// overflow.
func TestLastRoot(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.SetVersion("root", math.MaxInt64)
	repo.PublishOnly("root")
	s, err := verify.New(fileOf(repo, "root"), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	b, ok := s.Next()
	require.True(t, ok)
	require.Equal(t, "timestamp", b.Fetch[0].Role)
	require.Equal(t, "last root: version 9223372036854775807; no version can follow", s.ChainEnd().String())
}
