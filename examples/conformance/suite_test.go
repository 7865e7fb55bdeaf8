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

// TestMain turns the test binary into the client if a variable is set. The
// tests act as the suite, which runs the client as a command. In the test
// binary, the client is part of what go test caches, and the race detector
// watches it.
func TestMain(m *testing.M) {
	if os.Getenv("CONFORMANCE_CLIENT") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// client returns the command that runs the client, and its standard error.
func (s *suite) client(args ...string) (*exec.Cmd, *bytes.Buffer) {
	binary, err := os.Executable()
	require.NoError(s.t, err)
	cmd := exec.Command(binary, args...)
	path := s.fakeBin + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(os.Environ(), "CONFORMANCE_CLIENT=1", "PATH="+path, fmt.Sprint("FAKE_TIME=", s.now.Unix()),
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or the race detector sleeps a second at each exit
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, stderr
}

// suite has a server, a time, and the two directories of the client, which stay
// from one command to the next.
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
	tmp := t.TempDir()
	s := &suite{
		t: t, metadata: filepath.Join(tmp, "metadata"), targets: filepath.Join(tmp, "targets"),
		fakeBin: filepath.Join(tmp, "bin"),
	}
	for _, dir := range []string{s.metadata, s.targets, s.fakeBin} {
		require.NoError(t, os.Mkdir(dir, 0o700))
	}
	name, script := "date", "#!/bin/sh\n[ \"$*\" = +%s ] && echo \"$FAKE_TIME\"\n"
	if runtime.GOOS == "windows" {
		name, script = "date.bat", "@echo %FAKE_TIME%\r\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.fakeBin, name), []byte(script), 0o700))
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

// run runs the client. It returns the exit code, the standard error and the
// requested paths.
func (s *suite) run(args ...string) (exit int, said string, requested []string) {
	s.t.Helper()
	s.mu.Lock()
	s.requested = nil
	s.mu.Unlock()
	flags := []string{"--metadata-url", s.url + "/metadata/", "--metadata-dir", s.metadata}
	cmd, stderr := s.client(append(flags, args...)...)
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

// files returns the files of a directory by name. It fails if there is anything
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

// start returns a suite that serves a repository and has initialized the client
// with its trusted root.
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

func isTopLevel(name string) bool {
	return slices.Contains([]string{"root.json", "timestamp.json", "snapshot.json", "targets.json"}, name)
}

// artifacts returns the requests for target files.
func artifacts(requested []string) []string {
	return slices.DeleteFunc(slices.Clone(requested), func(path string) bool {
		return !strings.HasPrefix(path, "targets/")
	})
}
