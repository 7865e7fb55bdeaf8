package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var kills = flag.Int("kills", 20, "how many programs TestKilledAtAnyMoment kills")

// killedAt is the variable that turns the test binary into the program. Its
// value is the step at which the program kills itself; 0: never.
const killedAt = "TUFWALK_TEST_BUNDLE"

func TestMain(m *testing.M) {
	if at, err := strconv.Atoi(os.Getenv(killedAt)); err == nil {
		out := newTerminal(os.Stdout, os.Stderr)
		out.step = func(string) {
			if at--; at == 0 {
				if self, err := os.FindProcess(os.Getpid()); err == nil {
					_ = self.Kill()
				}
				select {} // until it has come
			}
		}
		os.Exit(out.run(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// patient is a device that is killed in the middle of a command which brings it
// from one state of the repository to the next.
type patient struct {
	device
	healthy string   // a copy of the device before the command
	command []string // with HOME for where the device is
	code    int      // of the command, when nobody kills it
	updates bool     // it installs the new file
}

var newData = bytes.Repeat([]byte("app 2 "), 500)

// patients has a file of the old state installed and recorded, and the command
// is about the new state, whose keys are others.
func patients(t *testing.T, do func(t *testing.T, p *patient)) {
	for _, name := range []string{"check", "confirm"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, verifytest.Options{})
			p := &patient{device: w.device("healthy"), code: withdrawn}
			p.healthy = filepath.Join(p.dir, p.name)
			p.check(0, "timestamp 2", append(w.stick("old.zip"), "--dest", p.at("dest"))...)
			w.repo.Rotate("root", 1, w.repo.Key("second root"))
			w.repo.Rotate("timestamp", 1, w.repo.Key("second timestamp"))
			w.repo.Targets().AddTarget("app.bin", newData)
			w.repo.Publish()
			p.command = p.confirmArgs()
			if name == "check" {
				p.code, p.updates = 0, true
				p.has("app.bin", newData)
				p.command = p.checkArgs(append(w.stick("new.zip"), "--dest", p.at("dest"))...)
			}
			do(t, p)
		})
	}
}

// recover makes the patient a fresh copy of the healthy device.
func (p *patient) recover(name string) { p.copyOf(p.healthy, name) }

func (p *patient) copyOf(from, name string) {
	p.t.Helper()
	p.name = name
	require.NoError(p.t, os.RemoveAll(p.at("")))
	require.NoError(p.t, os.CopyFS(filepath.Join(p.dir, name), os.DirFS(from)))
}

func (p *patient) args() (args []string) {
	for _, a := range p.command {
		args = append(args, strings.Replace(a, p.healthy, filepath.Join(p.dir, p.name), 1))
	}
	return args
}

// run runs the command as a process that is killed at a step, or after a while;
// zero: never. It says whether it was.
func (p *patient) run(step int, after time.Duration) (killed bool) {
	p.t.Helper()
	c := exec.Command(os.Args[0], p.args()...)
	c.Env = append(os.Environ(), killedAt+"="+strconv.Itoa(step))
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	require.NoError(p.t, c.Start())
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
		defer timer.Stop()
	}
	_ = c.Wait()
	if c.ProcessState.ExitCode() == p.code {
		return false
	}
	if runtime.GOOS != "windows" {
		require.Equal(p.t, -1, c.ProcessState.ExitCode(), "killed by a signal: %s", out.String())
	}
	return true
}

// mustBeWhole requires that the record, the saved state and the installed file
// are each old or new, and in this order.
func (p *patient) mustBeWhole() {
	p.t.Helper()
	state := p.stateOf()
	recorded := p.recorded().Files["app.bin"]
	require.Contains(p.t, []int64{2, 3}, recorded.Timestamp)
	require.GreaterOrEqual(p.t, state, recorded.Timestamp, "what is recorded can be judged")
	installed, err := os.ReadFile(p.at("dest/app.bin"))
	require.NoError(p.t, err)
	if bytes.Equal(installed, newData) {
		require.Equal(p.t, int64(3), recorded.Timestamp, "what is installed is recorded")
		return
	}
	require.Equal(p.t, appData, installed)
}

// stateOf returns the timestamp by which the saved state alone judges both
// files: the old one lists the old file only, and the new one the new file.
func (p *patient) stateOf() (timestamp int64) {
	p.t.Helper()
	codes := map[string]int{}
	for name, data := range map[string][]byte{"old": appData, "new": newData} {
		probe := *p
		probe.copyOf(filepath.Join(p.dir, p.name), "probe")
		probe.has("app.bin", data)
		code, stdout, stderr := runArgs(probe.checkArgs()...)
		require.Contains(p.t, []int{0, wrong}, code, "%s: %s%s", name, stdout, stderr)
		codes[name] = code
	}
	require.NotEqual(p.t, codes["old"], codes["new"])
	if codes["old"] == 0 {
		return 2
	}
	return 3
}

// mustGoOn requires that the command ends well now, and leaves nothing behind.
func (p *patient) mustGoOn() {
	p.t.Helper()
	require.False(p.t, p.run(0, 0))
	p.mustBeWhole()
	require.Equal(p.t, int64(3), p.stateOf())
	require.Equal(p.t, int64(3), p.recorded().Files["app.bin"].Timestamp)
	installed, err := os.ReadFile(p.at("dest/app.bin"))
	require.NoError(p.t, err)
	require.Equal(p.t, p.updates, bytes.Equal(installed, newData))
	require.NoError(p.t, filepath.WalkDir(p.at(""), func(path string, _ fs.DirEntry, err error) error {
		for _, unfinished := range []string{".new", ".part", ".tmp", pendingName} {
			require.False(p.t, strings.HasSuffix(path, unfinished), path)
		}
		return err
	}))
}

// The program is killed before each of its changes of the disk.
func TestKilledAtEachStep(t *testing.T) {
	patients(t, func(t *testing.T, p *patient) {
		states := map[int64]bool{}
		for step := 1; ; step++ {
			p.recover(fmt.Sprint("step ", step))
			if !p.run(step, 0) {
				require.Greater(t, step, 12, "steps")
				t.Logf("killed at %d steps", step-1)
				break
			}
			p.mustBeWhole()
			states[p.stateOf()] = true
			p.mustGoOn()
		}
		require.Len(t, states, 2, "it was killed before and after the switch of the state")
	})
}

// The program is killed at any moment.
//
//	go test ./examples/bundle -run TestKilledAtAnyMoment -kills 1000
func TestKilledAtAnyMoment(t *testing.T) {
	patients(t, func(t *testing.T, p *patient) {
		p.recover("whole")
		begun := time.Now()
		require.False(t, p.run(0, 0))
		whole := time.Since(begun)
		killed := 0
		for n := range (*kills + 1) / 2 { // of two commands
			p.recover(fmt.Sprint("kill ", n))
			for p.run(0, 1+rand.N(whole)) {
				killed++
				p.mustBeWhole()
				if rand.N(2) == 0 { // otherwise it is killed again as it goes on
					break
				}
			}
			p.mustGoOn()
			require.NoError(t, os.RemoveAll(p.at("")))
		}
		t.Logf("killed %d times", killed)
	})
}
