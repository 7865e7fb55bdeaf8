package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
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

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var syncs = flag.Int("syncs", 12, "how many syncs TestKills kills")

// TestMain turns the test binary into the program.
func TestMain(m *testing.M) {
	if os.Getenv("TUFWALK_TEST_MIRROR") != "" {
		main()
	}
	os.Exit(m.Run())
}

// world is a repository, its server, and a copy.
type world struct {
	*testing.T
	repo   *verifytest.Repo
	server *clienttest.Server
	base   string
	dir    string
	dest   string
	said   string // by the last command
}

func newWorld(t *testing.T, o verifytest.Options) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{T: t, repo: verifytest.New(o), dir: dir, dest: filepath.Join(dir, "copy")}
	w.repo.Targets().DelegateSuccinct("bin", 2)
	for n := range 20 {
		w.stock(fmt.Sprint("file-", n), "1")
	}
	w.repo.Publish()
	w.server = clienttest.NewServer(w.repo)
	s := httptest.NewServer(w.server)
	t.Cleanup(s.Close)
	w.base = s.URL
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.json"), w.repo.TrustedRoot(), 0o600))
	return w
}

func (w *world) stock(path, version string) {
	w.repo.Targets().AddToBin(path, []byte(path+" version "+version))
}

func (w *world) publish() {
	w.repo.Publish()
	w.server.Publish(w.repo)
}

func (w *world) arguments(command string, more ...string) []string {
	args := []string{command, "--root", filepath.Join(w.dir, "root.json"), "--at", w.repo.Now().Format(time.RFC3339)}
	if command != "verify" {
		args = append(args, "--metadata-url", w.base+"/metadata", "--targets-url", w.base+"/targets")
	}
	return append(append(args, more...), w.dest)
}

// run runs a command, and returns its exit code.
func (w *world) run(command string, more ...string) int {
	w.Helper()
	var out, errs bytes.Buffer
	code := run(w.Context(), w.arguments(command, more...), &out, &errs)
	w.said = out.String() + errs.String()
	return code
}

func (w *world) mustRun(command string, more ...string) {
	w.Helper()
	require.Zero(w, w.run(command, more...), "%s: %s", command, w.said)
}

func (w *world) mustFail(because, command string, more ...string) {
	w.Helper()
	require.Equal(w, 1, w.run(command, more...), w.said)
	require.Contains(w, w.said, because)
}

// get returns what a new client of the copy gets for a path, or its error.
func (w *world) get(path string) (string, error) {
	return getFrom(w.Context(), w.serveCopy(), w.repo, path)
}

func (w *world) serveCopy() string {
	s := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(w.dest, "current"))))
	w.Cleanup(s.Close)
	return s.URL
}

func getFrom(ctx context.Context, base string, repo *verifytest.Repo, path string) (string, error) {
	c, err := client.Open(client.Config{
		TrustedRoot: repo.TrustedRoot(), Store: client.NewMemory(), Now: repo.Now,
		Metadata: []string{base + "/metadata"}, Targets: []string{base + "/targets"},
		HTTP: client.MirrorsConfig{Retries: -1},
	})
	if err != nil {
		return "", err
	}
	defer c.Close()
	f, err := c.Find(ctx, path)
	if err != nil {
		return "", err
	}
	body, err := f.Open(ctx)
	if err != nil {
		return "", err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return string(data), err
}

func (w *world) has(path, version string) {
	w.Helper()
	data, err := w.get(path)
	require.NoError(w, err)
	require.Equal(w, path+" version "+version, data)
}

// files are those below a folder of the copy.
func (w *world) files(below string) (names []string) {
	err := fs.WalkDir(os.DirFS(filepath.Join(w.dest, below)), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	require.NoError(w, err)
	return names
}

var layouts = map[string]verifytest.Options{
	"consistent snapshots": {}, "plain names": {NoConsistentSnapshot: true}, "hashes": {MetaHashes: true},
}

func inLayouts(t *testing.T, test func(w *world)) {
	for name, o := range layouts {
		t.Run(name, func(t *testing.T) { test(newWorld(t, o)) })
	}
}

func TestSync(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("plan")
		require.Contains(w, w.said, "20 files to download")
		require.Contains(w, w.said, "0 files are there")
		w.mustRun("sync")
		require.Contains(w, w.said, "20 files came")
		w.has("file-7", "1")
		w.mustRun("verify")
		require.Contains(w, w.said, "20 targets are good")

		w.stock("file-7", "2")
		w.stock("new", "1")
		w.publish()
		w.mustRun("plan")
		require.Contains(w, w.said, "2 files to download")
		w.has("file-7", "1") // a plan changes nothing
		w.mustRun("sync")
		require.Contains(w, w.said, "2 files came")
		for path, version := range map[string]string{"file-7": "2", "new": "1", "file-8": "1"} {
			w.has(path, version)
		}
		w.mustRun("verify")
		w.mustRun("sync")
		require.Contains(w, w.said, "0 files came")
	})
}

