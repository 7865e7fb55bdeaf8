package main

import (
	"fmt"
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

	"github.com/tufwalk/tufwalk/services/proxy/internal/world"
)

// clientWorld is a proxy before a made-up world, and the folder of a user.
type clientWorld struct {
	*program
	world *world.World
	home  string
}

func newClientWorld(t *testing.T) *clientWorld {
	t.Helper()
	w := &clientWorld{program: &program{T: t, dir: t.TempDir()}, world: world.New(time.Now(), 8), home: t.TempDir()}
	serve := func(h http.Handler) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	servers := world.Servers{Mirror: serve(w.world.Mirror()), Public: map[string]string{}}
	for _, name := range []string{world.PyPI, world.NPM, world.Go} {
		servers.Public[name] = serve(w.world.Public(name))
	}
	_, err := w.world.WriteConfig(w.dir, servers)
	require.NoError(t, err)
	w.program.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// lie has the mirror misbehave before a proxy that has nothing saved.
func (w *clientWorld) lie(mode string) {
	w.Helper()
	w.stop()
	require.NoError(w, os.RemoveAll(filepath.Join(w.dir, "bucket")))
	w.world.SetMode(mode)
	w.start()
}

// remember has the proxy see the newest state first.
func (w *clientWorld) remember(mode string) {
	w.Helper()
	w.stop()
	w.start()
	for _, name := range []string{
		"pypi/simple/forge/", "npm/anvil", "apt/dists/stable/Release", "go/example.com/forge/@v/list",
	} {
		status, body := w.get(http.DefaultClient, w.proxy+"/"+name)
		require.Equal(w, 200, status, body)
	}
	w.stop()
	w.world.SetMode(mode)
	w.start()
}

// need skips the test where a program is missing; CI on Linux has them all.
func need(t *testing.T, program string) {
	t.Helper()
	if raced {
		t.Skip("the real clients take most of the time")
	}
	err := exec.CommandContext(t.Context(), program, "--version").Run()
	if program == "python3" {
		err = exec.CommandContext(t.Context(), program, "-m", "pip", "--version").Run()
	} else if program == "go" {
		err = nil
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true" && runtime.GOOS == "linux":
		t.Fatal(program, ": ", err)
	default:
		t.Skip("this test needs ", program, ": ", err)
	}
}

// run runs a real client in the user's folder.
func (w *clientWorld) run(env []string, name string, args ...string) (ok bool, out string) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), name, args...)
	cmd.Dir = w.home
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "LC_ALL=C.UTF-8"}, env...)
	data, err := cmd.CombinedOutput()
	return err == nil, string(data)
}

// packageManager is a real client.
type packageManager struct {
	program string
	// install installs forge, or another package; run runs what was installed.
	install func(w *clientWorld, name string) (ok bool, out string)
	run     func(w *clientWorld) (out string)
	// installed is what of it is on the disk.
	installed func(w *clientWorld) []string
	// index is the address of the page that the proxy refuses in some modes;
	// showsPage says whether the client shows the reason then.
	index     string
	showsPage bool
	public    string // the name of a package that only the public index has
}

