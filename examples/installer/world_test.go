package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// world is a repository, HTTP servers for it, and a user with a cache and a
// destination.
type world struct {
	t         *testing.T
	repo      *verifytest.Repo
	dir       string
	cache     string
	dest      string
	rootFile  string
	metadata  string // base URLs
	targets   string
	mu        sync.Mutex
	requested []string
}

var (
	appData  = bytes.Repeat([]byte("app "), 50_000)
	toolData = []byte("a tool")
)

func newWorld(t *testing.T, o verifytest.Options) *world {
	t.Helper()
	w := &world{t: t, repo: verifytest.New(o), dir: t.TempDir()}
	w.repo.Targets().AddTarget("app.bin", appData)
	team := w.repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"tools/*"}})
	team.AddTarget("tools/hammer", toolData)
	w.repo.Publish()
	w.cache, w.dest = filepath.Join(w.dir, "cache"), filepath.Join(w.dir, "dest")
	w.rootFile = filepath.Join(w.dir, "root.json")
	require.NoError(t, os.WriteFile(w.rootFile, w.repo.TrustedRoot(), 0o600))
	w.metadata = w.mirror(w.repo.Metadata(), nil)
	w.targets = w.mirror(w.repo.TargetFiles(), nil)
	return w
}

// mirror serves files, by the path as it is sent. If answers returns true, it
// has answered the request itself.
func (w *world) mirror(files verifytest.Files, answers func(http.ResponseWriter, string) bool) (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
		w.mu.Lock()
		w.requested = append(w.requested, path)
		w.mu.Unlock()
		if answers != nil && answers(rw, path) {
			return
		}
		w.mu.Lock()
		data, ok := files[path]
		w.mu.Unlock()
		if ok {
			_, _ = rw.Write(data)
			return
		}
		http.NotFound(rw, r)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// args returns a whole command line for these targets.
func (w *world) args(targets ...string) []string {
	return append([]string{"--root", w.rootFile, "--metadata-url", w.metadata, "--targets-url", w.targets,
		"--cache", w.cache, "--dest", w.dest, "--at", w.repo.Now().Format(time.RFC3339)}, targets...)
}

func runArgs(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func (w *world) mustInstall(targets ...string) (stdout, stderr string) {
	w.t.Helper()
	return w.mustInstallWith(nil, targets...)
}

func (w *world) mustInstallWith(options []string, targets ...string) (stdout, stderr string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(append(w.args(targets...), options...)...)
	require.Equal(w.t, 0, code, stderr)
	for _, target := range targets {
		w.mustHave(target)
	}
	return stdout, stderr
}

func (w *world) mustFail(because string, args ...string) {
	w.t.Helper()
	code, stdout, stderr := runArgs(args...)
	require.Equal(w.t, 1, code, stdout+stderr)
	require.Contains(w.t, stderr, because)
}

// mustHave requires that a target is installed with the right content.
func (w *world) mustHave(target string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dest, target))
	require.NoError(w.t, err)
	require.Equal(w.t, map[string][]byte{"app.bin": appData, "tools/hammer": toolData}[target], data)
}

// mustHaveNothing requires that no target is there. What has come of one may
// be, under a name of the library's own, for the next run to go on with.
func (w *world) mustHaveNothing() {
	w.t.Helper()
	_ = filepath.WalkDir(w.dest, func(path string, d os.DirEntry, err error) error {
		require.False(w.t, err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".tufwalk-"), "%s is there", path)
		return nil
	})
}

// since returns the paths requested since the last call.
func (w *world) since() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.requested
	w.requested = nil
	return r
}

// childEnv names a variable. If it is set, the test binary is the installer.
const childEnv = "INSTALLER_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// child returns the installer as a process. Its output is in cmd.Stderr, a
// *bytes.Buffer.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

// history is a world with a past. The user has release 2 of 3, and there is a
// frozen mirror of each release.
type history struct {
	*world
	files     [4]verifytest.Files // metadata, by release
	mirrors   [4]string
	replay    string // the mirror of release 2, with all roots
	contents  map[string][][]byte
	published map[string]bool // all metadata files, by content
	fresh     bool            // the user has no files yet
}

