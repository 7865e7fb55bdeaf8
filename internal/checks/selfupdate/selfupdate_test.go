//go:build unix

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var kills = flag.Int("kills", 20, "how often the program is killed")

// The program is killed at random moments, while mirrors send wrong bytes or
// break off, while the proxy is dead and while the disk is full. What is
// installed is always one of the published versions, whole, and it runs. In the
// end it is the newest one.
func TestKilledAtAnyMoment(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(7, 7))
	killed := map[string]int{}
	situations := []struct {
		name  string
		fault clienttest.Fault
		env   string
		full  bool
	}{
		{name: "honest"},
		{name: "tampered", fault: clienttest.Wrong()},
		{name: "cut", fault: clienttest.Cut(3_000_000)},
		{name: "dead proxy", env: "HTTP_PROXY=http://127.0.0.1:1"},
		{name: "full disk", full: true},
	}
	for range *kills {
		s := situations[random.IntN(len(situations))]
		if random.IntN(3) == 0 {
			w.publish()
		}
		w.server.Heal()
		if s.fault != nil {
			w.server.Always("/targets/*", s.fault)
		}
		cmd := w.command(s.full, s.env)
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond) // a random moment
		if cmd.Process.Kill() == nil {
			killed[s.name]++
		}
		_ = cmd.Wait()
		w.mustBeWhole()
	}
	t.Logf("killed %v", killed)
	w.server.Heal()
	w.publish()
	out, err := w.command(false, "").CombinedOutput()
	require.NoError(t, err)
	require.NotContains(t, string(out), "not updated")
	require.Equal(t, w.versions[len(w.versions)-1], w.installed())
	out, err = w.command(false, "HTTP_PROXY=http://127.0.0.1:1").CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(out), fmt.Sprintf("I am version %d", len(w.versions)))
	leftovers, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Len(t, leftovers, 3, "the program, the root and the folder")
}

// Without a kill, what goes wrong is said, and the old program stays.
func TestWhatGoesWrongIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		fault clienttest.Fault
		env   string
		full  bool
		says  string
	}{
		"tampered":   {fault: clienttest.Wrong(), says: "hash mismatch"},
		"dead proxy": {env: "HTTP_PROXY=http://127.0.0.1:1", says: "127.0.0.1:1"},
		"full disk":  {full: true, says: "file too large"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.publish()
			if c.fault != nil {
				w.server.Always("/targets/*", c.fault)
			}
			out, err := w.command(c.full, c.env).CombinedOutput()
			require.NoError(t, err)
			require.Contains(t, string(out), "not updated: ")
			require.Contains(t, string(out), c.says)
			require.Contains(t, string(out), "I am version 1\n")
			require.Equal(t, w.versions[0], w.installed())
		})
	}
}

// A newcomer's program has few lines that are not its own business.
func TestFewLines(t *testing.T) {
	data, err := os.ReadFile("main.go")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(data), "\nfunc update(")
	require.True(t, found)
	lines := strings.Count("func update("+text, "\n") + 5 // and the call in main, and two imports
	t.Logf("%d lines", lines)
	require.LessOrEqual(t, lines, 40)
}

// world is a repository with versions of the program, and an installed one.
type world struct {
	t        *testing.T
	repo     *verifytest.Repo
	server   *clienttest.Server
	proxy    string
	dir      string
	binary   []byte
	versions []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	built := filepath.Join(t.TempDir(), "app")
	out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", built, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	now := time.Now().UTC().Truncate(time.Second)
	w := &world{t: t, dir: t.TempDir(), repo: verifytest.New(verifytest.Options{Start: now})}
	w.binary, err = os.ReadFile(built)
	require.NoError(t, err)
	w.server = clienttest.NewServer(w.repo)
	server := httptest.NewServer(w.server)
	t.Cleanup(server.Close)
	w.proxy = server.URL // it answers for any host
	w.publish()
	require.NoError(t, os.WriteFile(w.app(), []byte(w.versions[0]), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "root.json"), w.repo.TrustedRoot(), 0o600))
	return w
}

func (w *world) app() string { return filepath.Join(w.dir, "app") }

// publish publishes the next version.
func (w *world) publish() {
	w.versions = append(w.versions, fmt.Sprintf("%s\nversion %d", w.binary, len(w.versions)+1))
	w.repo.Targets().AddTarget("app", []byte(w.versions[len(w.versions)-1]))
	w.repo.Publish()
	w.server.Publish(w.repo)
}

// command runs the program, on a disk that is full if it wants so much.
func (w *world) command(full bool, env string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), w.app())
	if full {
		cmd = exec.Command("sh", "-c", "ulimit -f 1000; exec "+w.app()) // files of at most half a megabyte
	}
	cmd.Env = append(os.Environ(), "APP_ROOT="+filepath.Join(w.dir, "root.json"),
		"APP_URL=http://updates.example", "HTTP_PROXY="+w.proxy,
		"APP_FOLDER="+filepath.Join(w.dir, "saved"), env)
	return cmd
}

func (w *world) installed() string {
	w.t.Helper()
	data, err := os.ReadFile(w.app())
	require.NoError(w.t, err)
	return string(data)
}

// mustBeWhole requires that the installed program is one of the versions, and
// that it runs.
func (w *world) mustBeWhole() {
	w.t.Helper()
	data, err := os.ReadFile(w.app())
	require.NoError(w.t, err)
	known := slices.IndexFunc(w.versions, func(v string) bool { return bytes.Equal([]byte(v), data) })
	require.GreaterOrEqual(w.t, known, 0, "what is installed is none of the published versions")
	cmd := exec.Command(w.app())
	cmd.Env = append(os.Environ(), "APP_ROOT=none")
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err)
	require.Contains(w.t, string(out), fmt.Sprintf("I am version %d\n", known+1))
}
