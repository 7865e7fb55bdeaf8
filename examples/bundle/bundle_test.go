package main

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestPackAndVerify(t *testing.T) {
	for name, o := range map[string]verifytest.Options{
		"default": {}, "with hashes": {MetaHashes: true, Hashes: []string{"sha512", "sha256"}},
		"plain names": {NoConsistentSnapshot: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			packed := w.pack()
			require.Contains(t, packed, "2 targets and 5 metadata files")
			require.Contains(t, packed, "with the roots from version 1 to 1")
			w.metadata, w.targets = "http://127.0.0.1:1", "http://127.0.0.1:1"

			stdout := w.must(w.verifyArgs())
			w.mustHave("app.bin", "tools/big hammer")
			require.Contains(t, stdout, "good as of 2030-01-01T00:00:00Z, valid until 2030-01-02T00:00:00Z")
			require.Contains(t, stdout, "root version 1, timestamp 2 and snapshot 2")
			require.Contains(t, stdout,
				"root -> targets version 2 does not list it targets -> team/a version 1 lists it")

			listed := w.must([]string{"list", w.bundle})
			require.Regexp(t, ` \d+ 2 2030-01-02 metadata/timestamp.json `, listed)
			require.Regexp(t, ` 6 - - targets/tools/big hammer$`, listed)
			require.Contains(t, listed, "team%2Fa.json")
		})
	}
}

func TestOnlyWhatIsAskedFor(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	require.NotContains(t, w.must(w.verifyArgs("app.bin")), "hammer")
	w.mustHave("app.bin")

	require.Contains(t, w.must(w.packArgs("app.bin")), "1 target and 4 metadata files in ") // replaces the first bundle
	w.mustFail(1, "team%2Fa.json is not in the bundle", w.verifyArgs("tools/big hammer"))
	w.mustFail(1, verify.ErrNoTarget.Error(), w.verifyArgs("nothing"))
	w.mustHave("app.bin")
}

// A mirror that lies, or has nothing, is passed over: what it sent does not get
// into the bundle.
func TestPackFromSeveralMirrors(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	liar := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte(`{"signatures": [], "signed": {}}`))
	}))
	t.Cleanup(liar.Close)
	good, goodTargets := w.metadata, w.targets
	w.metadata, w.targets = liar.URL, liar.URL
	code, stdout, stderr := runArgs(w.packArgs("app.bin", "--metadata-url", good, "--targets-url", goodTargets)...)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stderr, verify.ErrUnconfirmed.Error())
	require.Contains(t, stdout, "1 target and ")
	w.must(w.verifyArgs())
	w.mustHave("app.bin")
}

func TestTheSameFilesMakeTheSameArchive(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	first, err := os.ReadFile(w.bundle)
	require.NoError(t, err)
	w.must(w.packArgs("tools/big hammer", "app.bin"))
	second, err := os.ReadFile(w.bundle)
	require.NoError(t, err)
	require.Equal(t, first, second)
}

// A chain of four roots is packed, beginning with the second. A user who trusts
// any of them can verify. If it begins with the fourth, the chain has a gap for
// users of older roots.
func TestTrustedRoots(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	roots := map[string][]byte{"1": w.repo.TrustedRoot()}
	for _, version := range []string{"2", "3", "4"} {
		w.repo.Rotate("root", 1, w.repo.Key("root key "+version))
		w.repo.Rotate("timestamp", 1, w.repo.Key("timestamp key "+version))
		w.repo.PublishOnly("root")
		roots[version] = w.repo.Metadata()[version+".root.json"]
	}
	w.repo.Publish()

	w.root("root.json", roots["2"])
	require.Contains(t, w.pack(), "the roots from version 2 to 4")
	for _, version := range slices.Sorted(maps.Keys(roots)) { // the first too: it leads to the second
		w.root("root.json", roots[version])
		require.Contains(t, w.must(w.verifyArgs()), "root version 4", version)
	}

	w.root("root.json", roots["4"])
	w.pack()
	w.must(w.verifyArgs())
	w.root("root.json", roots["2"])
	// There is no root 3, and the keys of root 2 did not sign the timestamp.
	w.mustFail(1, "timestamp: "+verify.ErrThreshold.Error(), w.verifyArgs("app.bin"))
	w.root("root.json", verifytest.New(verifytest.Options{Seed: "another repository"}).TrustedRoot())
	w.mustFail(1, "no trustworthy state", w.verifyArgs())
}

