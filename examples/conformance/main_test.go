package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestInit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s := start(t, repo)
	require.Equal(t, map[string]string{"root.json": string(repo.TrustedRoot())}, s.files(s.metadata))
	require.Empty(t, s.requested)

	require.Equal(t, 0, s.init([]byte("not a root")), "nothing is checked")
	exit, said, requested := s.run("refresh")
	require.Equal(t, 1, exit)
	require.Contains(t, said, verify.ErrSyntax.Error())
	require.Empty(t, requested)

	exit, said, _ = s.run("init", filepath.Join(s.targets, "missing"))
	require.Equal(t, 1, exit)
	require.Contains(t, said, "missing")
}

func TestRefresh(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Rotate("root", 2, repo.Key("a"), repo.Key("b"))
	repo.PublishOnly("root")
	repo.Rotate("snapshot", 1, repo.Key("c"))
	repo.Publish()
	s := start(t, repo)

	exit, said, requested := s.run("refresh")
	require.Zero(t, exit, said)
	require.Equal(t, []string{
		"metadata/2.root.json", "metadata/3.root.json", "metadata/4.root.json", "metadata/timestamp.json",
		"metadata/2.snapshot.json", "metadata/1.targets.json",
	}, requested)
	m := repo.Metadata()
	want := map[string]string{
		"root.json": string(m["3.root.json"]), "timestamp.json": string(m["timestamp.json"]),
		"snapshot.json": string(m["2.snapshot.json"]), "targets.json": string(m["1.targets.json"]),
	}
	require.Equal(t, want, s.files(s.metadata))

	exit, said, requested = s.run("refresh")
	require.Zero(t, exit, said)
	require.Equal(t, []string{"metadata/4.root.json", "metadata/timestamp.json"}, requested, "the rest is stored")
	require.Empty(t, said)
	require.Equal(t, want, s.files(s.metadata))
}

func TestDSSE(t *testing.T) {
	s := start(t, verifytest.New(verifytest.Options{EnvelopeFormat: metadata.DSSE}))
	exit, said, _ := s.run("--envelope-format", "dsse", "refresh")
	require.Zero(t, exit, said)
	exit, said, _ = s.run("refresh")
	require.Equal(t, 1, exit, said)
}

func TestExpired(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s := start(t, repo)
	s.now = s.now.Add(24 * time.Hour) // a timestamp is valid for a day
	exit, said, _ := s.run("refresh")
	require.Equal(t, 1, exit)
	require.Contains(t, said, "timestamp")
	require.Contains(t, said, "expired")
	require.Equal(t, map[string]string{"root.json": string(repo.TrustedRoot())}, s.files(s.metadata))

	s.now = s.now.Add(-time.Second)
	exit, said, _ = s.run("refresh")
	require.Zero(t, exit, said)
}

func TestDownload(t *testing.T) {
	repo := verifytest.New(verifytest.Options{Hashes: []string{"sha256", "sha512"}})
	repo.Targets().AddTarget("app.txt", []byte("one"))
	repo.Targets().AddTarget("dir/empty", nil)
	repo.Targets().AddTarget("-x,y", []byte("hyphen and comma"))
	repo.Publish()
	s := start(t, repo)
	names := []string{"app.txt", "dir/empty", "-x,y"}

	exit, said, requested := s.download(names...)
	require.Zero(t, exit, said)
	require.Len(t, artifacts(requested), 2, "an empty file needs no request")
	require.Equal(t,
		map[string]string{"app%2Etxt": "one", "dir%2Fempty": "", "-x%2Cy": "hyphen and comma"}, s.files(s.targets))

	exit, said, requested = s.download(names...)
	require.Zero(t, exit, said)
	require.Empty(t, artifacts(requested), "they are there already")

	// A file that somebody has changed is replaced. So is a file that the
	// repository has changed.
	require.NoError(t, os.WriteFile(filepath.Join(s.targets, "app%2Etxt"), []byte("evil"), 0o600))
	repo.Targets().AddTarget("-x,y", []byte("new"))
	repo.Publish()
	exit, said, requested = s.download(names...)
	require.Zero(t, exit, said)
	require.Len(t, artifacts(requested), 2)
	require.Equal(t,
		map[string]string{"app%2Etxt": "one", "dir%2Fempty": "", "-x%2Cy": "new"}, s.files(s.targets))
}