const chisel = "tools/chisel"

func newHistory(t *testing.T) *history {
	h := &history{
		world:    newWorld(t, verifytest.Options{}),
		contents: map[string][][]byte{}, published: map[string]bool{},
	}
	for release := 1; release <= 3; release++ {
		for target, role := range map[string]string{"app.bin": "targets", chisel: "team"} {
			data := bytes.Repeat(fmt.Appendf(nil, "%s %d ", target, release), 5000)
			h.contents[target] = append(h.contents[target], data)
			h.repo.Role(role).AddTarget(target, data)
		}
		if release == 3 {
			h.repo.Rotate("root", 1, h.repo.Key("next"))
		}
		h.repo.Publish()
		for _, data := range h.repo.Metadata() {
			h.published[string(data)] = true
		}
		h.files[release] = h.repo.Metadata().Clone()
		h.mirrors[release] = h.mirror(h.files[release], nil)
	}
	replay := h.files[2].Clone()
	replay["2.root.json"] = h.repo.Metadata()["2.root.json"]
	h.replay = h.mirror(replay, nil)
	code, _, stderr := runArgs(h.from(2)...)
	require.Equal(t, 0, code, stderr)
	return h
}

// from returns a command line for the mirror that is frozen at a release.
func (h *history) from(release int) []string { return h.fromMirror(h.mirrors[release]) }

func (h *history) fromMirror(url string) []string {
	h.metadata = url
	return h.world.args("app.bin", chisel)
}

// fromServers is from, with servers of its own for metadata and targets. If
// answers returns true, it has answered the request itself.
func (h *history) fromServers(release int, answers func(rw http.ResponseWriter, data []byte) bool) []string {
	serve := func(files verifytest.Files) string {
		return h.mirror(files, func(rw http.ResponseWriter, path string) bool { return answers(rw, files[path]) })
	}
	metadata, targets := h.metadata, h.targets
	defer func() { h.metadata, h.targets = metadata, targets }()
	h.metadata, h.targets = serve(h.files[release]), serve(h.repo.TargetFiles())
	return h.world.args("app.bin", chisel)
}

// publishing serves release 2 until its nth answer. Then release 3 is
// published, and published is called before that answer.
func (h *history) publishing(n int64, published func()) (asked *atomic.Int64) {
	asked = new(atomic.Int64)
	h.metadata = h.mirror(nil, func(rw http.ResponseWriter, path string) bool {
		files := h.files[2]
		switch now := asked.Add(1); {
		case now == n:
			published()
		case now > n:
			files = h.files[3]
		}
		data, ok := files[path]
		if ok {
			_, _ = rw.Write(data)
		}
		return ok
	})
	return asked
}

// fork returns another user in the same state.
func (h *history) fork(t *testing.T) *history {
	t.Helper()
	w := &world{t: t, repo: h.repo, dir: t.TempDir(), rootFile: h.rootFile, targets: h.targets}
	w.cache, w.dest = filepath.Join(w.dir, "cache"), filepath.Join(w.dir, "dest")
	require.NoError(t, os.CopyFS(w.cache, os.DirFS(h.cache)))
	require.NoError(t, os.CopyFS(w.dest, os.DirFS(h.dest)))
	return &history{w, h.files, h.mirrors, h.replay, h.contents, h.published, false}
}

// stored returns the versions that give rollback protection: those of root,
// timestamp and snapshot.
func (h *history) stored() (versions [3]int64) {
	for i, role := range []string{"root", "timestamp", "snapshot"} {
		versions[i] = h.cachedVersion(role)
	}
	return versions
}

