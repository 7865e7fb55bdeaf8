package hosts_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/embed/internal/hosts"
	"github.com/tufwalk/tufwalk/examples/embed/message"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The module answers as the Go package does, the longest message included.
func TestWazero(t *testing.T) {
	wasm, err := os.ReadFile(module(t))
	require.NoError(t, err)
	m, err := hosts.OpenModule(t.Context(), wasm)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()

	var own message.Host
	for _, text := range []string{
		"", "{}", `{"v":1,"call":"versions"}`, `{"v":2}`, `{"v":1,"call":"next","session":1}`,
		open(t), `{"v":1,"call":"find","session":1,"path":"app.txt"}`, `{"v":1,"call":"next","session":1}`,
		`{"v":1,"call":"provide","session":1,"id":"1"}` + "\n" + strings.Repeat("x", 1<<20),
		`{"v":1,"call":"status","session":1}`,
	} {
		answer, err := m.Call(t.Context(), []byte(text))
		require.NoError(t, err)
		require.Equal(t, string(own.Call([]byte(text))), string(answer), "%.100s", text)
	}
	_, err = m.Call(t.Context(), make([]byte, message.MaxMessageBytes+1))
	require.ErrorContains(t, err, "no memory")
}

// open is a message that opens a session.
func open(t *testing.T) string {
	repo := verifytest.New(verifytest.Options{})
	root := repo.TrustedRoot()
	line, err := json.Marshal(map[string]any{"v": 1, "call": "open", "time": repo.Now(), "trusted_root": len(root)})
	require.NoError(t, err)
	return string(line) + "\n" + string(root)
}

// world writes a repository to a folder: root.json, metadata and targets.
func world(t *testing.T) string {
	dir := t.TempDir()
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app.txt", []byte("hello"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "dev", Paths: []string{"dev/*"}}).
		AddTarget("dev/app.txt", []byte("hello, dev"))
	repo.Publish()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.json"), repo.TrustedRoot(), 0o644))
	for folder, files := range map[string]verifytest.Files{"metadata": repo.Metadata(), "targets": repo.TargetFiles()} {
		for name, data := range files {
			file := filepath.Join(dir, folder, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, data, 0o644))
		}
	}
	return dir
}

// Node runs a whole update with its own WASI.
func TestNode(t *testing.T) {
	node := needed(t, "node")
	out := output(t, nil, node, "--no-warnings", "../../node/update.mjs", module(t), world(t), "2030-01-01T00:00:00Z",
		"dev/app.txt")
	require.Equal(t, "dev/app.txt: 10 bytes, verified, listed by dev\n", out)
}

// A program in C is compiled with the header, and runs a whole update.
func TestC(t *testing.T) {
	lib := library(t)
	program := filepath.Join(t.TempDir(), "update")
	output(t, nil, "gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I../../clib",
		"-o", program, "../../clib/testdata/test.c", "-L"+filepath.Dir(lib), "-ltufwalk")
	out := output(t, []string{"LD_LIBRARY_PATH=" + filepath.Dir(lib)}, program, filepath.Join(world(t), "root.json"))
	require.Equal(t, "ok\n", out)
}

// The Python package passes its own tests.
func TestPython(t *testing.T) {
	python := needed(t, "python3")
	out := output(t, []string{
		"TUFWALK_LIBRARY=" + library(t), "TUFWALK_WORLD=" + world(t), "PYTHONPATH=../../python", "PYTHONDONTWRITEBYTECODE=1",
	}, python, "-W", "error", "-m", "unittest", "discover", "-s", "../../python/tests", "-t", "../../python")
	require.Contains(t, out, "OK")
	require.NotContains(t, out, "skipped")
}
