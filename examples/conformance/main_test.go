package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestMain makes the test binary the client when it is asked to. The tests play
// the part of the suite, which knows nothing but the command. Run like this,
// and not built by a test, the client is a part of what go test caches, and the
// race detector sees it.
func TestMain(m *testing.M) {
	if os.Getenv("CONFORMANCE_CLIENT") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// client returns the command that runs the client, and where its standard error
// goes.
func (s *suite) client(args ...string) (*exec.Cmd, *bytes.Buffer) {
	binary, err := os.Executable()
	require.NoError(s.t, err)
	cmd := exec.Command(binary, args...)
	path := s.fakeBin + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(os.Environ(), "CONFORMANCE_CLIENT=1", "PATH="+path, fmt.Sprint("FAKE_TIME=", s.now.Unix()),
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or each run would end with a second of sleep under the race detector
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, stderr
}

// suite is what the client meets: a server, a time and two directories that
// stay from one command to the next.
type suite struct {
	t         *testing.T
	url       string
	serve     func(path string) ([]byte, bool) // percent-encoded, "metadata/2.root.json" or "targets/app.txt"
	now       time.Time
	metadata  string
	targets   string
	fakeBin   string
	mu        sync.Mutex
	requested []string
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the client asks for the time by a command that windows does not have")
	}
	tmp := t.TempDir()
	s := &suite{t: t, metadata: filepath.Join(tmp, "metadata"), targets: filepath.Join(tmp, "targets"), fakeBin: filepath.Join(tmp, "bin")}
	for _, dir := range []string{s.metadata, s.targets, s.fakeBin} {
		require.NoError(t, os.Mkdir(dir, 0o700))
	}
	script := "#!/bin/sh\n[ \"$*\" = +%s ] && echo \"$FAKE_TIME\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.fakeBin, "date"), []byte(script), 0o700))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.RequestURI, "/")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requested = append(s.requested, path)
		if data, ok := s.serve(path); ok {
			_, _ = w.Write(data)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// run runs the client and returns its exit code, what it says and what it
// requests.
func (s *suite) run(args ...string) (exit int, said string, requested []string) {
	s.t.Helper()
	s.mu.Lock()
	s.requested = nil
	s.mu.Unlock()
	cmd, stderr := s.client(append([]string{"--metadata-url", s.url + "/metadata/", "--metadata-dir", s.metadata}, args...)...)
	if err := cmd.Run(); err != nil {
		require.ErrorAs(s.t, err, new(*exec.ExitError), "%s", stderr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmd.ProcessState.ExitCode(), stderr.String(), slices.Clone(s.requested)
}

func (s *suite) init(root []byte) (exit int) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "initial_root.json")
	require.NoError(s.t, os.WriteFile(file, root, 0o600))
	cmd, stderr := s.client("--metadata-dir", s.metadata, "init", file) // without a URL, as the suite does
	if err := cmd.Run(); err != nil {
		require.ErrorAs(s.t, err, new(*exec.ExitError), "%s", stderr)
	}
	return cmd.ProcessState.ExitCode()
}

func (s *suite) download(targets ...string) (exit int, said string, requested []string) {
	s.t.Helper()
	var args []string
	for _, target := range targets {
		args = append(args, "--target-name", target)
	}
	return s.run(append(args, "--target-base-url", s.url+"/targets/", "--target-dir", s.targets, "download")...)
}

// files returns a directory's files by name, and fails if there is anything
// else.
func (s *suite) files(dir string) map[string]string {
	s.t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(s.t, err)
	files := map[string]string{}
	for _, e := range entries {
		require.True(s.t, e.Type().IsRegular(), e.Name())
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(s.t, err)
		files[e.Name()] = string(data)
	}
	return files
}

// start is a suite that serves a repository and has initialized the client with
// its anchor.
func start(t *testing.T, repo *verifytest.Repo) *suite {
	t.Helper()
	s := newSuite(t)
	s.now = repo.Now()
	s.serve = func(path string) (data []byte, ok bool) {
		kind, name, _ := strings.Cut(path, "/")
		switch kind {
		case "metadata":
			data, ok = repo.Metadata()[name]
		case "targets":
			data, ok = repo.TargetFiles()[name]
		}
		return data, ok
	}
	require.Zero(t, s.init(repo.TrustedRoot()))
	return s
}

func TestInit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s := start(t, repo)
	require.Equal(t, map[string]string{"root.json": string(repo.TrustedRoot())}, s.files(s.metadata))
	require.Empty(t, s.requested)

	require.Equal(t, 0, s.init([]byte("not a root")), "nothing is checked")
	exit, said, requested := s.run("refresh")
	require.Equal(t, 1, exit)
	require.Contains(t, said, "initial trusted root")
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
	require.Equal(t, []string{"metadata/4.root.json", "metadata/timestamp.json"}, requested, "the rest is at hand")
	require.Empty(t, said)
	require.Equal(t, want, s.files(s.metadata))
}

func TestExpired(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	s := start(t, repo)
	s.now = s.now.Add(24 * time.Hour) // a day is how long a timestamp lives
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
	require.Len(t, artifacts(requested), 3)
	require.Equal(t, map[string]string{"app%2Etxt": "one", "dir%2Fempty": "", "-x%2Cy": "hyphen and comma"}, s.files(s.targets))

	exit, said, requested = s.download(names...)
	require.Zero(t, exit, said)
	require.Empty(t, artifacts(requested), "they are there already")

	// A file that somebody has changed is replaced, and so is one that the
	// repository has changed.
	require.NoError(t, os.WriteFile(filepath.Join(s.targets, "app%2Etxt"), []byte("evil"), 0o600))
	repo.Targets().AddTarget("-x,y", []byte("new"))
	repo.Publish()
	exit, said, requested = s.download(names...)
	require.Zero(t, exit, said)
	require.Len(t, artifacts(requested), 2)
	require.Equal(t, map[string]string{"app%2Etxt": "one", "dir%2Fempty": "", "-x%2Cy": "new"}, s.files(s.targets))
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
			require.Empty(t, s.files(s.targets), "nothing unverified stays, and nothing is done after the first failure")
			for _, r := range artifacts(requested) {
				require.NotContains(t, r, "good")
			}
			require.Contains(t, s.files(s.metadata), "targets.json", "the refresh was good")

			exit, said, _ = s.download("good")
			require.Zero(t, exit, said)
			require.Equal(t, map[string]string{"good": "content"}, s.files(s.targets))
		})
	}
}

// Neither roles nor targets get out of their directories by their names.
func TestOddNames(t *testing.T) {
	roles := []string{"?", "#", "/a", "../x", "..", "root.json", "1.root", "Ä", strings.Repeat("long", 40)}
	repo := verifytest.New(verifytest.Options{})
	for i, name := range roles {
		repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"*"}}).AddTarget(fmt.Sprint("t", i), []byte(name))
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

// Whatever is wrong with the command line, the exit code is 1.
func TestUsage(t *testing.T) {
	s := start(t, verifytest.New(verifytest.Options{}))
	for _, args := range [][]string{{}, {"nonsense"}, {"--nonsense", "refresh"}, {"init"}, {"download"}, {"--target-name", "a", "download"}} {
		exit, said, requested := s.run(args...)
		require.Equal(t, 1, exit, args)
		require.NotEmpty(t, said, args)
		require.Empty(t, requested, args)
	}
}

func isTopLevel(name string) bool {
	return slices.Contains([]string{"root.json", "timestamp.json", "snapshot.json", "targets.json"}, name)
}

// artifacts returns the requests for target files.
func artifacts(requested []string) []string {
	return slices.DeleteFunc(slices.Clone(requested), func(path string) bool { return !strings.HasPrefix(path, "targets/") })
}