// mustBeWhole requires that each target is of release 2 or 3, and that no file
// of the cache is partial.
func (h *history) mustBeWhole() {
	h.t.Helper()
	for target, contents := range h.contents {
		data, err := os.ReadFile(filepath.Join(h.dest, target))
		if h.fresh && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(h.t, err)
		whole := bytes.Equal(data, contents[1]) || bytes.Equal(data, contents[2])
		require.True(h.t, whole, "%s is of no such release", target)
	}
	records, err := filepath.Glob(filepath.Join(h.cache, "*.json"))
	require.NoError(h.t, err)
	for _, record := range records {
		data, err := os.ReadFile(record)
		require.NoError(h.t, err)
		require.True(h.t, h.published[string(data)], "%s is not what was published", record)
	}
}

// mustEndWell requires that the newest release can be installed, and that older
// ones are refused afterwards.
func (h *history) mustEndWell() {
	h.t.Helper()
	code, _, stderr := runArgs(h.from(3)...)
	require.Equal(h.t, 0, code, stderr)
	h.mustHaveNewest()
	h.mustFail("rollback", h.from(2)...)
}

// mustHaveNewest requires that each target is of release 3.
func (h *history) mustHaveNewest() {
	h.t.Helper()
	for target, contents := range h.contents {
		data, err := os.ReadFile(filepath.Join(h.dest, target))
		require.NoError(h.t, err)
		require.True(h.t, bytes.Equal(contents[2], data), target)
	}
}

// mustNotFall requires that no stored version is lower than before.
func (h *history) mustNotFall(before [3]int64) {
	h.t.Helper()
	for i, now := range h.stored() {
		require.GreaterOrEqual(h.t, now, before[i])
	}
}

// newest returns a user who has release 3. The cache has two roots, the newer
// one twice, a timestamp, a snapshot and two targets roles.
func newest(t *testing.T) *history {
	h := newHistory(t)
	code, _, stderr := runArgs(h.from(3)...)
	require.Equal(t, 0, code, stderr)
	return h
}

func (h *history) lose(name string) {
	require.NoError(h.t, os.Remove(filepath.Join(h.cache, name)))
}

func (w *world) badTargets(answer func(rw http.ResponseWriter)) {
	w.targets = w.mirror(nil, func(rw http.ResponseWriter, _ string) bool { answer(rw); return true })
}

func (w *world) targetFile(suffix string) string {
	for path := range w.repo.TargetFiles() {
		if strings.HasSuffix(path, "."+suffix) {
			return path
		}
	}
	w.t.Fatalf("there is no target file %s", suffix)
	return ""
}

// cachedVersion is that of a role in the cache; 0 if it has none.
func (w *world) cachedVersion(role string) int64 {
	data, err := os.ReadFile(filepath.Join(w.cache, role+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	require.NoError(w.t, err)
	var file struct{ Signed struct{ Version int64 } }
	require.NoError(w.t, json.Unmarshal(data, &file))
	return file.Signed.Version
}

// realData has copies of real repositories. They are not part of the project:
// CONTRIBUTING says where they come from.
var realData = filepath.Join(os.Getenv("TUFWALK_DATA"), "real")

// serveReal serves one of them over HTTP.
func serveReal(t *testing.T, name string) (dir, url string) {
	t.Helper()
	dir = filepath.Join(realData, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real repositories here: %v", err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return dir, server.URL
}

// installReal installs from a fresh cache, and returns the directory.
func installReal(t *testing.T, url, root, at string, targets ...string) string {
	t.Helper()
	dest := t.TempDir()
	code, _, stderr := runArgs(append([]string{
		"--root", root, "--metadata-url", url + "/metadata", "--targets-url", url + "/targets",
		"--cache", t.TempDir(), "--dest", dest, "--at", at,
	}, targets...)...)
	require.Equal(t, 0, code, stderr)
	require.Empty(t, stderr)
	return dest
}

// listedTargets reads the target paths of a file without verifying it.
func listedTargets(t *testing.T, file string) (paths []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	env, err := metadata.Parse[metadata.Targets](data, metadata.Options{})
	require.NoError(t, err)
	content, err := env.Unverified()
	require.NoError(t, err)
	for path := range content.Files() {
		paths = append(paths, path)
	}
	return paths
}
