package main

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify"
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

func TestRoleComes(t *testing.T) {
	w := newTeams(t, verifytest.Options{})
	add(w.team("a", "a/*"), "a/app", "1")
	add(w.team("b", "b/*"), "b/app", "1")
	w.repo.Edit("snapshot", func(signed map[string]any) { delete(signed["meta"].(map[string]any), "b.json") })
	w.publish()
	w.mustRun("sync")
	w.repo.Edit("snapshot", nil)
	w.publish()
	w.mustRun("sync")
	w.has("b/app", "1")
	w.mustRun("verify")
}

func TestRoleRenewed(t *testing.T) {
	w := newTeams(t, verifytest.Options{})
	w.repo.SetLifetime("targets", 1000*time.Hour)
	add(w.team("a", "a/*"), "a/app", "1")
	b := w.team("b", "b/*")
	w.repo.SetLifetime("a", 10*time.Hour)
	w.publish()
	w.mustRun("sync")
	w.repo.Advance(20 * time.Hour)
	add(b, "b/app", "1")
	w.publish()
	w.mustRun("sync")
	w.has("b/app", "1")
	add(w.repo.Role("a"), "a/app", "2")
	w.publish()
	w.mustRun("sync")
	w.has("a/app", "2")
}

func TestDamagedRole(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustRun("sync")
	bin := w.repo.FileName(w.repo.Targets().Bin("file-7").Name())
	require.NoError(t, os.Remove(filepath.Join(w.dest, "current/metadata", bin)))
	w.stock("file-7", "2")
	w.publish()
	w.mustRun("sync")
	w.has("file-7", "2")
	w.mustRun("verify")
}

func TestLayoutChanges(t *testing.T) {
	for _, plainFirst := range []bool{true, false} {
		w := newWorld(t, verifytest.Options{NoConsistentSnapshot: plainFirst})
		w.mustRun("sync", "--grace", "0s")
		w.repo.SetConsistentSnapshot(plainFirst)
		w.publish()
		w.mustRun("sync", "--grace", "0s")
		w.has("file-7", "1")
		w.mustRun("verify")
	}
}

// Metadata files that somebody has removed come again.
func TestLostMetadata(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		require.NoError(w, os.RemoveAll(filepath.Join(w.dest, ".mirror/metadata")))
		w.mustRun("sync")
		w.has("file-7", "1")
		w.mustRun("verify")
	})
}

// What protects from going back is kept as a client keeps it, on the disk.
func TestTrustIsKept(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		require.Subset(w, w.files(".mirror/trust"), []string{"1.root.json", "timestamp.json", "snapshot.json"})
		for _, name := range w.files(".mirror/roles") {
			require.False(w, isTop(name), name)
		}
	})
}

func TestOldStatesGo(t *testing.T) {
	inLayouts(t, func(w *world) {
		for n := range 6 {
			w.stock("file-7", fmt.Sprint(n+2))
			w.publish()
			w.mustRun("sync")
		}
		states, err := filepath.Glob(filepath.Join(w.dest, "states/[0-9]*"))
		require.NoError(w, err)
		require.Len(w, states, 2)
	})
}

func TestPartsGo(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		w.stock("file-7", "2")
		w.publish()
		w.server.Always("/targets/*file-7", clienttest.Wrong())
		w.mustFail("file-7", "sync")
		require.Contains(w, strings.Join(w.files(w.store()), " "), ".part")
		w.server.Heal()
		w.stock("file-7", "1")
		w.publish()
		w.mustRun("sync")
		require.NotContains(w, strings.Join(w.files(w.store()), " "), ".part")
	})
}