// The chain of roots is copied from the trusted root on, so that clients with
// any of these roots can use the copy.
func TestRoots(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		for n := range 3 {
			w.repo.Rotate("timestamp", 1, w.repo.Key(fmt.Sprint("timestamp ", n)))
			w.publish()
		}
		w.mustRun("sync")
		w.has("file-7", "1")
		for n := int64(1); n <= 4; n++ {
			require.Contains(w, w.files("current/metadata"), metadata.FileName("root", n))
		}
	})
}

// What is not listed any more stays for the clients that have begun, and then
// goes.
func TestGrace(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync", "--grace", "1h")
		w.stock("file-7", "2")
		w.publish()
		w.mustRun("sync", "--grace", "1h")
		if w.plain() {
			require.NotContains(w, w.files("current/metadata"), "2.snapshot.json")
		} else {
			require.Subset(w, w.files("current/metadata"), []string{"2.snapshot.json", "3.snapshot.json"})
		}
		require.Len(w, w.files(w.store()), 21)
		w.repo.Advance(2 * time.Hour)
		w.mustRun("sync", "--grace", "1h")
		require.Len(w, w.files(w.store()), 20)
		require.NotContains(w, w.files("current/metadata"), "2.snapshot.json")
		w.mustRun("verify")
	})
}

// plain says that the repository has no consistent snapshots.
func (w *world) plain() bool { return strings.Contains(w.Name(), "plain") }

// store is where the files of targets lie.
func (w *world) store() string {
	if w.plain() {
		return "files"
	}
	return "targets"
}

// Whatever an upstream does to a file, the published state stays whole, and the
// next sync goes on.
func TestTamperingUpstream(t *testing.T) {
	for name, o := range layouts {
		for what, fault := range map[string]clienttest.Fault{
			"other bytes": clienttest.Wrong(), "a cut": clienttest.Cut(5), "too long": clienttest.Length(1),
			"broken": clienttest.Status(500),
		} {
			for _, where := range []string{
				"/targets/*", "/metadata/*targets.json", "/metadata/timestamp.json", "/metadata/*bin-*",
			} {
				t.Run(name+" "+what+" "+where, func(t *testing.T) {
					t.Parallel() // most of it is waiting, before a mirror is asked again
					w := newWorld(t, o)
					w.mustRun("sync")
					w.stock("file-7", "2")
					w.publish()
					w.server.Always(where, fault)
					version := "1"
					if w.run("sync") == 0 { // it went on where it was cut, or did not ask for these
						require.NotEqual(t, "other bytes /targets/*", what+" "+where, w.said)
						version = "2"
					}
					w.has("file-7", version)
					w.mustRun("verify")
					w.server.Heal()
					w.mustRun("sync")
					w.has("file-7", "2")
				})
			}
		}
	}
}

// An upstream that goes back in time does not take the copy with it.
func TestRollback(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		old := clienttest.NewServer(w.repo)
		w.stock("file-7", "2")
		w.publish()
		w.mustRun("sync")
		s := httptest.NewServer(old)
		defer s.Close()
		w.base = s.URL
		w.mustFail("version", "sync")
		w.has("file-7", "2")
	})
}

// A file that the upstream lacks is reported. It stops the rest only if asked
// to.
func TestMissing(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.server.Always("/targets/*file-7", clienttest.Status(404))
		w.mustFail("files are missing", "sync", "--strict")
		_, err := os.Stat(filepath.Join(w.dest, "current"))
		require.ErrorIs(w, err, fs.ErrNotExist)
		w.mustRun("sync")
		require.Contains(w, w.said, "file-7 is left out: no mirror has it")
		w.has("file-8", "1")
		w.mustFail("1 targets are missing or wrong", "verify")
		w.server.Heal()
		w.mustRun("sync")
		require.Contains(w, w.said, "1 files came")
		w.mustRun("verify")
	})
}

