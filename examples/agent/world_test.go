package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// asProgram has a copy of the test's binary be the agent.
const asProgram = "TUFWALK_TEST_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// world is a repository with versions of the agent, its mirror, and a machine
// on which version 1 is installed.
type world struct {
	*testing.T
	repo     *verifytest.Repo
	server   *clienttest.Server
	url      string
	program  string
	root     string
	one, two []byte
}

func newWorld(t *testing.T, start time.Time) *world {
	t.Setenv(asProgram, "1")
	w := &world{T: t, repo: verifytest.New(verifytest.Options{Start: start}), server: clienttest.NewServer(nil)}
	self, err := os.Executable()
	require.NoError(t, err)
	w.one, err = os.ReadFile(self)
	require.NoError(t, err)
	w.two = bytes.Join([][]byte{w.one, []byte("version 2\n")}, nil)
	server := httptest.NewServer(w.server)
	t.Cleanup(server.Close)
	w.url = server.URL
	dir := t.TempDir()
	w.program, w.root = filepath.Join(dir, "agent"), filepath.Join(dir, "root.json")
	if runtime.GOOS == "windows" {
		w.program += ".exe"
	}
	require.NoError(t, os.WriteFile(w.root, w.repo.TrustedRoot(), 0o600))
	w.reinstall()
	w.publish(w.one)
	return w
}

// reinstall puts version 1 in place, as on a new machine.
func (w *world) reinstall() {
	for _, name := range []string{
		w.program, beside(w.program, next), beside(w.program, refused), w.program + ".metadata",
	} {
		require.NoError(w, os.RemoveAll(name))
	}
	require.NoError(w, os.WriteFile(w.program, w.one, 0o755))
}

// publish makes a program the newest version.
func (w *world) publish(program []byte) {
	w.sign(program)
	w.server.Publish(w.repo)
}

// unpublish publishes once more, without the program.
func (w *world) unpublish() {
	w.repo.Targets().RemoveTarget("agent")
	w.repo.Publish()
	w.server.Publish(w.repo)
}

// sign makes a program the newest version, and does not tell the mirror.
func (w *world) sign(program []byte) {
	w.repo.Targets().AddTarget("agent", program)
	w.repo.Publish()
}

// installed says that a program is what is installed.
func (w *world) installed(program []byte) {
	w.Helper()
	data, err := os.ReadFile(w.program)
	require.NoError(w, err)
	require.Equal(w, buildOf(program), buildOf(data))
}

// running is an agent that runs.
type running struct {
	*world
	cmd    *exec.Cmd
	log    *bufio.Scanner // and what it writes to stdout
	all    strings.Builder
	health string // the URL of its /healthz and /metrics; empty: it has not said it
}

func (w *world) start(patience string) *running {
	r := &running{world: w}
	soon, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // a log without end ends the test
	w.Cleanup(cancel)
	r.cmd = exec.CommandContext(soon, w.program, "--root", w.root,
		"--metadata-url", w.url+"/metadata", "--targets-url", w.url+"/targets", "--listen", "127.0.0.1:0",
		"--every", "50ms", "--patience", patience, "agent")
	ownGroup(r.cmd)
	stderr, err := r.cmd.StderrPipe()
	require.NoError(w, err)
	r.cmd.Stdout = r.cmd.Stderr
	require.NoError(w, r.cmd.Start())
	r.log = bufio.NewScanner(stderr)
	w.Cleanup(r.kill)
	return r
}

// kill kills the keeper, and waits until the worker has ended too: it has the
// other end of the log.
func (r *running) kill() {
	_ = r.cmd.Process.Kill()
	r.ends()
}

func (r *running) ends() {
	for r.line() {
	}
	_ = r.cmd.Wait()
}

// line reads a line of the log. A worker that starts has another address.
func (r *running) line() bool {
	if !r.log.Scan() {
		return false
	}
	r.all.WriteString(r.log.Text() + "\n")
	if url, ok := strings.CutPrefix(r.log.Text(), "serving "); ok {
		r.health = strings.TrimSuffix(url, "/healthz")
	} else if strings.Contains(r.log.Text(), "msg=started") {
		r.health = ""
	}
	return true
}

// says reads the log until a line has all the texts.
func (r *running) says(texts ...string) {
	r.Helper()
	for r.line() {
		missing := false
		for _, text := range texts {
			missing = missing || !strings.Contains(r.log.Text(), text)
		}
		if !missing {
			return
		}
	}
	require.Fail(r, "the log ended", "before %q:\n%s", texts, r.all.String())
}

// get returns what the agent says at a path of its health address.
func (r *running) get(path string) (int, string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.health+path, nil)
	require.NoError(r, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r, err)
	return resp.StatusCode, string(body)
}

// healthy says that a version runs and can be updated.
func (r *running) healthy(program []byte) {
	r.Helper()
	for r.health == "" && r.line() {
	}
	code, body := r.get("/healthz")
	require.Equal(r, http.StatusOK, code, body)
	require.Contains(r, body, "ok: build "+buildOf(program)+", valid until ")
}
