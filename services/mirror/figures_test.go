package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var (
	figureTargets = flag.Int("targets", 200, "how many small targets TestFigures has")
	figureBits    = flag.Int("bits", 4, "bits of the number of its bins")
	figureSize    = flag.Int("size", 1000, "bytes of each")
)

// TestFigures measures, for docs/mirror.md: a first sync next to plain copying,
// and a difference of 100 targets.
//
//	go test ./services/mirror -run TestFigures -v -targets 5000 -bits 6
func TestFigures(t *testing.T) {
	w := &world{T: t, repo: verifytest.New(verifytest.Options{Compact: true}), dir: t.TempDir()}
	w.dest = filepath.Join(w.dir, "copy")
	w.repo.Targets().DelegateSuccinct("bin", *figureBits)
	content := func(n, version int) []byte {
		return append(bytes.Repeat([]byte("x"), *figureSize), fmt.Sprintf("%d %d", n, version)...)
	}
	for n := range *figureTargets {
		w.repo.Targets().AddToBin(fmt.Sprint("file-", n), content(n, 1))
	}
	w.repo.Publish()
	w.server = clienttest.NewServer(w.repo)
	s := httptest.NewServer(w.server)
	defer s.Close()
	w.base = s.URL
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "root.json"), w.repo.TrustedRoot(), 0o600))
	took := func(what string, do func()) time.Duration {
		begun := time.Now()
		do()
		took := time.Since(begun)
		t.Logf("%-40s %6.2f s", what, took.Seconds())
		return took
	}
	whole := took("first sync", func() { w.mustRun("sync", "--parallel", "16") })
	size := float64(*figureTargets) * float64(*figureSize) / 1e6
	t.Logf("%.0f files a second, %.1f MB a second", float64(*figureTargets)/whole.Seconds(), size/whole.Seconds())
	plain := took("plain copying of its files, synced", func() {
		for _, name := range w.files("targets") {
			data, err := os.ReadFile(filepath.Join(w.dest, "targets", name))
			require.NoError(t, err)
			require.NoError(t, writeFile(filepath.Join(w.dir, "plain", name), data))
		}
	})
	t.Logf("ratio %.1f", whole.Seconds()/plain.Seconds())
	took("nothing new", func() { w.mustRun("sync") })
	for n := range 100 {
		w.repo.Targets().AddToBin(fmt.Sprint("file-", n), content(n, 2))
	}
	w.publish()
	took("plan of 100 changed targets", func() { w.mustRun("plan") })
	took("sync of 100 changed targets", func() { w.mustRun("sync") })
	require.Contains(t, w.said, "100 files came")
	took("verify", func() { w.mustRun("verify") })
}
