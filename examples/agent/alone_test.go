package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const goMod = `module example.com/program

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

// The files to copy, with a main of few lines, are a program of their own. It
// does its own work while it updates itself, and ends it before the next
// version begins.
func TestCopiedAlone(t *testing.T) {
	w := newWorld(t, time.Now())
	w.one = w.copyAlone()
	w.two = append(bytes.Clone(w.one), "version 2\n"...)
	w.reinstall()
	w.publish(w.one)
	agent := w.start("1m")
	agent.says("hello")

	w.publish(w.two)
	agent.says("installed a new version")
	agent.says("goodbye")
	agent.says("started", buildOf(w.two))
	require.Equal(t, 1, strings.Count(agent.all.String(), "hello\n"))
	agent.says("hello")
	w.installed(w.two)

	if err := agent.cmd.Process.Signal(os.Interrupt); err == nil { // Windows has no such signal
		agent.says("goodbye")
		agent.ends()
		require.True(t, agent.cmd.ProcessState.Success(), agent.all.String())
	}
}

// copyAlone builds the files to copy like a newcomer, in a module outside this
// tree that has nothing else.
func (w *world) copyAlone() (program []byte) {
	w.Helper()
	library, err := filepath.Abs("../..")
	require.NoError(w, err)
	files, err := filepath.Glob("keeper*.go")
	require.NoError(w, err)
	dir := w.TempDir()
	write := func(name string, data []byte) {
		require.NoError(w, os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o600))
	}
	main := filepath.Join("testdata", "main.go")
	for _, name := range append(files, "worker.go", main, filepath.Join(library, "client", "go.sum")) {
		data, err := os.ReadFile(name)
		require.NoError(w, err)
		if name == main {
			own := strings.NewReplacer("https://example.com", w.url, "time.Hour", "time.Second/20")
			data = []byte(own.Replace(string(data)))
		}
		write(name, data)
	}
	write("root.json", w.repo.TrustedRoot())
	library = filepath.ToSlash(library)
	write("go.mod", fmt.Appendf(nil, goMod, library, library+"/client"))
	cmd := exec.Command("go", "build", "-o", "program", ".")
	cmd.Dir = dir
	// With -mod=mod go build adds the other requirements, like go mod tidy.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	require.NoError(w, err, string(out))
	program, err = os.ReadFile(filepath.Join(dir, "program"))
	require.NoError(w, err)
	return program
}
