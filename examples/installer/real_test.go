package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// realData holds repositories as they were published. They are no part of the
// project: CONTRIBUTING says where they come from.
var realData = filepath.Join(os.Getenv("TUFWALK_DATA"), "real")

// serveReal serves one of them over HTTP.
func serveReal(t *testing.T, name string) (dir, url string) {
	t.Helper()
	dir = filepath.Join(realData, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real repositories here: %v", err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return dir, server.URL
}

// installReal installs from a fresh cache, and returns the directory.
func installReal(t *testing.T, url, root, at string, targets ...string) string {
	t.Helper()
	dest := t.TempDir()
	code, _, stderr := runArgs(append([]string{"--root", root, "--metadata-url", url + "/metadata", "--targets-url", url + "/targets",
		"--cache", t.TempDir(), "--dest", dest, "--at", at}, targets...)...)
	require.Equal(t, 0, code, stderr)
	require.Empty(t, stderr)
	return dest
}

func TestRealSigstore(t *testing.T) {
	const at = "2023-03-01T00:20:19Z"
	dir, url := serveReal(t, "sigstore-2023-03")
	targets := listedTargets(t, filepath.Join(dir, "metadata", "5.targets.json"))
	require.Contains(t, targets, "rekor.pub")
	require.Contains(t, targets, "fulcio.crt.pem")
	for version := 1; version <= 5; version++ {
		t.Run(fmt.Sprintf("from root %d", version), func(t *testing.T) {
			dest := installReal(t, url, filepath.Join(dir, "metadata", fmt.Sprintf("%d.root.json", version)), at, targets...)
			for _, target := range targets {
				require.FileExists(t, filepath.Join(dest, target))
			}
		})
	}
}

// listedTargets reads a targets file without trust, to know what to ask for.
func listedTargets(t *testing.T, file string) (paths []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	env, err := metadata.Parse[metadata.Targets](data, metadata.Options{})
	require.NoError(t, err)
	content, err := env.Unverified()
	require.NoError(t, err)
	for path := range content.Files() {
		paths = append(paths, path)
	}
	return paths
}

// The folder has roots only, so the cycle ends when there is no timestamp; by
// then the newest root is trusted.
func TestRealSigstoreRoots(t *testing.T) {
	dir, url := serveReal(t, "sigstore-roots")
	for version := 1; version <= 15; version++ {
		anchor, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.root.json", version)))
		require.NoError(t, err)
		session, err := verify.New(anchor, verify.Stored{}, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), verify.Options{})
		require.NoError(t, err)
		err = session.Run(nil, mirror.New(url, http.DefaultClient))
		require.ErrorIs(t, err, verify.ErrNotAtSource)
		require.True(t, strings.HasPrefix(err.Error(), "timestamp.json"), err)
		require.EqualValues(t, 15, session.Version("root"), "from root %d", version)
	}
}

func TestRealTufOnCI(t *testing.T) {
	dir, url := serveReal(t, "tuf-on-ci")
	dest := installReal(t, url, filepath.Join(dir, "initial_root.json"), "2025-02-09T09:17:23Z", "delegatedrole/artifact")
	require.FileExists(t, filepath.Join(dest, "delegatedrole", "artifact"))
}