// The file is served under only one of its digests.
func TestDownloadOtherDigest(t *testing.T) {
	repo := verifytest.New(verifytest.Options{Hashes: []string{"sha256", "sha512"}})
	repo.Targets().AddTarget("app", []byte("one"))
	repo.Publish()
	for name := range repo.TargetFiles() {
		if len(name) == len("app")+1+2*64 {
			delete(repo.TargetFiles(), name)
		}
	}
	s := start(t, repo)
	exit, said, requested := s.download("app")
	require.Zero(t, exit, said)
	require.Len(t, artifacts(requested), 2)
}

func TestDownloadFails(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	for _, name := range []string{"good", "short", "long", "wrong", "gone", "../x", "."} {
		repo.Targets().AddTarget(name, []byte("content"))
	}
	repo.Publish()
	for name := range repo.TargetFiles() {
		switch _, file, _ := strings.Cut(name, "."); file {
		case "short":
			repo.TargetFiles()[name] = []byte("conten")
		case "long":
			repo.TargetFiles()[name] = []byte("contents")
		case "wrong":
			repo.TargetFiles()[name] = []byte("CONTENT")
		case "gone":
			delete(repo.TargetFiles(), name)
		}
	}
	for _, c := range []struct{ target, reason string }{
		{"short", "length"}, {"long", "length"}, {"wrong", "hash"}, {"gone", "404"},
		{"unknown", "target"}, {"?", "target"}, {"", "target"}, {"../x", "segment of dots"}, {".", "segment of dots"},
	} {
		t.Run(c.target, func(t *testing.T) {
			s := start(t, repo)
			exit, said, requested := s.download(c.target, "good")
			require.Equal(t, 1, exit)
			require.Contains(t, said, c.reason)
			require.Empty(t, s.files(s.targets), "no unverified file, and nothing after the first error")
			for _, r := range artifacts(requested) {
				require.NotContains(t, r, "good")
			}
			require.Contains(t, s.files(s.metadata), "targets.json", "the refresh succeeded")

			exit, said, _ = s.download("good")
			require.Zero(t, exit, said)
			require.Equal(t, map[string]string{"good": "content"}, s.files(s.targets))
		})
	}
}

// No name of a role or target leads out of the directories.
func TestOddNames(t *testing.T) {
	roles := []string{"?", "#", "/a", "../x", "..", "root.json", "1.root", "Ä", strings.Repeat("long", 40)}
	repo := verifytest.New(verifytest.Options{})
	for i, name := range roles {
		role := repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}})
		role.AddTarget(fmt.Sprint("t", i), []byte(name))
	}
	targets := []string{"?", "#", "%2e", "a b", "ü", "...", "a..b"}
	for _, name := range targets {
		repo.Targets().AddTarget(name, []byte(name))
	}
	repo.Publish()
	s := start(t, repo)

	for i, name := range roles {
		exit, said, _ := s.download(fmt.Sprint("t", i))
		require.Zero(t, exit, "role %q: %s", name, said)
	}
	saved := s.files(s.metadata)
	require.Len(t, saved, 4+len(roles))
	require.Equal(t, string(repo.TrustedRoot()), saved["root.json"])
	for name := range saved {
		require.True(t, strings.HasPrefix(name, "role.") || isTopLevel(name), name)
	}

	for _, name := range targets {
		exit, said, _ := s.download(name)
		require.Zero(t, exit, "target %q: %s", name, said)
	}
	require.Len(t, s.files(s.targets), len(roles)+len(targets))
}

// For any mistake in the command line, the exit code is 1.
func TestUsage(t *testing.T) {
	s := start(t, verifytest.New(verifytest.Options{}))
	for _, args := range [][]string{
		{}, {"nonsense"}, {"--nonsense", "refresh"}, {"init"}, {"download"}, {"--target-name", "a", "download"},
		{"--envelope-format", "classic", "refresh"},
	} {
		exit, said, requested := s.run(args...)
		require.Equal(t, 1, exit, args)
		require.NotEmpty(t, said, args)
		require.Empty(t, requested, args)
	}
}
