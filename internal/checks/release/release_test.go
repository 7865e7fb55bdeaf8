package main

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const version = "v0.1.0"

var install = flag.Bool("install", false, "install the services too, which fetches hundreds of megabytes")

// The modules can be got as users get them: from a module proxy, as zips, in a
// version, without go.work and without a replace.
func TestModulesCanBeGot(t *testing.T) {
	if testing.Short() || raced {
		t.Skip("it builds several programs")
	}
	top, err := filepath.Abs("../../..")
	require.NoError(t, err)
	proxy := t.TempDir()
	for _, m := range released {
		publish(t, proxy, top, m)
	}
	u := newUser(t, proxy)

	t.Run("quickstart", func(t *testing.T) { u.build(t, copied(t, filepath.Join(top, "examples", "quickstart"))) })
	t.Run("agent", func(t *testing.T) {
		tree := ready(t, top, mod{"examples"})
		u.run(t, tree, nil, "go", "mod", "tidy")
		u.run(t, tree, nil, "go", "build", "-o", filepath.Join(t.TempDir(), "agent.exe"), "./agent")
	})
	t.Run("newcomer", func(t *testing.T) { u.build(t, map[string]string{"main.go": newcomer}) })
	t.Run("core alone", func(t *testing.T) {
		list := u.build(t, map[string]string{"main.go": coreAlone})
		require.NotContains(t, list, library+"/client")
		require.NotContains(t, list, "testify", "a program gets no module that only tests need")
	})
	t.Run("proxy is installed", func(t *testing.T) {
		if !*install {
			t.Skip("only with -install")
		}
		bin := t.TempDir()
		u.run(t, t.TempDir(), []string{"GOBIN=" + bin}, "go", "install", library+"/services/proxy@"+version)
		files, err := os.ReadDir(bin)
		require.NoError(t, err)
		require.Len(t, files, 1)
	})
}

const newcomer = `package main

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

func main() {
	c, err := client.Open(client.Config{Metadata: []string{"https://example.com/m"}, Folder: "saved"})
	if err != nil {
		fmt.Println(verify.KindOf(err), err)
		return
	}
	defer c.Close()
	_, err = c.Find(context.Background(), "app")
	fmt.Println(err)
}
`

const coreAlone = `package main

import (
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

func main() {
	_, err := verify.New(nil, verify.Stored{}, time.Now(), verify.Options{})
	fmt.Println(err)
}
`

// The go.mod of a release has no replace, and its versions.
func TestReleasedGoMod(t *testing.T) {
	const head = "module github.com/tufwalk/tufwalk/client\n\ngo 1.25.0\n\n// Why.\n"
	old := head + "require github.com/tufwalk/tufwalk v0.0.0\n\nreplace github.com/tufwalk/tufwalk => ../\n"
	data, err := releasedGoMod("go.mod", []byte(old), version)
	require.NoError(t, err)
	require.Equal(t, head+"require github.com/tufwalk/tufwalk v0.1.0\n", string(data))
	for _, wrong := range []string{"", "0.1.0", "v0.1", "latest"} {
		_, err := releasedGoMod("go.mod", []byte(old), wrong)
		require.ErrorContains(t, err, "no version", wrong)
	}
	require.Equal(t, "client/v0.1.0", mod{"client"}.tag(version))
	require.Equal(t, "v0.1.0", mod{}.tag(version))
}

// publish adds a module to a folder that the go command takes for a proxy.
func publish(t *testing.T, proxy, top string, m mod) {
	t.Helper()
	tree := ready(t, top, m)
	escaped, err := module.EscapePath(m.path())
	require.NoError(t, err)
	dir := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	goMod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	require.NoError(t, err)
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	write("list", []byte(version+"\n"))
	write(version+".info", info)
	write(version+".mod", goMod)
	file, err := os.Create(filepath.Join(dir, version+".zip"))
	require.NoError(t, err)
	require.NoError(t, zip.CreateFromDir(file, module.Version{Path: m.path(), Version: version}, tree))
	require.NoError(t, file.Close())
}

// ready returns a copy of a module that is ready for its tag.
func ready(t *testing.T, top string, m mod) (tree string) {
	t.Helper()
	tree = t.TempDir()
	copyTree(t, top, filepath.Join(top, m.folder), tree)
	_, err := mod{}.prepare(tree, version)
	require.NoError(t, err)
	return tree
}

// copyTree copies the files of a module that git knows, or would add.
func copyTree(t *testing.T, top, from, to string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = from
	out, err := cmd.Output()
	if err != nil {
		t.Skip("this test needs git and a checkout: ", err)
	}
	license, err := os.ReadFile(filepath.Join(top, "LICENSE"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(to, "LICENSE"), license, 0o600))
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		require.NoError(t, err)
		name = filepath.Join(to, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, data, 0o600))
	}
}

// user has a go command that finds our modules in a folder, and the others
// where it always does.
type user struct{ env []string }

func newUser(t *testing.T, proxy string) *user {
	t.Helper()
	out, err := exec.Command("go", "env", "GOPROXY", "GOMODCACHE", "GONOSUMDB").Output()
	require.NoError(t, err)
	got := strings.Split(string(out), "\n")
	url := func(folder string) string {
		folder = filepath.ToSlash(folder)
		if runtime.GOOS == "windows" {
			folder = "/" + folder
		}
		return "file://" + folder
	}
	cache := t.TempDir()
	t.Cleanup(func() { // its files are read-only
		cmd := exec.Command("go", "clean", "-modcache")
		cmd.Env = append(os.Environ(), "GOMODCACHE="+cache, "GOFLAGS=")
		_ = cmd.Run()
	})
	return &user{[]string{
		"GOWORK=off", "GOFLAGS=-mod=mod", "GOMODCACHE=" + cache, "GONOSUMDB=" + strings.Trim(library+","+got[2], ","),
		"GOPROXY=" + strings.Join([]string{url(proxy), url(filepath.Join(got[1], "cache", "download")), got[0]}, ","),
	}}
}

func (u *user) run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), u.env...), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s:\n%s", name, strings.Join(args, " "), out)
	return string(out)
}

// build builds a program in a module of its own, and returns the modules that
// are in it.
func (u *user) build(t *testing.T, files map[string]string) (modules string) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600))
	}
	u.run(t, dir, nil, "go", "mod", "init", "example.com/program")
	u.run(t, dir, nil, "go", "get", library+"@"+version, library+"/client@"+version)
	u.run(t, dir, nil, "go", "mod", "tidy")
	after, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.NotContains(t, string(after), "replace")
	u.run(t, dir, nil, "go", "vet", ".")
	program := filepath.Join(dir, "program.exe")
	u.run(t, dir, nil, "go", "build", "-o", program, ".")
	return u.run(t, dir, nil, "go", "version", "-m", program)
}

// copied are the Go files of a program, without its tests.
func copied(t *testing.T, folder string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	files := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		files[filepath.Base(name)] = string(data)
	}
	return files
}
