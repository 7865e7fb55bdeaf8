package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const day = 24 * time.Hour

func TestPackAndVerify(t *testing.T) {
	for name, o := range map[string]verifytest.Options{"as usual": {}, "with hashes": {MetaHashes: true, Hashes: []string{"sha512", "sha256"}}, "plain names": {NoConsistentSnapshot: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			require.Contains(t, w.pack(), "2 targets and 5 metadata files, with the roots from version 1 to 1")
			w.metadata, w.targets = "http://127.0.0.1:1", "http://127.0.0.1:1"

			stdout := w.must(w.verifyArgs())
			w.mustHave("app.bin", "tools/big hammer")
			require.Contains(t, stdout, "good as of 2030-01-01T00:00:00Z, and until 2030-01-02T00:00:00Z")
			require.Contains(t, stdout, "root version 1, timestamp 2 and snapshot 2")
			require.Contains(t, stdout, "  root -> targets version 2 does not list it\n  targets -> team/a version 1 lists it\n")

			listed := w.must([]string{"list", w.bundle})
			require.Regexp(t, `(?m)^\d+ +2 +2030-01-02T00:00:00Z +metadata/timestamp.json$`, listed)
			require.Regexp(t, `(?m)^6 +- +- +targets/tools/big hammer$`, listed)
			require.Contains(t, listed, "team%2Fa.json")
		})
	}
}

func TestOnlyWhatIsAskedFor(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	require.NotContains(t, w.must(w.verifyArgs("app.bin")), "hammer")
	w.mustHave("app.bin")

	w.must(w.packArgs("app.bin")) // in the place of the other
	w.mustFail(1, "team%2Fa.json is not in the bundle", w.verifyArgs("tools/big hammer"))
	w.mustFail(1, "no such target", w.verifyArgs("nothing"))
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

// A chain of four roots, packed from the second: whoever trusts any of them can
// verify. Packed from the fourth, the chain has a gap for some.
func TestAnchors(t *testing.T) {
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
	for _, version := range slices.Sorted(maps.Keys(roots)) { // the first too: the second follows from it
		w.root("root.json", roots[version])
		require.Contains(t, w.must(w.verifyArgs()), "root version 4", version)
	}

	w.root("root.json", roots["4"])
	w.pack()
	w.must(w.verifyArgs())
	w.root("root.json", roots["2"])
	w.mustFail(1, "timestamp.json could not be fetched: rejected", w.verifyArgs("app.bin")) // 3 is not there: the keys of 2 did not sign this
	w.root("root.json", verifytest.New(verifytest.Options{Seed: "another repository"}).TrustedRoot())
	w.mustFail(1, "no trustworthy state", w.verifyArgs())
}

// Whichever byte of whichever entry is changed, by somebody who makes the
// archive fit again: nothing is extracted.
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
			continue // made to fit; see TestDamage
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

// Whichever byte of the archive itself is changed, its directory included: it
// is refused, or what is extracted is right.
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

// What an attacker could do who writes archives with care.
func TestEvilArchives(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(files map[string][]byte)
		because string
	}{
		"outside":          {func(f map[string][]byte) { f["targets/../../evil"] = []byte("x") }, "not a plain relative path"},
		"absolute":         {func(f map[string][]byte) { f["targets//etc/evil"] = []byte("x") }, "not a plain relative path"},
		"no place":         {func(f map[string][]byte) { f["README"] = []byte("x") }, "has no place in a bundle"},
		"metadata outside": {func(f map[string][]byte) { f["metadata/../x.json"] = []byte("x") }, "has no place in a bundle"},
		"one file on some": {func(f map[string][]byte) { f["targets/APP.bin"] = appData }, "two entries would be"},
		"not listed":       {func(f map[string][]byte) { f["targets/evil"] = []byte("x") }, "no such target"},
		"of no use":        {func(f map[string][]byte) { f["metadata/9.evil.json"] = []byte("x") }, "is of no use"},
		"root to come":     {func(f map[string][]byte) { f["metadata/9.root.json"] = f["metadata/1.root.json"] }, "is of no use"},
		"huge metadata":    {func(f map[string][]byte) { f["metadata/timestamp.json"] = make([]byte, 1<<20) }, "at most 16384 are accepted"},
		"longer target":    {func(f map[string][]byte) { f["targets/app.bin"] = append(f["targets/app.bin"], 'x') }, "length"},
		"no target":        {func(f map[string][]byte) { delete(f, "targets/app.bin"); delete(f, "targets/tools/big hammer") }, "no target in it"},
		"no timestamp":     {func(f map[string][]byte) { delete(f, "metadata/timestamp.json") }, "metadata/timestamp.json is not in the bundle"},
		"no snapshot":      {func(f map[string][]byte) { delete(f, "metadata/2.snapshot.json") }, "metadata/2.snapshot.json is not in the bundle"},
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

// zipOf writes an archive that rewrite would not: its list says what the writer
// likes.
func (w *world) zipOf(add func(z *zip.Writer)) {
	w.t.Helper()
	f, err := os.Create(w.bundle)
	require.NoError(w.t, err)
	z := zip.NewWriter(f)
	add(z)
	require.NoError(w.t, errors.Join(z.Close(), f.Close()))
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

// The list proves nothing, but an archive that has lost a file on the way does
// not fit it.
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
		w.mustFail(1, "does not list the files that are there", w.verifyArgs())
	}
	require.NoDirExists(t, w.path("dest"))
}

// pack compresses nothing: an entry that is compressed, or that says it is
// larger than the archive, is refused before it is read, and so are entries
// that share their bytes.
func TestBombs(t *testing.T) {
	for name, spoil := range map[string]func(h *zip.FileHeader){
		"compressed": func(h *zip.FileHeader) { h.Method = zip.Deflate },
		"too large":  func(h *zip.FileHeader) { h.UncompressedSize64, h.CompressedSize64 = 1<<40, 1<<40 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, verifytest.Options{})
			w.zipOf(func(z *zip.Writer) {
				h := &zip.FileHeader{Name: "metadata/timestamp.json", Method: zip.Store, UncompressedSize64: 1000, CompressedSize64: 1000}
				spoil(h)
				to, err := z.CreateRaw(h)
				require.NoError(t, err)
				_, err = to.Write(make([]byte, 1000))
				require.NoError(t, err)
			})
			_, err := openArchive(w.bundle)
			require.ErrorIs(t, err, errDamaged)
			w.mustFail(1, "is not stored as it is", w.verifyArgs())
		})
	}
}

