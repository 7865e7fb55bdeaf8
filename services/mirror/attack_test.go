package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// team adds a role of its own, which lists files.
func (w *world) team(name string, paths ...string) *verifytest.Role {
	return w.repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: paths})
}

// newTeams is a world without bins, whose targets are for teams to list.
func newTeams(t *testing.T, o verifytest.Options) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{T: t, repo: verifytest.New(o), dir: dir, dest: filepath.Join(dir, "copy")}
	w.repo.Publish()
	w.server = clienttest.NewServer(w.repo)
	s := httptest.NewServer(w.server)
	t.Cleanup(s.Close)
	w.base = s.URL
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.json"), w.repo.TrustedRoot(), 0o600))
	return w
}

func add(r *verifytest.Role, path, version string) {
	r.AddTarget(path, []byte(path+" version "+version))
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestDigestsAreNames(t *testing.T) {
	inLayouts(t, func(w *world) {
		for n, hashes := range []map[string]string{
			{"sha256": "a"}, {"sha512": ""}, {"blake2b": "x"}, {"sha256": "ab/cd"}, {"sha256": "../../x"},
			{"blake2b": strings.Repeat("x", 300)},
		} {
			path := fmt.Sprint("bad-", n)
			w.repo.Targets().Bin(path).AddTargetInfo(path, 3, hashes)
		}
		w.publish()
		w.mustRun("sync")
		require.Contains(w, w.said, "bad-0 is left out")
		w.has("file-7", "1")
	})
}

func TestDigestOfAnotherTarget(t *testing.T) {
	w := newTeams(t, verifytest.Options{})
	good, evil := "inner/app version 1", "evil/inner version"
	evil += strings.Repeat("!", len(good)-len(evil))
	add(w.team("inner", "team/inner/*"), "team/inner/app", "1")
	w.publish()
	w.mustRun("sync")
	outer := w.team("outer", "team/*")
	outer.AddTarget("team/app", []byte(evil))
	outer.AddTargetInfo("team/app", int64(len(evil)), map[string]string{
		"sha256": digestOf(evil), "evil": "inner/" + digestOf("team/inner/app version 1"),
	})
	w.publish()
	w.repo.TargetFiles()["team/"+digestOf(evil)+".app"] = []byte(evil)
	w.server.Publish(w.repo)
	w.mustRun("sync")
	w.has("team/inner/app", "1")
	w.mustRun("verify")
}