// An attacker changes any byte of any entry and fixes the checksums. Nothing is
// extracted.
func TestTamperedEntries(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.repo.Rotate("root", 1, w.repo.Key("second root"))
	w.repo.Publish()
	w.pack()
	good := w.bundle
	a, err := openArchive(good)
	require.NoError(t, err)
	defer a.Close()
	require.Len(t, a.files, 9)
	for name, f := range a.files {
		if name == listName {
			continue // it is written anew; see TestDamage
		}
		size := int(f.UncompressedSize64)
		for i := 0; i < size; i += 1 + size/40 {
			w.bundle = good
			w.change(func(files map[string][]byte) { files[name][i] ^= 1 })
			code, stdout, stderr := runArgs(w.verifyArgs()...)
			require.Equal(t, 1, code, "%s, byte %d: %s%s", name, i, stdout, stderr)
			require.NoDirExists(t, w.path("dest"))
		}
	}
}

// Any byte of the archive is changed, including its directory. The archive is
// refused, or the extracted files are right.
func TestDamage(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	good, err := os.ReadFile(w.bundle)
	require.NoError(t, err)
	refused := 0
	for i := 0; i < len(good); i += 17 {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		require.NoError(t, os.WriteFile(w.bundle, bad, 0o600))
		require.NoError(t, os.RemoveAll(w.path("dest")))
		if code, _, _ := runArgs(w.verifyArgs()...); code == 0 {
			w.mustHave("app.bin", "tools/big hammer")
			continue
		}
		refused++
		require.NoDirExists(t, w.path("dest"))
	}
	require.Greater(t, refused, len(good)/17/2)
	for _, length := range []int{0, 1, len(good) / 2, len(good) - 1} {
		require.NoError(t, os.WriteFile(w.bundle, good[:length], 0o600))
		w.mustFail(1, "damaged", w.verifyArgs())
	}
}

// What an attacker can do who writes archives with care.
func TestEvilArchives(t *testing.T) {
	add := func(name string) func(map[string][]byte) {
		return func(f map[string][]byte) { f[name] = []byte("x") }
	}
	for name, c := range map[string]struct {
		change  func(files map[string][]byte)
		because string
	}{
		"outside":                  {add("targets/../../evil"), "not a plain relative path"},
		"absolute":                 {add("targets//etc/evil"), "not a plain relative path"},
		"not in the layout":        {add("README"), "does not belong in a bundle"},
		"metadata outside":         {add("metadata/../x.json"), "does not belong in a bundle"},
		"equal on some systems":    {func(f map[string][]byte) { f["targets/APP.bin"] = appData }, "in the place of"},
		"equal in Unicode's forms": {add("targets/cafe\u0301"), "would be another name on macOS"},
		"equal when folded": {func(f map[string][]byte) {
			f["targets/stra\u00dfe"], f["targets/strasse"] = []byte("x"), []byte("x")
		}, "would be in the place of"},
		"a long s": {func(f map[string][]byte) {
			f["targets/\u017fs"], f["targets/ss"] = []byte("x"), []byte("x")
		}, "would be in the place of"},
		"a short name": {add("targets/APP~1.BIN"), "may be a short name"},
		"not listed":   {add("targets/evil"), verify.ErrNoTarget.Error()},
		"not needed":   {add("metadata/9.evil.json"), "is not needed"},
		"future root": {func(f map[string][]byte) {
			f["metadata/9.root.json"] = f["metadata/1.root.json"]
		}, "is not needed"},
		"huge metadata": {func(f map[string][]byte) {
			f["metadata/timestamp.json"] = make([]byte, 1<<20)
		}, "at most 32768"},
		"longer target": {func(f map[string][]byte) { f["targets/app.bin"] = append(f["targets/app.bin"], 'x') }, "length"},
		"no target": {func(f map[string][]byte) {
			delete(f, "targets/app.bin")
			delete(f, "targets/tools/big hammer")
		}, "it has no targets"},
		"no timestamp": {func(f map[string][]byte) {
			delete(f, "metadata/timestamp.json")
		}, "metadata/timestamp.json is not in the bundle"},
		"no snapshot": {func(f map[string][]byte) {
			delete(f, "metadata/2.snapshot.json")
		}, "metadata/2.snapshot.json is not in the bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, verifytest.Options{})
			w.pack()
			w.change(c.change)
			w.mustFail(1, c.because, w.verifyArgs())
			require.NoDirExists(t, w.path("dest"))
		})
	}
}

