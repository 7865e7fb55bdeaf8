package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestWrongUsage(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	for _, c := range []struct {
		args    []string
		because string
	}{
		{[]string{"verify", "x.zip"}, "missing flags: --root=FILE"},
		{w.packArgs(), `expected "<target> ..."`},
		{[]string{"pack"}, "Usage: bundle pack --root=FILE --metadata-url=URL --targets-url=URL <bundle> <target> ..."},
		{w.packArgs("../evil"), "not a plain relative path"},
		{w.packArgs("app.bin", "App.bin"), "would be in the place of"},
		{w.packArgs("app.bin", "--targets-url", "ftp://host"), "ftp://host: it is not a URL with http or https"},
		{w.verifyArgs("app.bin", "-at", "yesterday"), "yesterday"},
		{w.verifyArgs("app.bin", "App.bin"), "would be in the place of"},
		{[]string{"unpack"}, "unexpected argument unpack"},
	} {
		code, stdout, stderr := runArgs(c.args...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, stderr, c.because)
		require.Empty(t, stdout)
	}
	w.mustFail(1, "no such file", w.verifyArgs())
	w.mustFail(1, "no such file", w.packArgs("app.bin", "--root", w.path("nowhere")))

	code, stdout, _ := runArgs("--help")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "metadata/N.root.json")
	require.Contains(t, stdout, "3: stale")
}

func TestInterrupted(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out bytes.Buffer
	require.Equal(t, 130, run(ctx, w.verifyArgs(), &out, &out))
	require.Equal(t, 130, run(ctx, w.packArgs("app.bin"), &out, &out))
	require.Contains(t, out.String(), "interrupted")
	require.NoDirExists(t, w.path("dest"))
}

// The program itself, without arguments.
func TestProgram(t *testing.T) {
	program, temp := filepath.Join(t.TempDir(), "bundle"), t.TempDir()
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TMP="+temp)
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, text := range []string{
		"this is a demonstration", "tools-team version 1 lists it", verify.ErrHash.Error(), "stale since", "(exit code 3)",
		"of your saved state", "(exit code 8)",
	} {
		require.Contains(t, flat(string(out)), text)
	}
	left, err := filepath.Glob(filepath.Join(temp, "tufwalk-bundle-*"))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Contains(t, flat(string(out)), " The files stay in "+left[0]+"; delete it when you like.")
	requireColumns(t, string(out))
	files, err := filepath.Glob(filepath.Join(temp, "*", "*", "tools", "*"))
	require.NoError(t, err)
	require.Len(t, files, 1, "extracted once, and not from the tampered bundle")
	rest, err := filepath.Glob(filepath.Join(temp, "*.zip"))
	require.NoError(t, err)
	require.Empty(t, rest, "no temporary files are left")
}

// What is printed fits 80 columns, but for words that are longer.
func TestColumns(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	for _, args := range [][]string{
		{"--help"}, {"pack", "--help"}, {"verify", "--help"}, {"check", "--help"}, {"confirm", "--help"},
		{"list", "--help"}, {"pack"}, w.verifyArgs("nothing"), w.verifyArgs("--at", "2040-01-01T00:00:00Z"),
	} {
		var out bytes.Buffer
		run(context.Background(), args, &out, &out)
		requireColumns(t, out.String())
	}
	long := strings.Repeat("word ", 40)
	var out bytes.Buffer
	to := &lines{to: &out}
	_, _ = io.WriteString(to, "  "+long[:120])
	_, _ = io.WriteString(to, long[120:]+"\nnot ended")
	to.flush()
	requireColumns(t, out.String())
	require.Equal(t, flat(long)+" not ended", flat(out.String()))
	require.Equal(t, "not ended", out.String()[out.Len()-len("not ended"):])
}

func requireColumns(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(strings.Fields(line)) > 1 {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), columns, line)
		}
	}
}
