package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRealSigstore(t *testing.T) {
	const at = "2023-03-01T00:20:19Z"
	dir, url := serveReal(t, "sigstore-2023-03")
	targets := listedTargets(t, filepath.Join(dir, "metadata", "5.targets.json"))
	require.Contains(t, targets, "rekor.pub")
	require.Contains(t, targets, "fulcio.crt.pem")
	for version := 1; version <= 5; version++ {
		t.Run(fmt.Sprintf("from root %d", version), func(t *testing.T) {
			root := filepath.Join(dir, "metadata", fmt.Sprintf("%d.root.json", version))
			dest := installReal(t, url, root, at, targets...)
			for _, target := range targets {
				require.FileExists(t, filepath.Join(dest, target))
			}
		})
	}
}

// The folder has only roots, so the update ends because there is no timestamp.
// By then the newest root is trusted.
func TestRealSigstoreRoots(t *testing.T) {
	dir, url := serveReal(t, "sigstore-roots")
	for version := 1; version <= 15; version++ {
		cache := t.TempDir()
		code, _, stderr := runArgs("--root", filepath.Join(dir, fmt.Sprintf("%d.root.json", version)),
			"--metadata-url", url, "--targets-url", url, "--cache", cache, "--dest", t.TempDir(),
			"--at", "2026-11-01T00:00:00Z", "any")
		require.Equal(t, 1, code, stderr)
		require.Contains(t, stderr, "timestamp.json could not be fetched: ")
		require.Contains(t, stderr, "404")
		if version < 15 { // the trusted root itself is not saved
			require.EqualValues(t, 15, (&world{t: t, cache: cache}).cachedVersion("root"), "from root %d", version)
		}
	}
}

func TestRealTufOnCI(t *testing.T) {
	dir, url := serveReal(t, "tuf-on-ci")
	root := filepath.Join(dir, "initial_root.json")
	dest := installReal(t, url, root, "2025-02-09T09:17:23Z", "delegatedrole/artifact")
	require.FileExists(t, filepath.Join(dest, "delegatedrole", "artifact"))
}
