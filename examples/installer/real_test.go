package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/verify"
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
		root, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.root.json", version)))
		require.NoError(t, err)
		now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		session, err := verify.New(root, verify.Stored{}, now, verify.Options{})
		require.NoError(t, err)
		err = session.Run(context.Background(), nil, mirror.New(url, http.DefaultClient))
		require.ErrorIs(t, err, verify.ErrNotAtSource)
		require.True(t, strings.HasPrefix(err.Error(), "timestamp.json"), err)
		require.EqualValues(t, 15, session.Version("root"), "from root %d", version)
	}
}

func TestRealTufOnCI(t *testing.T) {
	dir, url := serveReal(t, "tuf-on-ci")
	root := filepath.Join(dir, "initial_root.json")
	dest := installReal(t, url, root, "2025-02-09T09:17:23Z", "delegatedrole/artifact")
	require.FileExists(t, filepath.Join(dest, "delegatedrole", "artifact"))
}
