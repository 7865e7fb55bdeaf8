package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/durable"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// diesAt has this test's program be the installer, and kill itself before it
// does the nth thing to the disk; 0: never.
const diesAt = "INSTALLER_DIES_AT"

func TestMain(m *testing.M) {
	if n, err := strconv.ParseInt(os.Getenv(diesAt), 10, 64); err == nil {
		var done atomic.Int64
		durable.Step = func(string, string) error {
			if done.Add(1) == n {
				self, err := os.FindProcess(os.Getpid())
				if err == nil {
					err = self.Kill()
				}
				if err != nil {
					panic(err)
				}
				select {} // until it takes effect
			}
			return nil
		}
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// child returns the installer as a process that dies at its nth step.
func child(t *testing.T, n int, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", diesAt, n))
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

// history is a world with a past: the user has release 2 of 3, and there are
// mirrors that have stopped at each.
type history struct {
	*world
	mirrors   [4]string // metadata, by release
	replays   [4]string // the same, with all roots there ever were
	contents  map[string][][]byte
	published map[string]bool // every file of metadata
	fresh     bool            // the user has nothing yet
}

const chisel = "tools/chisel"

func newHistory(t *testing.T) *history {
	h := &history{world: newWorld(t, verifytest.Options{}), contents: map[string][][]byte{}, published: map[string]bool{}}
	var old [4]verifytest.Files
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
		old[release] = h.repo.Metadata().Clone()
		h.mirrors[release] = h.mirror(old[release], nil)
	}
	for release := 1; release < 3; release++ {
		replay := old[release].Clone()
		replay["2.root.json"] = h.repo.Metadata()["2.root.json"]
		h.replays[release] = h.mirror(replay, nil)
	}
	h.from(2)
	code, _, stderr := runArgs(h.world.args("app.bin", chisel)...)
	require.Equal(t, 0, code, stderr)
	return h
}

// from points the user to the mirror that stopped at a release.
func (h *history) from(release int) []string {
	h.metadata = h.mirrors[release]
	return h.world.args("app.bin", chisel)
}

// fork returns another user in the same state.
func (h *history) fork(t *testing.T) *history {
	t.Helper()
	w := &world{t: t, repo: h.repo, dir: t.TempDir(), rootFile: h.rootFile, targets: h.targets}
	w.cache, w.dest = filepath.Join(w.dir, "cache"), filepath.Join(w.dir, "dest")
	require.NoError(t, os.CopyFS(w.cache, os.DirFS(h.cache)))
	require.NoError(t, os.CopyFS(w.dest, os.DirFS(h.dest)))
	return &history{w, h.mirrors, h.replays, h.contents, h.published, false}
}

// floors are what the repository must not fall behind.
func (h *history) floors() (versions [3]int64) {
	for i, role := range []string{"root", "timestamp", "snapshot"} {
		versions[i] = h.cachedVersion(role)
	}
	return versions
}

// mustBeWhole says that each target is what some release from the second on
// has, and that no file of the cache is partial.
func (h *history) mustBeWhole() {
	h.t.Helper()
	for target, contents := range h.contents {
		data, err := os.ReadFile(filepath.Join(h.dest, target))
		if h.fresh && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(h.t, err)
		require.True(h.t, bytes.Equal(data, contents[1]) || bytes.Equal(data, contents[2]), "%s is of no release", target)
	}
	records, err := filepath.Glob(filepath.Join(h.cache, "*.json"))
	require.NoError(h.t, err)
	for _, record := range records {
		data, err := os.ReadFile(record)
		require.NoError(h.t, err)
		require.True(h.t, h.published[string(data)], "%s is not what was published", record)
	}
}

// mustEndWell says that the newest release can be installed, and older ones are
// refused from then on.
func (h *history) mustEndWell() {
	h.t.Helper()
	code, _, stderr := runArgs(h.from(3)...)
	require.Equal(h.t, 0, code, stderr)
	for target, contents := range h.contents {
		data, err := os.ReadFile(filepath.Join(h.dest, target))
		require.NoError(h.t, err)
		require.True(h.t, bytes.Equal(contents[2], data), target)
	}
	h.mustFail("rollback", h.from(2)...)
}

// mustNotFall says that the floors are what they were, or higher.
func (h *history) mustNotFall(before [3]int64) {
	h.t.Helper()
	for i, now := range h.floors() {
		require.GreaterOrEqual(h.t, now, before[i])
	}
}

// Killed before each thing that an update does to the disk: everything is whole
// each time, nothing falls, and the next run ends well.
func TestKilledAtEveryStep(t *testing.T) {
	start := newHistory(t)
	kills := 0
	for over := false; !over; {
		t.Run(strconv.Itoa(kills+1), func(t *testing.T) {
			h := start.fork(t)
			before := h.floors()
			cmd := child(t, kills+1, h.from(3)...)
			err := cmd.Run()
			over = err == nil
			require.True(t, over || cmd.ProcessState.ExitCode() != 1, "%v: %v", err, cmd.Stderr)
			h.mustBeWhole()
			h.mustNotFall(before)
			h.mustFail("rollback", h.from(1)...)
			h.mustNotFall(before)
			h.mustEndWell()
			parts, err := filepath.Glob(filepath.Join(h.cache, ".tufwalk-*"))
			require.NoError(t, err)
			require.Empty(t, parts, "the next process that saves sweeps")
		})
		if t.Failed() {
			return
		}
		kills++
	}
	require.Greater(t, kills, 50, "there are six records and two targets")
	t.Logf("killed %d times", kills-1)
}

// The same when nothing is there: no cache, no directory to install to.
func TestKilledAtEveryStepOfTheFirstRun(t *testing.T) {
	start := newHistory(t)
	for n, over := 1, false; !over; n++ {
		h := start.fork(t)
		require.NoError(t, os.RemoveAll(h.cache))
		require.NoError(t, os.RemoveAll(h.dest))
		h.fresh = true
		cmd := child(t, n, h.from(3)...)
		err := cmd.Run()
		over = err == nil
		require.True(t, over || cmd.ProcessState.ExitCode() != 1, "%v: %v", err, cmd.Stderr)
		h.mustBeWhole()
		h.mustEndWell()
	}
}

// Each step fails, alone or with everything after it, as on a disk that is
// full, read-only or broken.
func TestEveryStepFails(t *testing.T) {
	start := newHistory(t)
	usual := durable.Step
	defer func() { durable.Step = usual }()
	for _, c := range []struct {
		name    string
		err     error
		goesOn  bool // everything after it fails too
		affects string
	}{
		{"full disk", syscall.ENOSPC, true, "write"},
		{"read-only directory", syscall.EROFS, true, "create"},
		{"one error", syscall.EIO, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n, over := int64(1), false; !over; n++ {
				h := start.fork(t)
				before := h.floors()
				var done atomic.Int64
				durable.Step = func(what, _ string) error {
					if c.affects != "" && c.affects != what {
						return nil
					}
					if now := done.Add(1); now == n || c.goesOn && now > n {
						return c.err
					}
					return nil
				}
				code, _, stderr := runArgs(h.from(3)...)
				durable.Step = usual
				over = done.Load() < n
				if over {
					require.Equal(t, 0, code, stderr)
				} else {
					require.Equal(t, 1, code, "step %d", n)
					require.Contains(t, stderr, c.err.Error())
				}
				h.mustBeWhole()
				h.mustNotFall(before)
				code, _, stderr = runArgs(h.from(3)...)
				require.Equal(t, 0, code, stderr)
				h.mustBeWhole()
				parts, err := filepath.Glob(filepath.Join(h.dest, "*", ".tufwalk-*"))
				require.NoError(t, err)
				require.Empty(t, parts)
			}
		})
	}
}

// Several real processes at once on one cache, some led by a mirror that has
// stopped in time, and some killed in the middle.
func TestProcessesAtOnce(t *testing.T) {
	start := newHistory(t)
	random := rand.New(rand.NewPCG(7, 5))
	for round := range 6 {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			h := start.fork(t)
			before := h.floors()
			var all []*exec.Cmd
			for _, release := range []int{2, 3, 1, 3} {
				die := 0
				if release == 3 && len(all) == 1 { // the other one is left to finish
					die = 1 + random.IntN(40)
				}
				all = append(all, child(t, die, h.from(release)...))
			}
			for _, cmd := range all {
				require.NoError(t, cmd.Start())
			}
			for i, cmd := range all {
				err := cmd.Wait()
				if i == 3 {
					require.NoError(t, err, cmd.Stderr)
				}
				if i == 2 {
					require.Error(t, err, "it was led to release 1")
				}
			}
			h.mustBeWhole()
			h.mustNotFall(before)
			require.EqualValues(t, [3]int64{h.repo.Version("root"), h.repo.Version("timestamp"), h.repo.Version("snapshot")}, h.floors())
			h.mustEndWell()
		})
	}
}