func TestBrokenOffAfterTheSwitch(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustRun("sync", "--grace", "0s")
	old := filepath.Join(w.dest, "targets", digestOf("file-7 version 1")+".file-7")
	require.NoError(t, os.Remove(old))
	require.NoError(t, os.MkdirAll(filepath.Join(old, "x"), 0o755)) // it cannot be removed
	w.stock("file-7", "2")
	w.publish()
	require.NotZero(t, w.run("sync", "--grace", "0s"), w.said)
	w.has("file-7", "2")
	require.NoError(t, os.RemoveAll(old))
	require.NoError(t, os.WriteFile(old, []byte("x"), 0o600))
	w.mustRun("sync", "--grace", "0s")
	require.Len(t, w.files("targets"), 20)
}

func TestWrongPart(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	name := "." + digestOf(digestOf("file-7 version 1")+".file-7") + ".part"
	for _, left := range []string{"file-7 vers!", "file-7 version 2", strings.Repeat("x", 1000)} {
		require.NoError(t, os.RemoveAll(w.dest))
		require.NoError(t, os.MkdirAll(filepath.Join(w.dest, "targets"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(w.dest, "targets", name), []byte(left), 0o600))
		w.mustRun("sync")
		w.has("file-7", "1")
		w.mustRun("verify")
	}
}

func TestTwoCopies(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	work := []string{"--work", filepath.Join(w.dir, "work")}
	one := w.dest
	w.mustRun("sync", append(work, "--include", "file-7")...)
	w.dest = filepath.Join(w.dir, "two")
	w.mustRun("sync", work...)
	w.dest = one
	w.mustRun("sync", work...)
	w.mustRun("verify")
}

func TestBusyCopy(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	require.NoError(t, os.MkdirAll(w.dest, 0o755))
	first, err := openFolder(w.dest)
	require.NoError(t, err)
	require.NoError(t, first.begin(t.Context(), true, true))
	w.mustFail(errBusy.Error(), "sync", "--work", filepath.Join(w.dir, "work"))
	require.NoError(t, first.close())
	w.mustRun("sync", "--work", filepath.Join(w.dir, "work"))
}

func TestOlderRoot(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.repo.Rotate("timestamp", 1, w.repo.Key("second"))
	w.publish()
	first := w.repo.TrustedRoot()
	later := w.repo.Metadata()["2.root.json"]
	file := filepath.Join(w.dir, "root.json")
	require.NoError(t, os.WriteFile(file, later, 0o600))
	w.mustRun("sync")
	require.NoError(t, os.WriteFile(file, first, 0o600))
	w.mustRun("sync")
	w.has("file-7", "1")
}

func TestLongNames(t *testing.T) {
	inLayouts(t, func(w *world) {
		longest := strings.Repeat("y", 255)
		if !w.plain() {
			longest = longest[:255-len(digestOf("")+".")]
		}
		w.stock(longest, "1")
		w.stock(longest+"y", "1")
		w.stock(strings.Repeat(strings.Repeat("d", 250)+"/", 20)+"x", "1")
		w.publish()
		w.mustRun("sync")
		require.Contains(w, w.said, "has a segment of more than 255 bytes")
		w.has(longest, "1")
	})
}

func TestNamesThatClash(t *testing.T) {
	inLayouts(t, func(w *world) {
		w.mustRun("sync")
		inner := "file-7/inner"
		if !w.plain() {
			inner = digestOf("file-7 version 1") + ".file-7/inner"
		}
		w.stock(inner, "1")
		w.publish()
		w.mustFail(inner, "sync")
		w.has("file-7", "1")
		w.mustRun("sync", "--exclude", "*/inner")
		w.has("file-7", "1")
	})
}

// A role may have any name. The copy has its file, or stays as it is.
func TestNamesOfRoles(t *testing.T) {
	for name, o := range layouts {
		for role, stops := range map[string]bool{
			"2.root": o.NoConsistentSnapshot, "9.root": o.NoConsistentSnapshot, "1.snapshot": o.NoConsistentSnapshot,
			"root.json": false, "role.a": false, "TARGETS": false, ".x.new": false, "..": false,
			"x/y": false, "x%2Fy": false,
			"../x": true, "x/../y": true, "/etc/x": true, strings.Repeat("r", 260): true,
			"timestamp.json/x": o.NoConsistentSnapshot,
		} {
			t.Run(name+" "+strings.ReplaceAll(role, "/", "|"), func(t *testing.T) {
				w := newTeams(t, o)
				a := w.team("a", "a/*")
				add(a, "a/app", "1")
				w.repo.Rotate("timestamp", 1, w.repo.Key("second"))
				w.publish()
				w.mustRun("sync")
				second := w.repo.Metadata()["2.root.json"]
				add(w.team(role, "b/*"), "b/app", "1")
				add(a, "a/app", "2")
				w.repo.Publish()
				if role == "2.root" { // a mirror sends the role's file to those who have the root
					require.NoError(t, os.WriteFile(filepath.Join(w.dir, "root.json"), second, 0o600))
				}
				w.server.Publish(w.repo)
				if !stops {
					w.mustRun("sync")
					w.has("a/app", "2")
					w.has("b/app", "1")
				} else {
					w.mustFail("", "sync")
					w.has("a/app", "1")
				}
				w.mustRun("verify")
			})
		}
	}
}

// A target with the digest of another, and else something else, is not taken
// for it.
func TestHalfTheDigests(t *testing.T) {
	inLayouts(t, func(w *world) {
		good := []byte("file-7 version 1")
		sum := sha512.Sum512(good)
		both := map[string]string{"sha512": hex.EncodeToString(sum[:]), "sha256": digestOf(string(good))}
		w.repo.Targets().Bin("twin").AddTargetInfo("twin", int64(len(good)), both)
		w.publish()
		files := w.repo.TargetFiles()
		for _, digest := range []string{"", both["sha512"] + ".", both["sha256"] + ".", digestOf("other") + "."} {
			files[digest+"twin"] = good
		}
		w.server.Publish(w.repo)
		w.mustRun("sync")
		for _, liar := range []map[string]string{
			{"sha512": both["sha512"], "sha256": digestOf("other")},
			{"sha512": both["sha512"]},
		} {
			length := int64(len(good))
			if len(liar) == 1 {
				length++
			}
			w.repo.Targets().Bin("twin").AddTargetInfo("twin", length, liar)
			w.publish()
			w.mustFail("twin", "sync")
			w.mustRun("verify")
		}
	})
}

// Bins share their keys, and a snapshot may list versions alone: an upstream
// can send the file of one bin as that of another. One with other paths is
// refused. Nobody can tell an empty one: it is reported.
func TestFileOfAnotherBin(t *testing.T) {
	for name, o := range layouts {
		for _, empty := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, empty %v", name, empty), func(t *testing.T) {
				w := newTeams(t, o)
				w.repo.Targets().DelegateSuccinct("bin", 2)
				w.stock("file-7", "1")
				hidden := w.repo.Targets().Bin("file-7").Name()
				var other string
				for n := 0; other == "" || other == hidden; n++ {
					path := fmt.Sprint("other-", n)
					other = w.repo.Targets().Bin(path).Name()
					if !empty && other != hidden {
						w.stock(path, "1")
					}
				}
				w.repo.Publish()
				files := w.repo.Metadata()
				files[w.repo.FileName(hidden)] = files[w.repo.FileName(other)]
				w.server.Publish(w.repo)
				if o.MetaHashes || !empty {
					w.mustFail(hidden, "sync")
					return
				}
				w.mustRun("sync")
				require.Contains(t, w.said, "may be those of other roles")
				w.mustRun("verify")
				require.Contains(t, w.said, "may be those of other roles")
			})
		}
	}
}

