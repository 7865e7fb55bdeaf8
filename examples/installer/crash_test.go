package main

import (
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
)

// The installer is killed before each operation on the disk. Each time all
// files are whole, no version falls, and the next run succeeds.
func TestKilledAtEveryStep(t *testing.T) {
	start := newHistory(t)
	kills := 0
	for over := false; !over; {
		t.Run(strconv.Itoa(kills+1), func(t *testing.T) {
			h := start.fork(t)
			before := h.stored()
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
			require.Empty(t, parts, "the next process that saves removes them")
		})
		if t.Failed() {
			return
		}
		kills++
	}
	require.Greater(t, kills, 50, "six records and two targets")
	t.Logf("killed %d times", kills-1)
}

// The same without a cache and a directory to install to.
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

// Each step fails, alone or with all later ones, as on a disk that is full,
// read-only or broken.
func TestEveryStepFails(t *testing.T) {
	start := newHistory(t)
	usual := durable.Step
	defer func() { durable.Step = usual }()
	for _, c := range []struct {
		name    string
		err     error
		goesOn  bool // all later steps fail too
		affects string
	}{
		{"full disk", syscall.ENOSPC, true, "write"},
		{"read-only directory", syscall.EROFS, true, "create"},
		{"one error", syscall.EIO, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n, over := int64(1), false; !over; n++ {
				h := start.fork(t)
				before := h.stored()
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

// Several processes use one cache at once. Some of them ask a frozen mirror,
// and one is killed.
func TestProcessesAtOnce(t *testing.T) {
	start := newHistory(t)
	random := rand.New(rand.NewPCG(7, 5))
	for round := range 6 {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			h := start.fork(t)
			before := h.stored()
			var all []*exec.Cmd
			for _, release := range []int{2, 3, 1, 3} {
				die := 0
				if release == 3 && len(all) == 1 { // the other one may finish
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
					require.Error(t, err, "it asked the mirror of release 1")
				}
			}
			h.mustBeWhole()
			h.mustNotFall(before)
			newest := [3]int64{h.repo.Version("root"), h.repo.Version("timestamp"), h.repo.Version("snapshot")}
			require.Equal(t, newest, h.stored())
			h.mustEndWell()
		})
	}
}

// While one process waits for its nth answer, from a mirror that is frozen at
// release 2, another process installs release 3. What the first process saves
// afterwards must not roll this back.
func TestOvertakenProcess(t *testing.T) {
	start := newHistory(t)
	stale, err := url.Parse(start.mirrors[2])
	require.NoError(t, err)
	for n, over := int64(1), false; !over; n++ {
		t.Run(strconv.FormatInt(n, 10), func(t *testing.T) {
			h := start.fork(t)
			require.NoError(t, os.RemoveAll(h.cache)) // neither process has stored files
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
			require.Equal(t, [3]int64{2, 5, 5}, h.stored(), cmd.Stderr)
			h.mustEndWell()
		})
		if t.Failed() {
			return
		}
	}
}

// Release 3 is published while one process waits for its nth answer, and
// another process installs it. What the first one has is older now. It begins
// again, and both succeed.
func TestInstallsAroundAPublication(t *testing.T) {
	start := newHistory(t)
	for n, over := int64(1), false; !over; n++ {
		t.Run(strconv.FormatInt(n, 10), func(t *testing.T) {
			h := start.fork(t)
			require.NoError(t, os.RemoveAll(h.cache)) // neither process has stored files
			other := make(chan *exec.Cmd, 1)
			asked := h.publishing(n, func() {
				overtake := <-other
				if err := overtake.Run(); err != nil {
					t.Error(err, overtake.Stderr)
				}
			})
			args := h.world.args("app.bin", chisel)
			other <- child(t, 0, args...)
			cmd := child(t, 0, args...)
			require.NoError(t, cmd.Run(), cmd.Stderr)
			if over = asked.Load() < n; over {
				require.Equal(t, [3]int64{1, 4, 4}, h.stored())
				return
			}
			require.Equal(t, [3]int64{2, 5, 5}, h.stored())
			h.mustBeWhole()
			h.mustHaveNewest()
			h.mustEndWell()
		})
		if t.Failed() {
			return
		}
	}
}

// Release 3 is published while several processes install, and all succeed.
func TestProcessesAtOnceAroundAPublication(t *testing.T) {
	start := newHistory(t)
	random := rand.New(rand.NewPCG(9, 2))
	for round := range 6 {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			h := start.fork(t)
			before, requests := h.stored(), int64(12)
			if round%2 == 0 {
				require.NoError(t, os.RemoveAll(h.cache))
				requests = 30
			}
			h.publishing(1+random.Int64N(requests), func() {})
			var all []*exec.Cmd
			for range 6 {
				all = append(all, child(t, 0, h.world.args("app.bin", chisel)...))
			}
			for _, cmd := range all {
				require.NoError(t, cmd.Start())
			}
			for _, cmd := range all {
				require.NoError(t, cmd.Wait(), cmd.Stderr)
			}
			h.mustBeWhole()
			h.mustNotFall(before)
			require.Equal(t, h.stored()[1], h.stored()[2], "timestamp and snapshot are of one release")
			h.mustEndWell()
		})
	}
}
