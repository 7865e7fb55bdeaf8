package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// folderChild is what another process does with a folder. It is passed in a
// variable of the environment.
type folderChild struct {
	Folder   string
	Root     string // the file with the trusted root
	Metadata string // the directory that its mirror serves
	Now      time.Time
	DieAt    int    // it kills itself before this operation on the disk; 0: never
	Do       string // "" is one update; see run
}

const folderChildEnv = "TUFWALK_FOLDER_CHILD"

// TestFolderChild is not a test: it is the other process, for other tests to
// run.
func TestFolderChild(t *testing.T) {
	text := os.Getenv(folderChildEnv)
	if text == "" {
		return
	}
	var c folderChild
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// command returns the process. Its output is in cmd.Stderr, a *bytes.Buffer.
func (c folderChild) command(t *testing.T) *exec.Cmd {
	text, err := json.Marshal(c)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], "-test.run=^TestFolderChild$")
	// With the race detector, a process sleeps for a second before it exits.
	cmd.Env = append(os.Environ(), folderChildEnv+"="+string(text), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = new(bytes.Buffer)
	return cmd
}

func (c folderChild) run() error {
	steps := 0
	f, err := openFolder(c.Folder, disk{step: func(string, string) error {
		if steps++; steps == c.DieAt {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {} // until it has come
		}
		return nil
	}})
	if err != nil {
		return err
	}
	switch c.Do {
	case "":
		return c.update(f)
	case "agent":
		return c.agent(f)
	case "forget":
		return f.Forget(context.Background())
	case "save without lock": // until it is killed
		for n := 0; ; n++ {
			if err := f.Save(context.Background(), record("targets.json", strings.Repeat(strconv.Itoa(n), 5000))); err != nil {
				return err
			}
		}
	}
	return c.runOnSystem()
}

// adopt returns the trusted root, for which the folder is adopted.
func (c folderChild) adopt(f *Folder) (root []byte, err error) {
	if root, err = os.ReadFile(c.Root); err == nil {
		_, err = f.Adopt(context.Background(), root)
	}
	return root, err
}

// update is what a program does that runs for one update.
func (c folderChild) update(f *Folder) error {
	ctx := context.Background()
	root, err := c.adopt(f)
	if err != nil {
		return err
	}
	for range 4 {
		var s *verify.Session
		if s, err = verify.New(root, verify.LoadStored(ctx, f), c.Now, verify.Options{}); err != nil {
			return err
		}
		s.Lookup("tools/hammer")
		if err = s.Run(ctx, f, dirSource(c.Metadata)); !errors.Is(err, verify.ErrSuperseded) {
			return err
		}
	}
	return err
}

// agent makes an update from the last good view for each line that it reads: a
// directory for its mirror. It answers with the version of its timestamp and
// the error.
func (c folderChild) agent(f *Folder) error {
	ctx := context.Background()
	root, err := c.adopt(f)
	if err != nil {
		return err
	}
	var view *verify.Session
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var next *verify.Session
		if view == nil {
			next, err = verify.New(root, verify.LoadStored(ctx, f), c.Now, verify.Options{})
		} else {
			next, err = view.Renew(verify.LoadStored(ctx, f), c.Now)
		}
		if err == nil {
			err = next.Run(ctx, f, dirSource(lines.Text()))
		}
		if err == nil {
			view = next
		}
		var version int64
		if view != nil {
			version = view.Version("timestamp")
		}
		fmt.Printf("%d %s\n", version, verify.KindOf(err))
	}
	return lines.Err()
}

// dirSource is a mirror that serves a directory.
func dirSource(dir string) verify.Source {
	return func(_ context.Context, req verify.Request) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(dir, req.Path))
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", verify.ErrNotAtSource, err)
		}
		return data, err
	}
}

// folderWorld is a repository with three releases, a mirror of each, and a
// folder.
type folderWorld struct {
	t         *testing.T
	repo      *verifytest.Repo
	folder    string
	root      string
	releases  [4]string       // directories of frozen mirrors; from 1
	published map[string]bool // the contents of all files
}

func newFolderWorld(t *testing.T) *folderWorld {
	t.Helper()
	dir := t.TempDir()
	w := &folderWorld{t: t, repo: seeded("world", verifytest.Options{}), published: map[string]bool{}}
	w.folder, w.root = filepath.Join(dir, "state", "store"), filepath.Join(dir, "root.json")
	require.NoError(t, os.WriteFile(w.root, w.repo.TrustedRoot(), 0o600))
	team := w.repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"tools/*"}})
	for n := 1; n < len(w.releases); n++ {
		if n == 2 {
			w.repo.Rotate("root", 1, verifytest.NewKey("ed25519", "second"))
		}
		team.AddTarget("tools/hammer", []byte{byte(n)})
		w.repo.Publish()
		w.releases[n] = filepath.Join(dir, strconv.Itoa(n))
		require.NoError(t, w.repo.Metadata().WriteDir(w.releases[n]))
		for _, data := range w.repo.Metadata() {
			w.published[string(data)] = true
		}
	}
	return w
}