var managers = map[string]packageManager{
	"pip": {
		program: "python3",
		install: func(w *clientWorld, name string) (bool, string) {
			return w.run(nil, "python3", "-m", "pip", "--disable-pip-version-check", "install", "--no-cache-dir",
				"--retries", "0", "--target", "site", "--index-url", w.proxy+"/pypi/simple/", name)
		},
		run: func(w *clientWorld) string {
			_, out := w.run([]string{"PYTHONPATH=" + filepath.Join(w.home, "site")}, "python3", "-m", "forge")
			return out
		},
		installed: func(w *clientWorld) []string { return find(w, "site", "forge") },
		index:     "/pypi/simple/forge/", public: "bellows",
	},
	"npm": {
		program: "npm",
		install: func(w *clientWorld, name string) (bool, string) {
			if name == "forge" {
				name = "@corp/forge"
			}
			return w.run(nil, "npm", "install", "--no-audit", "--no-fund", "--no-update-notifier",
				"--fetch-retries", "1", "--fetch-retry-mintimeout", "100", // not after 10 and 60 seconds
				"--registry", w.proxy+"/npm/", name)
		},
		run: func(w *clientWorld) string {
			_, out := w.run(nil, filepath.Join(w.home, "node_modules", ".bin", "forge"))
			return out
		},
		installed: func(w *clientWorld) []string { return find(w, "node_modules", "cli.js") },
		index:     "/npm/@corp%2fforge", showsPage: true, public: "bellows",
	},
	"apt": {
		program: "apt-get",
		install: func(w *clientWorld, name string) (bool, string) {
			for _, dir := range []string{"lists/partial", "archives/partial", "etc", "got"} {
				require.NoError(w, os.MkdirAll(filepath.Join(w.home, dir), 0o755))
			}
			write := func(file, text string) {
				require.NoError(w, os.WriteFile(filepath.Join(w.home, file), []byte(text), 0o644))
			}
			write("etc/sources.list", "deb [signed-by="+w.home+"/etc/keyring.asc] "+w.proxy+"/apt/ stable main\n")
			write("etc/keyring.asc", string(w.world.Keyring))
			write("status", "")
			write("apt.conf", fmt.Sprintf(`Dir::Etc::sourcelist "%[1]s/etc/sources.list"; Dir::Etc::sourceparts "-";
Dir::State::lists "%[1]s/lists"; Dir::Cache::archives "%[1]s/archives";
Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";
Dir::State::status "%[1]s/status"; APT::Architecture "amd64"; APT::Architectures { "amd64"; };
APT::Sandbox::User ""; Acquire::Retries "0"; Acquire::Languages "none"; Debug::NoLocking "true";
`, w.home))
			env := []string{"APT_CONFIG=" + filepath.Join(w.home, "apt.conf")}
			ok, out := w.run(env, "apt-get", "update")
			if !ok {
				return ok, out
			}
			ok, more := w.run(env, "apt-get", "install", "--yes", "--download-only", name)
			if !ok {
				return ok, out + more
			}
			debs, _ := filepath.Glob(filepath.Join(w.home, "archives", "*.deb"))
			require.NotEmpty(w, debs)
			ok, last := w.run(nil, "dpkg-deb", "-x", debs[0], "got")
			return ok, out + more + last
		},
		run: func(w *clientWorld) string {
			_, out := w.run(nil, filepath.Join(w.home, "got", "usr", "bin", "forge"))
			return out
		},
		installed: func(w *clientWorld) []string { return append(find(w, "got", "forge"), find(w, "archives", ".deb")...) },
		index:     "/apt/dists/stable/InRelease", showsPage: true,
	},
	"go": {
		program: "go",
		install: func(w *clientWorld, name string) (bool, string) {
			return w.run([]string{
				"GOPROXY=" + w.proxy + "/go/", "GONOSUMDB=*", "GOFLAGS=-modcacherw", "GOBIN=" + filepath.Join(w.home, "bin"),
				"GOTOOLCHAIN=local", "GOWORK=off",
			}, "go", "install", "example.com/"+name+"@latest")
		},
		run: func(w *clientWorld) string {
			_, out := w.run(nil, filepath.Join(w.home, "bin", "forge"))
			return out
		},
		installed: func(w *clientWorld) []string { return find(w, "bin", "forge") },
		index:     "/go/example.com/forge/@v/list", showsPage: true,
	},
}

// find returns the files below a folder whose path has a part.
func find(w *clientWorld, folder, part string) (names []string) {
	_ = filepath.WalkDir(filepath.Join(w.home, folder), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(path, part) {
			names = append(names, path)
		}
		return nil
	})
	return names
}

// A real client installs from an honest mirror the newest signed version,
// although the public index has version 99, and what it installed runs.
func TestClientsInstall(t *testing.T) {
	for name, m := range managers {
		t.Run(name, func(t *testing.T) {
			need(t, m.program)
			w := newClientWorld(t)
			ok, out := m.install(w, "forge")
			require.True(t, ok, out)
			require.Regexp(t, `forge v?1\.1(\.0)? runs`, m.run(w), out)
			if m.public != "" {
				ok, out = m.install(w, m.public)
				require.True(t, ok, "what no map entry covers comes from the public index: %s", out)
			}
		})
	}
}

// Whatever the mirror does, the client fails or installs what was signed, and
// nothing wrong is on the disk. Its output names the reason, where it can.
func TestClientsBehindLiars(t *testing.T) {
	for name, m := range managers {
		for _, c := range []struct {
			mode    string
			lie     func(*clientWorld, string)
			reasons []string // one of them is shown
			page    bool     // the page is refused, not the file
		}{
			{world.Tampered, (*clientWorld).lie, []string{"hash mismatch", "wrong"}, name != "pip"},
			{world.Rollback, (*clientWorld).remember, []string{"rollback", "older"}, true},
			{world.Hidden, (*clientWorld).lie, []string{"hash mismatch", "wrong", "length"}, true},
			{world.Expired, (*clientWorld).lie, []string{"expired"}, true},
			{world.Cut, (*clientWorld).lie, []string{"unexpected EOF", "broke off", "ended", "unreachable", "could not"}, true},
		} {
			t.Run(name+" "+c.mode, func(t *testing.T) {
				need(t, m.program)
				w := newClientWorld(t)
				c.lie(w, c.mode)
				ok, out := m.install(w, "forge")
				require.NotContains(t, out, "99.0")
				if c.mode == world.Rollback && ok { // what is saved answers until it expires
					require.Regexp(t, `forge v?1\.1(\.0)? runs`, m.run(w), out)
					return
				}
				require.False(t, ok, out)
				require.Empty(t, m.installed(w))
				status, body := w.get(http.DefaultClient, w.proxy+m.index)
				require.NotEqual(t, 404, status, body)
				if m.showsPage {
					require.True(t, containsAny(out, c.reasons), "%v\n%s", c.reasons, out)
				}
			})
		}
	}
}

func containsAny(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
