package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestWrongUsage(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	for _, c := range []struct {
		args    []string
		because string
	}{
		{[]string{"app.bin"}, "missing flags: --root=FILE, --metadata-url=URL and --targets-url=URL"},
		{w.args(), `expected "<target> ..."`},
		{w.args("app.bin", "--colour"), "unknown flag --colour"},
		{w.args("app.bin", "-at", "yesterday"), "yesterday"},
		{w.args("app.bin", "--targets-url", "ftp://host"), `ftp://host: it is not a URL with http or https and a host`},
		{w.args("app.bin", "--metadata-url", "http://host/#key"), "fragment"},
		{w.args("app.bin", "App.bin"), "would be in the place of"},
	} {
		code, stdout, stderr := runArgs(c.args...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, stderr, c.because)
		require.Empty(t, stdout)
	}
	require.Empty(t, w.since(), "no requests")
	require.NoDirExists(t, w.cache)

	code, stdout, _ := runArgs("--help")
	require.Equal(t, 0, code)
	for line := range strings.Lines(stdout) {
		require.LessOrEqual(t, len(line), 81, line)
	}
	require.Contains(t, stdout, "--metadata-url=URL")

	w.rootFile = filepath.Join(w.dir, "nowhere")
	w.mustFail("no such file", w.args("app.bin")...)
}

// The program itself, without arguments, and then several processes at once on
// one cache.
func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "installer")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	t.Run("without arguments", func(t *testing.T) {
		t.Parallel()
		temp := t.TempDir()
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TMP="+temp)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "this is a demonstration")
		require.Contains(t, string(out), "targets -> tools-team version 1 lists it")
		require.NotContains(t, string(out), "\x1b", "no bars without a terminal")
		files, err := filepath.Glob(filepath.Join(temp, "tufwalk-demo-*", "*", "installed", "*", "*"))
		require.NoError(t, err)
		require.Len(t, files, 5)
		for _, want := range []string{
			"acme/billing-1.0.txt: installed (23 bytes)\n  mapping[0]",
			"refused: acme/billing-99.0.txt is not installed:\n\"acme/billing-99.0.txt\": " + verify.ErrNoTarget.Error(),
			"tools/lint-2.0.txt: installed (16 bytes)\n  mapping[1]",
			`"tools/lint-2.1.txt": ` + multirepo.ErrDisagreement.Error(),
			`"acme/billing-1.0.txt": ` + multirepo.ErrNoAnswer.Error(),
		} {
			require.Contains(t, string(out), want)
		}
	})
	t.Run("several at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, verifytest.Options{})
		var all []*exec.Cmd
		for range 4 {
			cmd := exec.Command(program, w.args("app.bin", "tools/hammer")...)
			require.NoError(t, cmd.Start())
			all = append(all, cmd)
		}
		for _, cmd := range all {
			require.NoError(t, cmd.Wait())
		}
		w.mustHave("app.bin")
		w.mustHave("tools/hammer")
	})
}
