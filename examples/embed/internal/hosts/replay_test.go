package hosts_test

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/embed/internal/hosts"
	"github.com/tufwalk/tufwalk/examples/embed/message"
)

var histories = flag.Int("histories", 30, "how many random histories other hosts play")

// recordings are what the tests of package verify did with the Go session: all
// scripts, the scenarios where they are, and random histories.
var recordings = sync.OnceValues(func() ([]string, error) {
	folder, err := os.MkdirTemp(dir, "recordings-")
	if err != nil {
		return nil, err
	}
	err = hosts.Record(folder, *histories)
	if err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(folder, "*.jsonl"))
})

func recorded(t *testing.T) []string {
	depends(t, "../../../../verify/testdata/script", "../../../../internal/histories")
	files, err := recordings()
	require.NoError(t, err)
	require.Greater(t, len(files), 30+*histories, "scripts and histories")
	return files
}

func play(t *testing.T, call func([]byte) ([]byte, error)) {
	steps := 0
	for _, file := range recorded(t) {
		r, err := hosts.ReadRecording(file)
		require.NoError(t, err)
		require.NotEmpty(t, r.Steps)
		require.NoError(t, r.Play(call), "%s", filepath.Base(file))
		steps += len(r.Steps)
	}
	t.Logf("%d recordings, %d steps", len(recorded(t)), steps)
}

// The messages ask for the same files in the same order as the session, and
// have the same answers.
func TestSameInMessages(t *testing.T) {
	var h message.Host
	play(t, func(m []byte) ([]byte, error) { return h.Call(m), nil })
}

func TestSameInWazero(t *testing.T) {
	wasm, err := os.ReadFile(module(t))
	require.NoError(t, err)
	m, err := hosts.OpenModule(t.Context(), wasm)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	play(t, func(text []byte) ([]byte, error) { return m.Call(t.Context(), text) })
}

func TestSameInPython(t *testing.T) {
	python := needed(t, "python3")
	files := recorded(t)
	out := output(t, []string{
		"TUFWALK_LIBRARY=" + library(t), "PYTHONPATH=../../python", "PYTHONDONTWRITEBYTECODE=1",
	}, python, "-W", "error", "../../python/replay.py", filepath.Dir(files[0]))
	require.Contains(t, out, strconv.Itoa(len(files))+" recordings, ")
	t.Log(out)
}

// A recording in which one thing is different is noticed.
func TestDifferent(t *testing.T) {
	r, err := hosts.ReadRecording(recorded(t)[0])
	require.NoError(t, err)
	for i := range r.Steps {
		if len(r.Steps[i].Want) == 0 {
			continue
		}
		was := r.Steps[i].Want[0]
		r.Steps[i].Want[0] += "x"
		var h message.Host
		require.ErrorContains(t, r.Play(func(m []byte) ([]byte, error) { return h.Call(m), nil }), "expected")
		r.Steps[i].Want[0] = was
	}
}