func TestDuplicateEntries(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.zipOf(func(z *zip.Writer) {
		for range 2 {
			_, err := z.CreateHeader(&zip.FileHeader{Name: "targets/app.bin", Method: zip.Store})
			require.NoError(t, err)
		}
	})
	w.mustFail(1, "two entries", w.verifyArgs())
}

// The list is not trusted, but it shows that an archive has lost a file.
func TestListMustFit(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	a, err := openArchive(w.bundle)
	require.NoError(t, err)
	defer a.Close()
	w.bundle = w.path("changed.zip")
	for _, without := range []string{"targets/app.bin", listName} {
		w.zipOf(func(z *zip.Writer) {
			for name, f := range a.files {
				if name != without {
					require.NoError(t, z.Copy(f))
				}
			}
		})
		w.mustFail(1, "does not list the files in the archive", w.verifyArgs())
	}
	require.NoDirExists(t, w.path("dest"))
}

// pack compresses nothing. An entry that is compressed, or claims to be larger
// than the archive, is refused before it is read. So are entries that share
// their bytes.
func TestBombs(t *testing.T) {
	for name, corrupt := range map[string]func(h *zip.FileHeader){
		"compressed": func(h *zip.FileHeader) { h.Method = zip.Deflate },
		"too large":  func(h *zip.FileHeader) { h.UncompressedSize64, h.CompressedSize64 = 1<<40, 1<<40 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, verifytest.Options{})
			w.zipOf(func(z *zip.Writer) {
				h := &zip.FileHeader{
					Name: "metadata/timestamp.json", Method: zip.Store,
					UncompressedSize64: 1000, CompressedSize64: 1000,
				}
				corrupt(h)
				to, err := z.CreateRaw(h)
				require.NoError(t, err)
				_, err = to.Write(make([]byte, 1000))
				require.NoError(t, err)
			})
			_, err := openArchive(w.bundle)
			require.ErrorIs(t, err, errDamaged)
			w.mustFail(1, "is compressed, or larger than the archive", w.verifyArgs())
		})
	}
}

// An old bundle is told apart from a bad one, and the error says since when it
// is old.
func TestStale(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	made := w.now()
	// The timestamp expires, then the snapshot, then all roles.
	for _, after := range []time.Duration{day, 8 * day, 3 * 365 * day} {
		at := w.repo.Now().Add(after).Format(time.RFC3339)
		w.mustFail(3, "stale since 2030-01-02T00:00:00Z, and good otherwise", w.verifyArgs("--at", at))
		w.mustFail(3, at+")", w.verifyArgs("--at", at))
	}
	require.NoDirExists(t, w.path("dest"))
	w.must(w.verifyArgs("--at", "2030-01-01T23:59:59Z"))
	w.mustHave("app.bin", "tools/big hammer")

	w.change(func(files map[string][]byte) { files["targets/app.bin"][7] ^= 1 })
	w.mustFail(1, verify.ErrHash.Error(), w.verifyArgs("--at", "2040-01-01T00:00:00Z")) // old, and bad
	require.NoError(t, os.RemoveAll(w.path("dest")))
	w.must(w.verifyArgs("--at", made, "tools/big hammer")) // the other target is good
	w.mustHave("tools/big hammer")

	w.repo.Advance(2 * day)
	w.mustFail(3, verify.ErrExpired.Error(), w.packArgs("app.bin"))
}