// While one process, led by a mirror that has stopped at release 2, waits for
// its nth answer, another one brings release 3: nothing that the first one
// saves afterwards may take it back.
func TestOvertakenProcess(t *testing.T) {
	start := newHistory(t)
	stale, err := url.Parse(start.mirrors[2])
	require.NoError(t, err)
	for n, over := int64(1), false; !over; n++ {
		t.Run(strconv.FormatInt(n, 10), func(t *testing.T) {
			h := start.fork(t)
			require.NoError(t, os.RemoveAll(h.cache)) // neither has seen anything
			overtake := child(t, 0, h.from(3)...)
			var asked atomic.Int64
			proxy := httputil.NewSingleHostReverseProxy(stale)
			h.metadata = h.mirror(nil, func(rw http.ResponseWriter, path string) bool {
				if asked.Add(1) == n {
					if err := overtake.Run(); err != nil {
						t.Error(err, overtake.Stderr)
					}
				}
				proxy.ServeHTTP(rw, httptest.NewRequest(http.MethodGet, "/"+path, nil))
				return true
			})
			cmd := child(t, 0, h.world.args("app.bin", chisel)...)
			err := cmd.Run()
			if over = asked.Load() < n; over {
				require.NoError(t, err, cmd.Stderr)
				return
			}
			require.Equal(t, [3]int64{2, 5, 5}, h.floors(), cmd.Stderr)
			h.mustEndWell()
		})
		if t.Failed() {
			return
		}
	}
}
