package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const goMod = `module example.com/client

go 1.25.0

require (
	github.com/tufwalk/tufwalk v0.0.0
	github.com/tufwalk/tufwalk/client v0.0.0
)

replace (
	github.com/tufwalk/tufwalk => %q
	github.com/tufwalk/tufwalk/client => %q
)
`

// build builds a program like a newcomer: its main.go alone, in an empty module
// outside this tree, which replaces the library by its folders.
func build(t *testing.T, folder string) (program string) {
	t.Helper()
	library, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	for _, file := range []string{filepath.Join(folder, "main.go"), filepath.Join(library, "client", "go.sum")} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		write(filepath.Base(file), data)
	}
	library = filepath.ToSlash(library)
	write("go.mod", fmt.Appendf(nil, goMod, library, library+"/client"))

	program = filepath.Join(dir, "client")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = dir
	// With -mod=mod go build adds the other requirements, like go mod tidy.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// user has the client, a root file, a folder for the store, and the file that
// the client writes.
type user struct {
	t                *testing.T
	program, dir     string
	metadata, target *mirror
}

func newUser(t *testing.T, program string, repo *verifytest.Repo) *user {
	t.Helper()
	u := &user{t: t, program: program, dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(u.dir, "root.json"), repo.TrustedRoot(), 0o600))
	u.follow(repo)
	return u
}

// follow makes the mirrors of the user serve what the repository has now.
func (u *user) follow(repo *verifytest.Repo) {
	u.metadata, u.target = serve(u.t, repo.Metadata()), serve(u.t, repo.TargetFiles())
}

// run runs the client. It returns what the client printed, and the file that it
// wrote, or nil.
func (u *user) run(target string) (output string, installed []byte, err error) {
	u.t.Helper()
	cmd := exec.Command(u.program,
		"-root", "root.json", "-metadata", u.metadata.URL, "-targets", u.target.URL, "-out", "out.bin", target)
	cmd.Dir = u.dir
	out, err := cmd.CombinedOutput()
	installed, _ = os.ReadFile(filepath.Join(u.dir, "out.bin"))
	for _, left := range []string{".partial-*", "tuf/.partial-*", ".tufwalk-*.part"} {
		files, globErr := filepath.Glob(filepath.Join(u.dir, left))
		require.NoError(u.t, globErr)
		require.Empty(u.t, files)
	}
	return string(out), installed, err
}

func (u *user) mustInstall(want []byte) {
	u.t.Helper()
	out, installed, err := u.run("app.bin")
	require.NoError(u.t, err, out)
	require.Empty(u.t, out)
	require.True(u.t, bytes.Equal(want, installed))
}

func (u *user) mustRefuse(reasons ...string) {
	u.t.Helper()
	out, installed, err := u.run("app.bin")
	require.Error(u.t, err)
	for _, reason := range reasons {
		require.Contains(u.t, out, reason)
	}
	require.Nil(u.t, installed)
}

// mirror serves files over HTTP and records the requests.
type mirror struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

// serve starts a mirror of the files as they are now.
func serve(t *testing.T, files verifytest.Files) *mirror {
	t.Helper()
	m, fileServer := &mirror{}, http.FileServerFS(files.Clone().FS())
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.asked = append(m.asked, r.URL.EscapedPath())
		m.mu.Unlock()
		fileServer.ServeHTTP(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

// since returns the paths requested since the last call.
func (m *mirror) since() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.asked
	m.asked = nil
	return asked
}

var app = bytes.Repeat([]byte("app "), 50_000)

func repository(start time.Time) *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{Start: start})
	repo.Targets().AddTarget("app.bin", app)
	repo.Publish()
	return repo
}

// The same for the client in fifteen lines, and for the one by hand.
func TestPrograms(t *testing.T) {
	for name, folder := range map[string]string{"quickstart": ".", "byhand": "../byhand"} {
		t.Run(name, func(t *testing.T) { testProgram(t, build(t, folder)) })
	}
}

