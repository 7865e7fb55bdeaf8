package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// world is a repository with files in hash bins, mirrors of it, and a user.
type world struct {
	t       *testing.T
	repo    *verifytest.Repo
	content map[string]string
	dir     string
	args    []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), content: map[string]string{},
		repo: verifytest.New(verifytest.Options{Start: time.Now().UTC().Truncate(time.Second)})}
	w.repo.Targets().DelegateBins("bin", 4)
	for i := range 5 {
		name := fmt.Sprintf("files/%d.bin", i)
		w.content[name] = strings.Repeat(name, 1000)
		w.repo.Targets().AddToBin(name, []byte(w.content[name]))
	}
	w.repo.Publish()
	root := filepath.Join(w.dir, "root.json")
	require.NoError(t, os.WriteFile(root, w.repo.TrustedRoot(), 0o600))
	w.args = []string{"--root", root, "--cache", filepath.Join(w.dir, "cache"), "--dest", filepath.Join(w.dir, "dest")}
	return w
}

// mirror adds a mirror.
func (w *world) mirror() *clienttest.Server {
	m := clienttest.NewServer(w.repo)
	server := httptest.NewServer(m)
	w.t.Cleanup(server.Close)
	w.args = append(w.args, "--metadata-url", server.URL+"/metadata", "--targets-url", server.URL+"/targets")
	return m
}

// run runs the program for all files, and more.
func (w *world) run(more ...string) (code int, out string) {
	var b bytes.Buffer
	args := append([]string{}, w.args...)
	for name := range w.content {
		args = append(args, name)
	}
	code = run(context.Background(), append(args, more...), &b, &b)
	return code, b.String()
}

// installed returns the files that are in place, all of which must be right.
func (w *world) installed() (n int) {
	w.t.Helper()
	for name, want := range w.content {
		got, err := os.ReadFile(filepath.Join(w.dir, "dest", name))
		if err == nil {
			require.Equal(w.t, want, string(got))
			n++
		}
	}
	return n
}

// Whatever one mirror does with whatever file, the other one has it, and wrong
// bytes are blamed on the mirror that sent them.
func TestOneMirrorIsGood(t *testing.T) {
	wrong, cut, gone := clienttest.Wrong(), clienttest.Cut(10), clienttest.Status(404)
	for _, path := range []string{
		"/metadata/timestamp.json", "/metadata/2.snapshot.json", "/metadata/2.targets.json",
		"/metadata/*", "/targets/files/*",
	} {
		for name, fault := range map[string]clienttest.Fault{"wrong": wrong, "cut": cut, "gone": gone} {
			t.Run(name+" "+path, func(t *testing.T) {
				w := newWorld(t)
				w.mirror().Always(path, fault)
				w.mirror()
				code, out := w.run()
				require.Zero(t, code, out)
				require.Equal(t, 5, w.installed())
				rejected := name == "wrong" && strings.HasPrefix(path, "/metadata/")
				require.Equal(t, rejected, strings.Contains(out, "warning: 127.0.0.1"), out)
			})
		}
	}
}

// If no mirror has a good file, the program fails and says so once.
func TestNoMirrorIsGood(t *testing.T) {
	for _, path := range []string{"/metadata/timestamp.json", "/metadata/2.snapshot.json", "/metadata/2.targets.json"} {
		w := newWorld(t)
		w.mirror().Always(path, clienttest.Wrong())
		w.mirror().Always(path, clienttest.Wrong())
		code, out := w.run()
		require.Equal(t, 1, code)
		require.Equal(t, 1, strings.Count(out, "no trustworthy state"), out)
		require.Zero(t, w.installed())
	}
}

// A new root that one mirror hides is found at the other one.
func TestNextRoot(t *testing.T) {
	w := newWorld(t)
	w.repo.Rotate("root", 1, w.repo.Key("next"))
	w.repo.Publish()
	w.mirror().Always("/metadata/2.root.json", clienttest.Status(404))
	w.mirror()
	code, out := w.run()
	require.Zero(t, code, out)
	root, err := os.ReadFile(filepath.Join(w.dir, "cache", "root.json"))
	require.NoError(t, err)
	require.Equal(t, string(w.repo.Metadata()["2.root.json"]), string(root))
}

// What is saved and in place is not fetched again.
func TestSecondRun(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	code, out := w.run()
	require.Zero(t, code, out)
	before := len(m.Log())
	code, out = w.run()
	require.Zero(t, code, out)
	require.Len(t, m.Log(), before+2, "the next root and the timestamp")
}

func TestOneMissingTargetDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(t)
	w.mirror()
	code, out := w.run("files/unknown")
	require.Equal(t, 1, code)
	require.Contains(t, out, "files/unknown is not downloaded:\n  ")
	require.Equal(t, 5, w.installed())
}

// When a file cannot be saved, nothing may be used.
func TestSaveFails(t *testing.T) {
	w := newWorld(t)
	w.mirror()
	// No file can replace a directory.
	require.NoError(t, os.MkdirAll(filepath.Join(w.dir, "cache", "timestamp.json"), 0o700))
	code, out := w.run()
	require.Equal(t, 1, code)
	require.Contains(t, out, verify.ErrSave.Error())
	require.Zero(t, w.installed())
}

func TestInterrupt(t *testing.T) {
	w := newWorld(t)
	w.mirror().Always("/targets/files/*", clienttest.Stall(100))
	ctx, cancel := context.WithCancel(context.Background())
	var b bytes.Buffer
	time.AfterFunc(100*time.Millisecond, cancel)
	require.Equal(t, 130, run(ctx, append(w.args, "files/0.bin"), &b, &b))
	require.Contains(t, b.String(), "the next run resumes here")
	require.Zero(t, w.installed())
}

func TestWrongUsage(t *testing.T) {
	w := newWorld(t)
	w.mirror()
	for _, args := range [][]string{{"--nonsense"}, {"--parallel", "0"}, {"../escape"}, {"--targets-url", "ftp://x"}} {
		code, out := w.run(args...)
		require.Equal(t, 2, code, out)
	}
	var out bytes.Buffer
	require.Zero(t, run(context.Background(), []string{"--help"}, &out, &out))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len([]rune(line)), 84, line) // the usage is one line
	}
}

func TestDemonstration(t *testing.T) {
	var out, errs bytes.Buffer
	require.Zero(t, run(context.Background(), nil, &out, &errs), errs.String())
	require.Contains(t, out.String(), "24 of 24 files are in ")
	require.Contains(t, errs.String(), "sent a wrong file")
}