// A bucket whose sync is killed after any file of metadata gives the old state
// or the new one. Between the last root and the timestamp a client may have to
// try again.
func TestBucketBetween(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	folder := filepath.Join(w.dir, "bucket")
	require.NoError(t, os.Mkdir(folder, 0o755))
	w.dest = "file://" + filepath.ToSlash(folder) + "?metadata=skip&no_tmp_dir=true"
	work := filepath.Join(w.dir, "work")
	w.mustRun("sync", "--work", work)
	before := filepath.Join(w.dir, "before")
	require.NoError(t, os.CopyFS(before, os.DirFS(folder)))
	w.stock("file-7", "2")
	w.repo.Rotate("snapshot", 1, w.repo.Key("second"))
	w.publish()
	w.mustRun("sync", "--work", work)

	d, err := openDest(t.Context(), w.dest)
	require.NoError(t, err)
	defer d.close()
	now, err := newView(t.Context(), w.repo.TrustedRoot(), nil, []client.Source{inDest{d}}, w.repo.Now())
	require.NoError(t, err)
	require.NoError(t, now.list(t.Context(), func(*verify.Target) error { return nil }))
	names, err := (&syncing{upstream: &upstream{}, view: now}).published().files(now)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(before, "targets")))
	require.NoError(t, os.CopyFS(filepath.Join(before, "targets"), os.DirFS(filepath.Join(folder, "targets"))))
	s := httptest.NewServer(http.FileServer(http.Dir(before)))
	defer s.Close()
	seen := map[string]int{}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(folder, "metadata", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(before, "metadata", name), data, 0o600))
		got, err := getFrom(t.Context(), s.URL, w.repo, "file-7")
		if err != nil {
			require.Equal(t, "2.root.json", name, err)
			got = "try again"
		}
		seen[got]++
	}
	// Four bins, targets, snapshot, two roots, timestamp.
	require.Equal(t, map[string]int{"file-7 version 1": 7, "try again": 1, "file-7 version 2": 1}, seen)
}