// A bundle gets old: that is another thing than a bad one, and says since when.
func TestStale(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.pack()
	made := w.now()
	for _, after := range []time.Duration{day, 8 * day, 3 * 365 * day} { // the timestamp's end, the snapshot's and everybody's
		at := w.repo.Now().Add(after).Format(time.RFC3339)
		w.mustFail(3, "stale since 2030-01-02T00:00:00Z, and good otherwise", w.verifyArgs("--at", at))
		w.mustFail(3, "(the time is taken to be "+at+")", w.verifyArgs("--at", at))
	}
	require.NoDirExists(t, w.path("dest"))
	w.must(w.verifyArgs("--at", "2030-01-01T23:59:59Z"))
	w.mustHave("app.bin", "tools/big hammer")

	w.change(func(files map[string][]byte) { files["targets/app.bin"][7] ^= 1 })
	w.mustFail(1, "hash mismatch", w.verifyArgs("--at", "2040-01-01T00:00:00Z")) // old, and bad
	require.NoError(t, os.RemoveAll(w.path("dest")))
	w.must(w.verifyArgs("--at", made, "tools/big hammer")) // the other is good
	w.mustHave("tools/big hammer")

	w.repo.Advance(2 * day)
	w.mustFail(3, "expired", w.packArgs("app.bin")) // such a thing is not packed in the first place
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
	err := v.Run(context.Background(), &terminal{io.Discard, io.Discard})
	var stale *StaleError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, w.repo.Now().Add(day), stale.Since.UTC())
	var expired *roles.ExpiredError
	require.ErrorAs(t, err, &expired)
	require.Equal(t, "timestamp", expired.Role)
	require.Equal(t, v.At, expired.At)
}

// A user who is shown an older bundle after a newer one hears of it, if there
// is a place to remember the newer one in.
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
	w.mustFail(1, "rollback", w.verifyArgs(state...))
	w.must(w.verifyArgs())

	// What is remembered answers nothing: everything has to be in the bundle.
	w.bundle = w.path("newer.zip")
	w.change(func(files map[string][]byte) { delete(files, "metadata/3.snapshot.json") })
	w.mustFail(1, "metadata/3.snapshot.json is not in the bundle", w.verifyArgs(state...))
}

// A bad mirror gets nothing packed, and a bundle that was there stays.
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
	w.mustFail(1, "hash mismatch", w.packArgs("tools/big hammer", "app.bin"))
	w.mustFail(1, "no such target", w.packArgs("nothing"))
	w.repo.Metadata()["2.snapshot.json"][100] ^= 1
	w.mustFail(1, "2.snapshot.json could not be fetched: rejected", w.packArgs("tools/big hammer"))
	after, err := os.ReadFile(w.bundle)
	require.NoError(t, err)
	require.Equal(t, before, after)
	files, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Len(t, files, 2, "the root file and the bundle")
}
