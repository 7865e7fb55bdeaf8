package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/services/proxy/internal/world"
)

// What real clients do with an answer is sometimes a trap: they step over it,
// or take it for success. Each of these was seen with the real client.

// pip swallows a refused page, and goes on to an extra index: so the proxy must
// be the only index. This is what happens otherwise.
func TestPipStepsOverToAnExtraIndex(t *testing.T) {
	need(t, "python3")
	w := newClientWorld(t)
	extra := httptest.NewServer(w.world.Public(world.PyPI))
	t.Cleanup(extra.Close)
	w.lie(world.Tampered)
	pip := []string{"-m", "pip", "--disable-pip-version-check", "install", "--no-cache-dir", "--retries", "0",
		"--target", "site", "--index-url", w.proxy + "/pypi/simple/"}
	ok, out := w.run(nil, "python3", append(pip, "forge")...)
	require.False(t, ok)
	require.Contains(t, out, "No matching distribution")
	require.Empty(t, find(w, "site", "forge"))
	ok, out = w.run(nil, "python3", append(pip, "--extra-index-url", extra.URL+"/simple/", "forge")...)
	require.True(t, ok, out)
	require.Contains(t, out, "forge-99.0", "an extra index answers in the place of the proxy")
}

// A wheel that is refused after its page was good: pip shows the reason.
func TestPipShowsWhyAFileIsRefused(t *testing.T) {
	need(t, "python3")
	w := newClientWorld(t)
	status, _ := w.get(http.DefaultClient, w.proxy+"/pypi/simple/forge/") // verified, and stored
	require.Equal(t, 200, status)
	w.world.SetMode(world.Tampered)
	ok, out := managers["pip"].install(w, "forge")
	require.False(t, ok)
	require.Contains(t, out, "403 Client Error: it did not verify (127.0.0.1:", out)
	require.Contains(t, out, "hash mismatch")
	require.Empty(t, find(w, "site", "forge"))
}

// npm is silent about an optional dependency that is refused: only the notice
// shows.
func TestNpmShowsANoticeForAnOptionalDependency(t *testing.T) {
	need(t, "npm")
	w := newClientWorld(t)
	w.lie(world.Tampered)
	require.NoError(t, os.WriteFile(filepath.Join(w.home, "package.json"),
		[]byte(`{"name":"x","version":"1.0.0","optionalDependencies":{"anvil":"*"}}`), 0o600))
	_, out := w.run(nil, "npm", "install", "--no-audit", "--no-fund", "--no-update-notifier",
		"--registry", w.proxy+"/npm/")
	require.Contains(t, out, "did not verify")
	require.Empty(t, find(w, "node_modules", "anvil"))
}

// npm asks again for a packument that it has, since the proxy says no-cache.
func TestNpmAsksAgain(t *testing.T) {
	w := newClientWorld(t)
	res, err := http.Get(w.proxy + "/npm/anvil")
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Contains(t, res.Header.Get("Cache-Control"), "no-cache")
	require.NotEmpty(t, res.Header.Get("ETag"))
}

// apt falls back from by-hash to plain names, and installs from old lists after
// a refused update: so both are refused, and files of the pool too.
func TestAptIsRefusedEverywhere(t *testing.T) {
	need(t, "apt-get")
	w := newClientWorld(t)
	m := managers["apt"]
	ok, out := m.install(w, "forge") // has lists now
	require.True(t, ok, out)
	require.Contains(t, out, "stable/main amd64 Packages")
	for _, dir := range []string{"archives", "got"} {
		require.NoError(t, os.RemoveAll(filepath.Join(w.home, dir)))
	}
	w.lie(world.Tampered)
	ok, out = m.install(w, "forge")
	require.False(t, ok, "apt must not go on with old lists: %s", out)
	ok, out = w.run([]string{"APT_CONFIG=" + filepath.Join(w.home, "apt.conf")},
		"apt-get", "install", "--yes", "--download-only", "forge")
	require.False(t, ok)
	require.Empty(t, m.installed(w), out)
	w.lie(world.Dead)
	ok, out = m.install(w, "forge")
	require.False(t, ok, "no 5xx, which apt takes for success: %s", out)
}

// go would ask the public checksum database if this were a 404.
func TestGoIsNotSentToThePublicDatabase(t *testing.T) {
	w := newClientWorld(t)
	status, body := w.get(http.DefaultClient, w.proxy+"/go/sumdb/sum.golang.org/supported")
	require.Equal(t, 403, status)
	require.Contains(t, body, "GONOSUMDB")
}

// curl sees the reason, and has no file.
func TestCurl(t *testing.T) {
	need(t, "curl")
	w := newClientWorld(t)
	url := func() string { return w.proxy + "/apt/pool/main/f/forge/forge_1.1_all.deb" }
	ok, out := w.run(nil, "curl", "-sSf", "-o", "forge.deb", url())
	require.True(t, ok, out)
	w.lie(world.Tampered)
	require.NoError(t, os.Remove(filepath.Join(w.home, "forge.deb")))
	ok, out = w.run(nil, "curl", "-sSf", "-o", "forge.deb", url())
	require.False(t, ok)
	require.Contains(t, out, "403")
	require.NoFileExists(t, filepath.Join(w.home, "forge.deb"))
	_, out = w.run(nil, "curl", "-si", url())
	require.True(t, strings.HasPrefix(out, "HTTP/1.1 403 it did not verify (127.0.0.1:"), out)
}

// A name that a map entry covers is never answered by the public index, in any
// protocol: not while the repository is down, nor if a mirror hides the name.
func TestNoDependencyConfusion(t *testing.T) {
	for _, mode := range []string{world.Dead, world.Hidden, world.Tampered} {
		w := newClientWorld(t)
		w.lie(mode)
		for _, path := range []string{
			"/pypi/simple/forge/", "/npm/@corp%2fforge", "/go/example.com/forge/@v/list", "/go/example.com/forge/@v/v99.0.0.zip",
		} {
			status, body := w.get(http.DefaultClient, w.proxy+path)
			require.NotEqual(t, 200, status, "%s %s: %s", mode, path, body)
			require.NotContains(t, body, "forge-99", path)
		}
		res, err := http.Get(w.proxy + "/pypi/simple/bellows/")
		require.NoError(t, err)
		_ = res.Body.Close()
		require.Equal(t, 200, res.StatusCode, "what no entry covers is the public index's")
		require.NotEmpty(t, res.Header.Get("Tuf-Unverified"), "and it is marked: %v", res.Header)
	}
}