func TestStaleDelegation(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.repo.SetLifetime("team/a", time.Hour)
	w.repo.Publish()
	w.pack()
	w.repo.Advance(2 * time.Hour)
	w.mustFail(3, "stale since 2030-01-01T01:00:00Z", w.verifyArgs())
	w.must(w.verifyArgs("app.bin"))
}

func TestStaleErrorIsTyped(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	v := &verifyCmd{trust: trust{Root: w.path("root.json"), At: w.repo.Now().Add(9 * day)}, Bundle: w.bundle}
	err := v.Run(context.Background(), newTerminal(io.Discard, io.Discard))
	var stale *StaleError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, w.repo.Now().Add(day), stale.Since.UTC())
	var expired *verify.ExpiredError
	require.ErrorAs(t, err, &expired)
	require.Equal(t, "timestamp", expired.Role)
	require.Equal(t, v.At, expired.At)
}

// With --state, an older bundle is refused after a newer one.
func TestState(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	state := []string{"--state", w.path("state")}
	w.pack()
	old := w.bundle
	w.must(w.verifyArgs(state...))
	w.repo.Touch("targets")
	w.repo.Publish()
	w.bundle = w.path("newer.zip")
	w.pack(state...)
	w.must(w.verifyArgs(state...))

	w.bundle = old
	w.mustFail(1, verify.ErrRollback.Error(), w.verifyArgs(state...))
	w.must(w.verifyArgs())

	// Stored files answer no requests: all files have to be in the bundle.
	w.bundle = w.path("newer.zip")
	w.change(func(files map[string][]byte) { delete(files, "metadata/3.snapshot.json") })
	w.mustFail(1, "metadata/3.snapshot.json is not in the bundle", w.verifyArgs(state...))
}

// Nothing is packed from a bad mirror, and the old bundle is unchanged.
func TestPackVerifies(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	before, err := os.ReadFile(w.bundle)
	require.NoError(t, err)
	for name := range w.repo.TargetFiles() {
		if strings.HasSuffix(name, "app.bin") {
			w.repo.TargetFiles()[name] = bytes.ToUpper(appData)
		}
	}
	w.mustFail(1, verify.ErrHash.Error(), w.packArgs("tools/big hammer", "app.bin"))
	w.mustFail(1, verify.ErrNoTarget.Error(), w.packArgs("nothing"))
	w.repo.Metadata()["2.snapshot.json"][100] ^= 1
	for _, because := range []string{"2.snapshot.json", "rejected"} {
		w.mustFail(1, because, w.packArgs("tools/big hammer"))
	}
	after, err := os.ReadFile(w.bundle)
	require.NoError(t, err)
	require.Equal(t, before, after)
	files, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Len(t, files, 2, "the root file and the bundle")
}

// Metadata and files may travel apart. Metadata alone updates no file, and
// verify says so.
func TestPackOneKindOnly(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	require.Contains(t, w.pack("--only", "metadata"), "0 targets and 5 metadata files")
	require.NotContains(t, w.must([]string{"list", w.bundle}), "targets/")
	w.mustFail(1, "it has no targets", w.verifyArgs())

	require.Contains(t, w.pack("--only", "files"), "2 targets and no metadata")
	require.NotContains(t, w.must([]string{"list", w.bundle}), "metadata/")
	w.mustFail(1, "metadata/timestamp.json is not in the bundle", w.verifyArgs())
}
