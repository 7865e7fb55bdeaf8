package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrongUsage(t *testing.T) {
	w := newWorld(t, false)
	for _, c := range []struct {
		args    []string
		because string
	}{
		{[]string{"install"}, `expected "<package> ..."`},
		{[]string{"install", "anvil", "--root", "root.json"}, "--files-url"},
		{[]string{"install", "anvil", "--bins", "none"}, "classic"},
		{w.args("anvil", "--colour"), "unknown flag --colour"},
		{w.args("anvil", "-at", "yesterday"), "yesterday"},
		{w.args("anvil==one"), "anvil==one"},
		{w.args("anvil", "--files-url", "ftp://host"), `"ftp://host" is not a URL with http or https and a host`},
		{w.args("anvil", "--extra-index-url", "http://host/?key=1"), "query"},
	} {
		code, stdout, stderr := runArgs(c.args...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, stderr, c.because)
		require.Empty(t, stdout)
	}
	require.Empty(t, w.requests(), "no requests")

	code, stdout, _ := runArgs("install", "--help")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "--extra-index-url=URL")
}

// The program itself, with 16,384 bins.
func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "pypi")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	for name, c := range map[string]struct {
		args  []string
		how   string
		count int
	}{
		"without arguments": {nil, "this is a demonstration", 7},
		"succinct":          {[]string{"install", "lathe", "--bins", "succinct", "--trail"}, "unclaimed -> bin-", 3},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			cmd := exec.Command(program, c.args...)
			cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TMP="+temp)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Contains(t, string(out), c.how)
			require.Contains(t, string(out), "16395 files")
			require.NotContains(t, string(out), "\x1b", "no bars without a terminal")
			left, err := filepath.Glob(filepath.Join(temp, "tufwalk-*"))
			require.NoError(t, err)
			require.Len(t, left, 1)
			require.Contains(t, string(out), "\nThe files stay in "+left[0]+"; delete it when you like.\n")
			files, err := filepath.Glob(filepath.Join(temp, "tufwalk-pypi-*", "installed", "*.whl"))
			require.NoError(t, err)
			require.Len(t, files, c.count)
		})
	}
}