// child returns a process that updates from the mirror of a release.
func (w *folderWorld) child(release, dieAt int) folderChild {
	return folderChild{Folder: w.folder, Root: w.root, Metadata: w.releases[release], Now: w.repo.Now(), DieAt: dieAt}
}

// mustUpdate makes an update from the mirror of a release in another process.
func (w *folderWorld) mustUpdate(release int) {
	w.t.Helper()
	cmd := w.child(release, 0).command(w.t)
	require.NoError(w.t, cmd.Run(), cmd.Stderr)
}

// stored returns the versions of what is stored: of root, timestamp and
// snapshot; 0 if there is none.
func (w *folderWorld) stored() (versions [3]int64) {
	for i, role := range []string{"root", "timestamp", "snapshot"} {
		data, err := os.ReadFile(filepath.Join(w.folder, role+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(w.t, err)
		var file struct{ Signed struct{ Version int64 } }
		require.NoError(w.t, json.Unmarshal(data, &file))
		versions[i] = file.Signed.Version
	}
	return versions
}

// mustBeWhole requires that each record is a whole file of the repository, and
// that no version is lower than before.
func (w *folderWorld) mustBeWhole(before [3]int64) {
	w.t.Helper()
	entries, err := os.ReadDir(w.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(w.t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			data, err := os.ReadFile(filepath.Join(w.folder, e.Name()))
			require.NoError(w.t, err)
			require.True(w.t, w.published[string(data)], e.Name())
		}
	}
	for i, version := range w.stored() {
		require.GreaterOrEqual(w.t, version, before[i])
	}
}

// mustEndWell requires that the next update succeeds without a word and leaves
// nothing behind, and that a rollback is refused then.
func (w *folderWorld) mustEndWell() {
	w.t.Helper()
	w.mustUpdate(3)
	f, err := OpenFolder(w.folder)
	require.NoError(w.t, err)
	s, err := updateFrom(w.t.Context(), f, w.repo, w.repo.TrustedRoot(), w.repo.Metadata())
	require.NoError(w.t, err)
	require.Empty(w.t, s.Warnings())
	require.Equal(w.t, []string{
		lockName, "1.root.json", "2.root.json", "role.team.json", "root.json", "snapshot.json", "targets.json",
		"timestamp.json",
	}, inFolder(w.t, w.folder))
	newest := [3]int64{w.repo.Version("root"), w.repo.Version("timestamp"), w.repo.Version("snapshot")}
	require.Equal(w.t, newest, w.stored())
	cmd := w.child(2, 0).command(w.t)
	require.Error(w.t, cmd.Run())
	require.Contains(w.t, cmd.Stderr.(*bytes.Buffer).String(), "rollback")
	require.Equal(w.t, newest, w.stored())
}

// A process is killed before each operation on the disk, of a first update and
// of a later one.
func TestFolderKilledAtEveryStep(t *testing.T) {
	w := newFolderWorld(t)
	for _, first := range []bool{true, false} {
		kills := 0
		for n, over := 1, false; !over; n++ {
			require.NoError(t, os.RemoveAll(filepath.Dir(w.folder)))
			if !first {
				w.mustUpdate(1)
			}
			before := w.stored()
			cmd := w.child(3, n).command(t)
			err := cmd.Run()
			over = err == nil
			require.True(t, over || cmd.ProcessState.ExitCode() != 1, "%v: %v", err, cmd.Stderr)
			w.mustBeWhole(before)
			w.mustEndWell()
			kills++
		}
		require.Greater(t, kills, 25, "at least five records")
		t.Logf("killed %d times", kills-1)
	}
}

// Processes are killed from outside, at any moment.
func TestFolderKilledAtAnyMoment(t *testing.T) {
	w := newFolderWorld(t)
	random := rand.New(rand.NewPCG(5, 11))
	begun := time.Now()
	w.mustUpdate(1)
	usual := time.Since(begun)
	kills := 0
	for round := range 48 {
		if round%4 == 0 {
			require.NoError(t, os.RemoveAll(w.folder))
		}
		before := w.stored()
		cmd := w.child(1+round%3, 0).command(t)
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(random.Int64N(int64(usual) * 5 / 4)))
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() < 0 {
			kills++
		}
		w.mustBeWhole(before)
	}
	w.mustEndWell()
	t.Logf("killed %d times", kills)
}

// A process that is killed while it does nothing but save leaves a file; the
// next one removes it. A lock dies with its process.
func TestFolderKilledWhileItSaves(t *testing.T) {
	f := newTestFolder(t)
	for range 12 {
		cmd := folderChild{Folder: f.Path(), Do: "save without lock"}.command(t)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(f.Path(), "targets.json"))
			return err == nil
		}, 30*time.Second, time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		data, err := f.Load(t.Context(), "targets.json")
		require.NoError(t, err)
		require.Zero(t, len(data)%5000, "a whole one")
		next, err := OpenFolder(f.Path())
		require.NoError(t, err)
		unlock, err := next.Lock(t.Context())
		require.NoError(t, err)
		unlock()
		require.Equal(t, []string{lockName, "targets.json"}, inFolder(t, f.Path()))
		require.NoError(t, os.Remove(filepath.Join(f.Path(), "targets.json")))
	}
}

