package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Syncs of differences come to what one sync of everything comes to, whatever
// was published in between, and without asking for what did not change.
func TestDifferences(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			w := newWorld(t, verifytest.Options{})
			w.mustRun("sync", "--grace", "0s")
			for step := range 6 {
				for range random.IntN(4) {
					path := fmt.Sprint("file-", random.IntN(30))
					if random.IntN(3) == 0 {
						w.repo.Targets().Bin(path).RemoveTarget(path)
					} else {
						w.stock(path, fmt.Sprint(step, " ", random.IntN(3)))
					}
				}
				w.publish()
				w.mustRun("sync", "--grace", "0s")
			}
			one := w.files("")
			require.NoError(t, os.Remove(filepath.Join(w.dest, ".mirror/published.json")))
			w.mustRun("sync", "--grace", "0s") // everything: nothing comes and nothing goes
			require.Contains(t, w.said, "0 files came")
			require.ElementsMatch(t, targetsOf(one), targetsOf(w.files("")))
			w.mustRun("verify")
		})
	}
	w := newWorld(t, verifytest.Options{})
	w.mustRun("sync")
	w.stock("file-7", "2")
	w.publish()
	asked := len(w.server.Log())
	w.mustRun("sync")
	var bins int
	for _, r := range w.server.Log()[asked:] {
		if ok, _ := filepath.Match("/metadata/*bin-*", r.Path); ok {
			bins++
		}
	}
	require.Equal(t, 1, bins, "one of four bins has changed")
}

func targetsOf(files []string) (names []string) {
	for _, name := range files {
		if ok, _ := filepath.Match("targets/*", name); ok {
			names = append(names, name)
		}
	}
	return names
}

// Delegations change: everything is compared.
func TestNewDelegation(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustRun("sync", "--grace", "0s")
	extra := verifytest.New(verifytest.Options{Seed: "plain roles"})
	team := extra.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
	team.AddTarget("team/app", []byte("team/app version 1"))
	extra.Publish()
	w.repo, w.server = extra, clienttest.NewServer(extra)
	s := httptest.NewServer(w.server)
	defer s.Close()
	w.base, w.dest = s.URL, filepath.Join(w.dir, "another")
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "root.json"), extra.TrustedRoot(), 0o600))
	w.mustRun("sync", "--grace", "0s")
	w.has("team/app", "1")
	other := extra.Targets().Delegate(verifytest.Delegation{Name: "other", Paths: []string{"other/*"}})
	other.AddTarget("other/app", []byte("other/app version 1"))
	w.publish()
	w.mustRun("sync", "--grace", "0s")
	w.has("other/app", "1")
	// A role that is delegated and not published stops nothing but itself.
	extra.Targets().Delegate(verifytest.Delegation{Name: "ghost", Paths: []string{"ghost/*"}})
	extra.Edit("snapshot", func(signed map[string]any) { delete(signed["meta"].(map[string]any), "ghost.json") })
	w.publish()
	w.mustRun("sync", "--grace", "0s")
	w.has("team/app", "1")
	w.mustRun("verify")
}

// In a bucket all but the timestamp is there before the timestamp.
func TestBucket(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	folder := filepath.Join(w.dir, "bucket")
	require.NoError(t, os.Mkdir(folder, 0o755))
	w.dest = "file://" + filepath.ToSlash(folder) + "?metadata=skip&no_tmp_dir=true"
	work := []string{"--work", filepath.Join(w.dir, "work"), "--grace", "0s"}
	s := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer s.Close()
	has := func(path, version string) {
		t.Helper()
		data, err := getFrom(t.Context(), s.URL, w.repo, path)
		require.NoError(t, err)
		require.Equal(t, path+" version "+version, data)
	}
	w.mustRun("sync", work...)
	has("file-7", "1")
	w.mustRun("verify")
	w.stock("file-7", "2")
	w.publish()
	w.mustRun("sync", work...)
	require.Contains(t, w.said, "1 files came")
	has("file-7", "2")
	w.mustRun("verify")
	left, err := fs.Glob(os.DirFS(folder), "targets/*.file-7")
	require.NoError(t, err)
	require.Len(t, left, 1)

	w.server.Always("/targets/*", clienttest.Wrong())
	w.stock("file-7", "3")
	w.publish()
	w.mustFail("file-7", "sync", work...)
	has("file-7", "2")

	require.Equal(t, 2, w.run("sync"), "a bucket needs a work folder")
	require.Contains(t, w.said, "needs --work")
	plain := newWorld(t, verifytest.Options{NoConsistentSnapshot: true})
	plain.dest = "mem://"
	plain.mustFail("only a repository with consistent snapshots", "sync", "--work", filepath.Join(plain.dir, "work"))
}

// Two syncs of one copy do not meet.
func TestBusy(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	busy, err := openWork(filepath.Join(w.dest, ".mirror"))
	require.NoError(t, err)
	w.mustFail(errBusy.Error(), "sync")
	require.NoError(t, busy.Close())
	w.mustRun("sync")
}

func TestCommandLine(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	var help bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--help"}, &help, &help))
	require.Contains(t, help.String(), "Keep a verified copy")
	for _, args := range [][]string{{"sync", "--parallel", "0"}, {"fly"}} {
		require.Equal(t, 2, w.run(args[0], args[1:]...), w.said)
	}
	require.NoError(t, os.Remove(filepath.Join(w.dir, "root.json")))
	w.mustFail("root.json", "sync")
}