func testProgram(t *testing.T, program string) {

	t.Run("a good install, and another from the folder", func(t *testing.T) {
		repo := repository(time.Now())
		u := newUser(t, program, repo)
		u.mustInstall(app)
		require.ElementsMatch(t,
			[]string{"/2.root.json", "/timestamp.json", "/2.snapshot.json", "/2.targets.json"}, u.metadata.since())
		u.mustInstall(app)
		require.ElementsMatch(t, []string{"/2.root.json", "/timestamp.json"}, u.metadata.since(), "the rest was stored")
	})
	t.Run("a new root", func(t *testing.T) {
		repo := repository(time.Now())
		u := newUser(t, program, repo)
		u.mustInstall(app)
		repo.Rotate("root", 1, repo.Key("new root"))
		repo.Targets().AddTarget("app.bin", []byte("app 2"))
		repo.Publish()
		u.follow(repo)
		u.mustInstall([]byte("app 2"))
	})
	t.Run("a tampered target", func(t *testing.T) {
		repo := repository(time.Now())
		u := newUser(t, program, repo)
		for name := range repo.TargetFiles() {
			repo.TargetFiles()[name] = bytes.ToUpper(app)
		}
		u.follow(repo)
		u.mustRefuse(verify.ErrHash.Error())
	})
	t.Run("a target that was never listed", func(t *testing.T) {
		u := newUser(t, program, repository(time.Now()))
		out, installed, err := u.run("evil.bin")
		require.Error(t, err)
		require.Contains(t, out, `"evil.bin": `+verify.ErrNoTarget.Error())
		require.Nil(t, installed)
	})
	t.Run("tampered metadata", func(t *testing.T) {
		repo := repository(time.Now())
		u := newUser(t, program, repo)
		targets := repo.Metadata()["2.targets.json"]
		repo.Metadata()["2.targets.json"] = bytes.ReplaceAll(targets, []byte("app.bin"), []byte("bad.bin"))
		u.follow(repo)
		u.mustRefuse("2.targets.json", "rejected")
	})
	t.Run("a frozen mirror", func(t *testing.T) {
		repo := repository(time.Now().AddDate(0, 0, -2)) // its timestamp is valid for a day
		frozen := serve(t, repo.Metadata())
		repo.Advance(48 * time.Hour)
		repo.Publish()

		u := newUser(t, program, repo)
		current := u.metadata
		u.metadata = frozen
		u.mustRefuse("timestamp version 2", verify.ErrExpired.Error())
		u.metadata = current
		u.mustInstall(app)
	})
	t.Run("a rollback", func(t *testing.T) {
		repo := repository(time.Now())
		old := serve(t, repo.Metadata())
		repo.Publish()
		u := newUser(t, program, repo)
		u.mustInstall(app)
		require.NoError(t, os.Remove(filepath.Join(u.dir, "out.bin")))
		u.metadata = old
		u.mustRefuse(verify.ErrRollback.Error())
	})
	t.Run("a server that is down", func(t *testing.T) {
		u := newUser(t, program, repository(time.Now()))
		u.metadata.Close()
		u.mustRefuse("2.root.json")
	})
}

// The files that a user copies import no internal package.
func TestNothingInternal(t *testing.T) {
	const format = `{{join .Imports " "}} {{join .TestImports " "}}`
	for _, dir := range []string{".", "../byhand", "../fixtures"} {
		imports, err := exec.Command("go", "list", "-f", format, dir).Output()
		require.NoError(t, err)
		require.Contains(t, string(imports), "tufwalk/")
		for _, path := range strings.Fields(string(imports)) {
			require.False(t, strings.Contains(path, "tufwalk") && strings.Contains(path, "internal"), path)
		}
	}
}

// A newcomer reads each of them in one sitting.
func TestProgramsAreShort(t *testing.T) {
	for file, most := range map[string]int{"main.go": 58, "../byhand/main.go": 138} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(data), "\n"), most, file)
	}
}
