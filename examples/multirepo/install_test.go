package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/multirepo"
)

func twoParties(t *testing.T) *world {
	w := newWorld(t)
	w.add("private", map[string]string{"acme-1": "billing", "tool-1": "tool", "tool-2": "tool"})
	w.add("public", map[string]string{"acme-1": "evil", "acme-99": "evil", "tool-1": "tool", "tool-2": "a changed tool", "pad": "pad"})
	w.entry("acme-*", 1, true, "private")
	w.entry("tool-*", 2, true, "private", "public")
	w.entry("*", 1, false, "public")
	return w
}

func TestInstall(t *testing.T) {
	w := twoParties(t)
	stdout, stderr := w.mustInstall("acme-1", "billing")
	require.Empty(t, stderr)
	require.Contains(t, stdout, "acme-1: installed (7 bytes, from private)\n  mapping[0], 1 of 1 (terminating): private agrees: 7 bytes, sha256 ")
	w.mustInstall("tool-1", "tool")
	w.mustInstall("pad", "pad")
	w.mustFail(`no such target: "acme-99"`, "acme-99")
	w.mustFail(`"tool-2": repositories do not agree: mapping[1], 2 of 2 (terminating): private disagrees: 4 bytes`, "tool-2")
	// All or nothing.
	require.NoError(t, os.RemoveAll(w.dest))
	w.mustFail("tool-2", "pad", "tool-2")
}

// What has been seen is remembered for each repository by itself, and only the
// timestamps are asked for again.
func TestCache(t *testing.T) {
	w := twoParties(t)
	w.mustInstall("pad", "pad")
	for _, name := range []string{"private", "public"} {
		require.FileExists(t, filepath.Join(w.cache, multirepo.DirName(name), "timestamp.json"))
	}
	w.since()
	w.mustInstall("acme-1", "billing")
	asked := w.since()
	slices.Sort(asked)
	require.Len(t, asked, 5)
	require.Equal(t, []string{"private 2.root.json", "private timestamp.json", "public 2.root.json", "public timestamp.json"}, slices.DeleteFunc(asked, func(s string) bool { return strings.HasSuffix(s, "acme-1") }))

	old := w.repos["public"].Metadata().Clone()
	w.repos["public"].Publish()
	w.mustInstall("pad", "pad")
	w.urls["public"] = []string{w.mirror("public", old, w.repos["public"].TargetFiles())}
	require.NoError(t, os.RemoveAll(w.dest))
	stderr := w.mustFail("repository gives no answer", "pad")
	require.Contains(t, stderr, `warning: repository "public": `)
	require.Contains(t, stderr, "rollback")
	_, stderr = w.mustInstall("acme-1", "billing")
	require.Contains(t, stderr, "rollback", "it is said, although nobody needs its word here")
}

// Of a repository's mirrors one lies; another one has the file. Of two
// repositories that agree one has lost it.
func TestMirrors(t *testing.T) {
	w := twoParties(t)
	public := w.repos["public"]
	bad := public.Metadata().Clone()
	bad["timestamp.json"] = bytes.Replace(bad["timestamp.json"], []byte(`"version": 2`), []byte(`"version": 3`), 1)
	w.urls["public"] = append([]string{w.mirror("liar", bad, nil)}, w.urls["public"]...)
	w.mustInstall("pad", "pad")
	require.Contains(t, w.since(), "liar timestamp.json")

	clear(w.repos["private"].TargetFiles())
	stdout, _ := w.mustInstall("tool-1", "tool")
	require.Contains(t, stdout, "from public")
	for name := range public.TargetFiles() {
		public.TargetFiles()[name] = []byte("evil")
	}
	require.NoError(t, os.RemoveAll(w.dest))
	w.mustFail("hash mismatch", "tool-1")
}

// A name in a map that would be a path somewhere else is a folder in the cache,
// like any other.
func TestNamesOfRepositories(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"../../evil", "a/b", "CON", "."} {
		w.add(name, map[string]string{"x": "same"})
	}
	w.entry("*", 4, true, "../../evil", "a/b", "CON", ".")
	w.mustInstall("x", "same")
	folders, err := os.ReadDir(w.cache)
	require.NoError(t, err)
	require.Len(t, folders, 4)
	above, err := filepath.Glob(filepath.Join(w.dir, "*"))
	require.NoError(t, err)
	for _, path := range above {
		require.NotContains(t, path, "evil")
	}
}

func TestWrongUsage(t *testing.T) {
	w := twoParties(t)
	good := w.args("pad")
	with := func(more ...string) []string { return append(slices.Clone(good), more...) }
	for _, c := range []struct {
		args    []string
		code    int
		because string
	}{
		{[]string{"pad"}, 2, "missing flags: --map=FILE, --root=NAME=FILE"},
		{w.args(), 2, `expected "<target> ..."`},
		{with("../pad"), 2, "cannot be installed under its name"},
		{with("Pad"), 2, "would be one file"},
		{with("--root", "other="+filepath.Join(w.dir, "map.json")), 1, `repository "other": map and repositories do not fit: it is not in the map`},
		{with("--root", "public="+filepath.Join(w.dir, "map.json")), 1, `repository "public": map and repositories do not fit: initial trusted root: `},
		{with("--root", "public="+filepath.Join(w.dir, "nowhere")), 1, "no such file"},
		{with("--map", filepath.Join(w.dir, "nowhere")), 1, "no such file"},
		{[]string{"--map", good[1], "--root", "private=" + good[1], "pad"}, 1, `repository "private"`},
	} {
		code, stdout, stderr := runArgs(c.args...)
		require.Equal(t, c.code, code, "%q: %s", c.args, stderr)
		require.Contains(t, stderr, c.because)
		require.Empty(t, stdout)
	}
	for text, because := range map[string]string{
		`null`: "found null, want an object",
		`{"repositories":{"a":["ftp://host"]},"mapping":[{"paths":["*"],"repositories":["a"],"threshold":1}]}`:  `"ftp://host" is no URL with http or https and a host`,
		`{"repositories":{"a":["http://host"]},"mapping":[{"paths":["*"],"repositories":["a"],"threshold":2}]}`: "a threshold of 2 out of 1 repositories",
	} {
		file := filepath.Join(w.dir, "bad.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		code, _, stderr := runArgs(with("--map", file)...)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, because)
	}
	require.Empty(t, w.since(), "nobody was asked")
	code, stdout, _ := runArgs("--help")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "--root=NAME=FILE")
}

// The program itself, as a newcomer runs it.
func TestDemonstration(t *testing.T) {
	program := filepath.Join(t.TempDir(), "multirepo")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	temp := t.TempDir()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TMP="+temp)
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, want := range []string{
		"this is a demonstration",
		"acme/billing-1.0.txt: installed (23 bytes, from private)",
		"refused: acme/billing-99.0.txt is not installed:\nno such target",
		"tools/lint-2.0.txt: installed (16 bytes, from private)",
		`"tools/lint-2.1.txt": repositories do not agree`,
		`"acme/billing-1.0.txt": repository gives no answer`,
	} {
		require.Contains(t, strings.ReplaceAll(string(out), `\`, "/"), want)
	}
	files, err := filepath.Glob(filepath.Join(temp, "tufwalk-demo-*", "installed", "*", "*"))
	require.NoError(t, err)
	require.Len(t, files, 2)
}