func TestFilters(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync", "--include", "file-1*", "--exclude", "file-11", "--max-size", "17")
		require.Contains(w, w.said, "10 files came")
		w.has("file-12", "1")
		for _, path := range []string{"file-11", "file-2"} {
			_, err := w.get(path)
			require.ErrorIs(w, err, verify.ErrNotAtSource)
		}
		w.mustRun("verify", "--include", "file-1*", "--exclude", "file-11")
	})
}

// Anybody can have changed the copy: verify says what.
func TestVerify(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		names := w.files(w.store())
		require.NoError(w, os.WriteFile(filepath.Join(w.dest, w.store(), names[3]), []byte("x"), 0o600))
		w.mustFail("1 targets are missing or wrong", "verify")
	})
	w := newWorld(t, verifytest.Options{})
	w.mustRun("sync")
	require.NoError(t, os.WriteFile(filepath.Join(w.dest, "current/metadata/2.snapshot.json"), []byte("{}"), 0o600))
	w.mustFail("2.snapshot.json", "verify")
}

// Killed at any moment, again and again, while clients install: they get what
// was published, whole, and no sync is stopped by what the last one left.
//
//	go test ./services/mirror -run TestKills -syncs 200
func TestKills(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		var version atomic.Int64
		version.Store(1)
		base := w.serveCopy()
		stop := make(chan struct{})
		var clients sync.WaitGroup
		var installed, again atomic.Int64
		for range 2 {
			clients.Go(func() { w.installForever(base, stop, &version, &installed, &again) })
		}
		killed, whole := 0, w.measure()
		for n := range *syncs {
			version.Store(int64(n + 2))
			inTurn(func() {
				for i := range 20 {
					w.stock(fmt.Sprint("file-", i), fmt.Sprint(n+2))
				}
				w.publish()
			})
			killed += w.kill(rand.N(2 * whole))
		}
		close(stop)
		clients.Wait()
		w.mustRun("sync")
		w.has("file-7", fmt.Sprint(*syncs+1))
		w.mustRun("verify")
		t.Logf("%d of %d syncs killed; %d installed, %d times tried again", killed, *syncs, installed.Load(), again.Load())
		require.Positive(t, installed.Load())
	})
}

var publishing sync.Mutex

func inTurn(do func()) {
	publishing.Lock()
	defer publishing.Unlock()
	do()
}

// installForever installs from the copy. A client that meets the switch between
// two of its requests may have to begin again, as at any mirror.
func (w *world) installForever(base string, stop chan struct{}, version, installed, again *atomic.Int64) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		path := fmt.Sprint("file-", rand.IntN(20))
		var data string
		var err error
		for try := range 5 {
			if data, err = getFrom(w.Context(), base, w.repo, path); err == nil {
				break
			}
			again.Add(1)
			time.Sleep(time.Duration(try) * time.Millisecond)
		}
		var v int64
		if _, scanErr := fmt.Sscanf(data, path+" version %d", &v); err != nil || scanErr != nil || v > version.Load() {
			w.Errorf("%s: %q %v", path, data, errors.Join(err, scanErr))
			return
		}
		installed.Add(1)
	}
}

// measure returns how long a sync takes that has everything to do.
func (w *world) measure() time.Duration {
	for i := range 20 {
		w.stock(fmt.Sprint("file-", i), "1 or so")
	}
	w.publish()
	begun := time.Now()
	require.Zero(w, w.kill(time.Minute))
	return time.Since(begun)
}

// kill starts a sync in a process of its own, and kills it after a while.
func (w *world) kill(after time.Duration) int {
	c := exec.Command(os.Args[0], w.arguments("sync")...)
	c.Env = append(os.Environ(), "TUFWALK_TEST_MIRROR=1")
	var errs bytes.Buffer
	c.Stderr = &errs
	require.NoError(w, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		require.NoError(w, err, errs.String())
		return 0
	case <-time.After(after):
		if c.Process.Kill() != nil { // it has just ended
			require.NoError(w, <-ended, errs.String())
			return 0
		}
		<-ended
		return 1
	}
}