// Adopt and Forget are killed at each step.
func TestFolderKilledInAdoptAndForget(t *testing.T) {
	w, other := newFolderWorld(t), seeded("other", verifytest.Options{})
	root, files := filepath.Join(t.TempDir(), "root.json"), t.TempDir()
	require.NoError(t, os.WriteFile(root, other.TrustedRoot(), 0o600))
	require.NoError(t, other.Metadata().WriteDir(files))
	for _, do := range []string{"", "forget"} {
		for n, over := 1, false; !over; n++ {
			require.NoError(t, os.RemoveAll(w.folder))
			w.mustUpdate(3)
			before := contents(t, w.folder)
			cmd := folderChild{Folder: w.folder, Root: root, Metadata: files, Now: other.Now(), DieAt: n, Do: do}.command(t)
			err := cmd.Run()
			over = err == nil
			require.True(t, over || cmd.ProcessState.ExitCode() != 1, "%v: %v", err, cmd.Stderr)
			if do == "" {
				mustBeAdoptable(t, w.folder, other, before)
			} else {
				w.mustEndWell()
			}
		}
	}
}

// Several processes use one folder at once, with a long-lived one. Some of
// them ask a frozen mirror, and some are killed.
func TestFolderOfManyProcesses(t *testing.T) {
	w := newFolderWorld(t)
	a := w.startAgent()
	random := rand.New(rand.NewPCG(7, 5))
	version := int64(0)
	for round := range 8 {
		before := w.stored()
		release := min(3, 1+round/2)
		var all []*exec.Cmd
		for i, from := range []int{release, max(1, release-1), release, release} {
			die := 0
			if i == 2 {
				die = 1 + random.IntN(40)
			}
			all = append(all, w.child(from, die).command(t))
			require.NoError(t, all[i].Start())
		}
		for range 3 { // while they run
			now, kind := a.update(w.releases[release])
			require.Contains(t, []string{"unknown", "superseded", "rollback"}, kind)
			require.GreaterOrEqual(t, now, version)
			version = now
		}
		for i, cmd := range all {
			err := cmd.Wait()
			if i == 0 || i == 3 {
				require.NoError(t, err, cmd.Stderr)
			}
		}
		now, kind := a.update(w.releases[release])
		require.Equal(t, "unknown", kind)
		require.Equal(t, w.stored()[1], now, "the agent has what the others stored")
		w.mustBeWhole(before)

		// What it is served later must not be older than what they stored.
		if release > 1 {
			now, kind = a.update(w.releases[release-1])
			require.Equal(t, "rollback", kind)
			require.Equal(t, w.stored()[1], now)
		}
	}
	a.end()
	w.mustEndWell()
}

// agent is a long-lived process.
type agent struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func (w *folderWorld) startAgent() *agent {
	c := w.child(1, 0)
	c.Do = "agent"
	a := &agent{t: w.t, cmd: c.command(w.t)}
	var err error
	a.in, err = a.cmd.StdinPipe()
	require.NoError(w.t, err)
	out, err := a.cmd.StdoutPipe()
	require.NoError(w.t, err)
	a.out = bufio.NewScanner(out)
	require.NoError(w.t, a.cmd.Start())
	w.t.Cleanup(func() { _ = a.cmd.Process.Kill() })
	return a
}

// update returns the version of the agent's timestamp, and the kind of its
// error.
func (a *agent) update(mirror string) (version int64, kind string) {
	a.t.Helper()
	_, err := fmt.Fprintln(a.in, mirror)
	require.NoError(a.t, err)
	require.True(a.t, a.out.Scan(), a.cmd.Stderr)
	number, kind, _ := strings.Cut(a.out.Text(), " ")
	version, err = strconv.ParseInt(number, 10, 64)
	require.NoError(a.t, err)
	return version, kind
}

func (a *agent) end() {
	a.t.Helper()
	require.NoError(a.t, a.in.Close())
	require.NoError(a.t, a.cmd.Wait())
}
