package main

import (
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The installer is killed at each of its requests, in the middle of the answer,
// or a moment after it. Each time all files are whole, no version falls, and
// the next run succeeds. Package client has the tests that kill it at each
// operation on the disk.
func TestKilledAtEveryRequest(t *testing.T) {
	start := newHistory(t)
	random := rand.New(rand.NewPCG(4, 1))
	for name, kill := range map[string]func(rw http.ResponseWriter, data []byte, die func()){
		"before the answer": func(_ http.ResponseWriter, _ []byte, die func()) { die() },
		"in the middle": func(rw http.ResponseWriter, data []byte, die func()) {
			_, _ = rw.Write(data[:len(data)/2])
			rw.(http.Flusher).Flush()
			die()
		},
		"afterwards": func(rw http.ResponseWriter, data []byte, die func()) {
			_, _ = rw.Write(data)
			rw.(http.Flusher).Flush()
			time.AfterFunc(time.Duration(random.IntN(8000))*time.Microsecond, die)
		},
	} {
		for n, over := int64(1), false; !over; n++ {
			t.Run(name+" "+strconv.FormatInt(n, 10), func(t *testing.T) {
				h := start.fork(t)
				if n%2 == 0 {
					require.NoError(t, os.RemoveAll(h.cache))
					require.NoError(t, os.RemoveAll(h.dest))
					h.fresh = true
				}
				before := h.stored()
				var asked atomic.Int64
				process := make(chan *os.Process, 1)
				args := h.fromServers(3, func(rw http.ResponseWriter, data []byte) bool {
					if asked.Add(1) != n {
						return false
					}
					p := <-process
					kill(rw, data, func() { _ = p.Kill() })
					return true
				})
				cmd := child(t, args...)
				require.NoError(t, cmd.Start())
				process <- cmd.Process
				_ = cmd.Wait()
				over = asked.Load() < n
				h.mustBeWhole()
				h.mustNotFall(before)
				h.mustEndWell()
			})
			if t.Failed() {
				return
			}
		}
	}
}

// Several processes use one cache at once. Some of them ask a frozen mirror,
// and one is killed.
func TestProcessesAtOnce(t *testing.T) {
	start := newHistory(t)
	for round := range 6 {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			h := start.fork(t)
			before := h.stored()
			var all []*exec.Cmd
			for _, release := range []int{2, 3, 1, 3} {
				all = append(all, child(t, h.from(release)...))
			}
			for _, cmd := range all {
				require.NoError(t, cmd.Start())
			}
			time.Sleep(time.Duration(5*round) * time.Millisecond)
			_ = all[1].Process.Kill()
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
			other <- child(t, args...)
			cmd := child(t, args...)
			require.NoError(t, cmd.Run(), cmd.Stderr)
			if over = asked.Load() < n; over {
				require.Equal(t, [3]int64{1, 4, 4}, h.stored())
				return
			}
			h.mustBeWhole()
			require.Equal(t, [3]int64{2, 5, 5}, h.stored())
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
				all = append(all, child(t, h.world.args("app.bin", chisel)...))
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