// What has the name of the link is not the mirror's, such as a folder after a
// copy that follows links: nothing is replaced or removed.
func TestCurrentIsNoLink(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustRun("sync")
	current := filepath.Join(w.dest, "current")
	require.NoError(t, os.Remove(current))
	require.NoError(t, os.MkdirAll(filepath.Join(current, "metadata"), 0o755))
	before := w.files("states/1")
	w.stock("file-7", "2")
	w.publish()
	w.mustFail("current", "sync")
	require.Equal(t, before, w.files("states/1"))
}

// verify makes nothing.
func TestVerifyOfNoCopy(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustFail("no such file", "verify")
	require.NoDirExists(t, w.dest)
}

// One content under many paths is one file of the store, and is fetched once.
func TestOneFileOfManyTargets(t *testing.T) {
	w := newWorld(t, verifytest.Options{NoConsistentSnapshot: true})
	for n := range 10 {
		path := fmt.Sprint("same-", n)
		w.repo.Targets().AddToBin(path, []byte("the same"))
	}
	w.publish()
	for _, parallel := range []string{"1", "8"} {
		w.dest = filepath.Join(w.dir, "copy-"+parallel)
		asked := len(w.server.Log())
		w.mustRun("sync", "--parallel", parallel)
		same := 0
		for _, r := range w.server.Log()[asked:] {
			if strings.HasPrefix(r.Path, "/targets/same-") {
				same++
			}
		}
		require.Equal(t, 1, same, parallel)
		w.mustRun("verify")
	}
}

// A second name is given in one step, in the place of any file, and a copy is
// as good where there are no links.
func TestLink(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	require.NoError(t, err)
	defer root.Close()
	for name, text := range map[string]string{"old": "new text", "name": "before", "other": "before"} {
		require.NoError(t, root.WriteFile(name, []byte(text), 0o600))
	}
	for range 2 { // the second time it is the same file
		require.NoError(t, link(root, "old", root, "name"))
	}
	require.NoError(t, copyFile(root, "old", root, "copy"))
	require.NoError(t, link(root, "copy", root, "other"))
	for _, name := range []string{"name", "other", "copy"} {
		data, err := root.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, "new text", string(data))
	}
	require.ErrorIs(t, link(root, "none", root, "name"), os.ErrNotExist)
	left, err := os.ReadDir(root.Name())
	require.NoError(t, err)
	require.Len(t, left, 4, "nothing hidden is left")
}
