package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

func TestMapInstall(t *testing.T) {
	w := twoParties(t)
	stdout, stderr := w.mustInstall("acme-1", "billing")
	require.Empty(t, stderr)
	require.Regexp(t, `acme-1: installed \(7 bytes\)
  mapping\[0\], 1 of 1 \(terminating\): private .*7 bytes, sha256 `, stdout)
	w.mustInstall("tool-1", "tool")
	w.mustInstall("pad", "pad")
	w.mustFail(`"acme-99": `+verify.ErrNoTarget.Error(), "acme-99")
	disagreement := w.mustFail(`"tool-2": `+multirepo.ErrDisagreement.Error(), "tool-2")
	require.Regexp(t, `mapping\[1\], 2 of 2 \(terminating\): private .*4 bytes`, disagreement)
	// All or nothing.
	require.NoError(t, os.RemoveAll(w.dest))
	w.mustFail("tool-2", "pad", "tool-2")
}

// Each repository has a store of its own. Only roots and timestamps are
// requested again, and nobody waits for a repository that has no say.
func TestMapCache(t *testing.T) {
	w := twoParties(t)
	w.mustInstall("tool-1", "tool") // which needs both
	for _, name := range []string{"private", "public"} {
		require.FileExists(t, filepath.Join(w.cache, multirepo.DirName(name), "timestamp.json"))
	}
	w.since()
	w.mustInstall("acme-1", "billing")
	asked := w.since()
	require.Subset(t, []string{"public 2.root.json", "public timestamp.json"}, of("public", asked))
	private := of("private", asked)
	require.True(t, strings.HasSuffix(private[len(private)-1], ".acme-1"), private)
	require.ElementsMatch(t, []string{"private 2.root.json", "private timestamp.json"}, private[:len(private)-1])

	old := w.repos["public"].Metadata().Clone()
	w.repos["public"].Publish()
	w.mustInstall("pad", "pad")
	w.urls["public"] = []string{w.mirror("public", old, w.repos["public"].TargetFiles())}
	require.NoError(t, os.RemoveAll(w.dest))
	stderr := w.mustFail(multirepo.ErrNoAnswer.Error(), "pad")
	require.Contains(t, stderr, verify.ErrRollback.Error())
	w.mustInstall("acme-1", "billing") // which does not need that repository
}

// of returns the requests to one repository.
func of(repository string, requests []string) []string {
	return slices.DeleteFunc(slices.Clone(requests), func(s string) bool {
		return !strings.HasPrefix(s, repository+" ")
	})
}

// Another process installs a newer state while this one is in the middle of
// its update. This one begins again from there, and nothing in the stores goes
// back.
func TestMapOvertaken(t *testing.T) {
	w := twoParties(t)
	w.mustInstall("tool-1", "tool")
	again := 0
	for _, at := range []string{"public timestamp.json", "private timestamp.json"} {
		name, _, _ := strings.Cut(at, " ")
		repo := w.repos[name]
		repo.Publish()
		var stored []byte
		file := filepath.Join(w.cache, multirepo.DirName(name), "timestamp.json")
		args := w.args("tool-1")
		w.meanwhile = map[string]func(){at: func() { // the answer was the old file
			w.mu.Lock()
			repo.Publish()
			w.mu.Unlock()
			code, _, stderr := runArgs(args...)
			if code != 0 {
				t.Error(stderr)
			}
			stored, _ = os.ReadFile(file)
		}}
		w.since()
		_, stderr := w.mustInstall("tool-1", "tool")
		require.Empty(t, stderr, "it is no warning")
		require.NotEmpty(t, stored)
		now, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(stored), string(now))
		for _, path := range w.since() {
			if path == at {
				again++
			}
		}
	}
	require.Equal(t, 6, again, "for each repository: the first update, the other process, and once more")
}

// One mirror of a repository lies, and another one has the file. One of two
// repositories that agree has lost the file.
func TestMapMirrors(t *testing.T) {
	w := twoParties(t)
	public := w.repos["public"]
	bad := public.Metadata().Clone()
	timestamp := bad["timestamp.json"]
	bad["timestamp.json"] = bytes.Replace(timestamp, []byte(`"version": 2`), []byte(`"version": 3`), 1)
	w.urls["public"] = append([]string{w.mirror("liar", bad, nil)}, w.urls["public"]...)
	w.mustInstall("pad", "pad")
	require.Contains(t, w.since(), "liar timestamp.json")

	clear(w.repos["private"].TargetFiles())
	w.mustInstall("tool-1", "tool")
	for name := range public.TargetFiles() {
		public.TargetFiles()[name] = []byte("evil")
	}
	require.NoError(t, os.RemoveAll(w.dest))
	w.mustFail(verify.ErrHash.Error(), "tool-1")
}

// The name of a repository may look like a path. Its folder is in the cache in
// any case.
func TestNamesOfRepositories(t *testing.T) {
	w := newParties(t)
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

func TestMapWrongUsage(t *testing.T) {
	w := twoParties(t)
	good := w.args("pad")
	with := func(more ...string) []string { return append(slices.Clone(good), more...) }
	for _, c := range []struct {
		args    []string
		code    int
		because string
	}{
		{[]string{"pad"}, 2, "or --map=FILE and --root=NAME=FILE"},
		{w.args(), 2, `expected "<target> ..."`},
		{with("../pad"), 2, "cannot be the name of a file"},
		{with("Pad"), 2, "would be in the place of"},
		{with("--root", "other="+filepath.Join(w.dir, "map.json")), 1, "map.json has no such repository"},
		{with("--root", "public="+filepath.Join(w.dir, "map.json")), 1, `repository "public": ` + multirepo.ErrMap.Error()},
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
		`null`: "found null",
		`{"repositories": {"private": ["ftp://host"], "public": ["http://host"]},
		  "mapping": [{"paths": ["*"], "repositories": ["private", "public"], "threshold": 1}]}`: "not a URL with http",
		`{"repositories": {"a": ["http://host"]},
		  "mapping": [{"paths": ["*"], "repositories": ["a"], "threshold": 2}]}`: "threshold of 2",
	} {
		file := filepath.Join(w.dir, "bad.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		code, _, stderr := runArgs(with("--map", file)...)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, because)
	}
	require.Empty(t, w.since(), "no requests")
	code, stdout, _ := runArgs("--help")
	require.Equal(t, 0, code)
	require.Contains(t, stdout, "--root=[NAME=]FILE")
}
