package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A bundle that is damaged, incomplete or of another repository changes
// nothing: the saved state judges, with a warning.
func TestBadBundleFallsBack(t *testing.T) {
	other := newWorld(t, verifytest.Options{Seed: "another repository"})
	foreign := other.stick("foreign.zip")[1]
	cut := func(w *world) {
		data, err := os.ReadFile(w.bundle)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(w.bundle, data[:len(data)/2], 0o600))
	}
	without := func(name string) func(*world) {
		return func(w *world) {
			w.change(func(files map[string][]byte) {
				require.Contains(t, files, name)
				delete(files, name)
			})
		}
	}
	for name, c := range map[string]struct {
		bad     func(w *world)
		because string
	}{
		"cut":          {cut, "not a bundle, or damaged"},
		"no timestamp": {without("metadata/timestamp.json"), "metadata/timestamp.json is not in the bundle"},
		"no snapshot":  {without("metadata/3.snapshot.json"), "metadata/3.snapshot.json is not in the bundle"},
		"no targets":   {without("metadata/3.targets.json"), "metadata/3.targets.json is not in the bundle"},
		"changed": {func(w *world) {
			w.change(func(files map[string][]byte) { files["metadata/3.snapshot.json"][100] ^= 1 })
		}, "3.snapshot.json"},
		"foreign": {func(w *world) { w.bundle = foreign }, "not enough signatures"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, verifytest.Options{})
			d, fresh := w.device("a"), w.device("fresh")
			d.check(0, "timestamp 2", w.stick("good.zip")...)
			w.repo.Touch("targets")
			w.repo.Publish()
			w.stick("bad.zip")
			c.bad(w)
			bad := []string{"--bundle", w.bundle}

			d.check(0, "timestamp 2, snapshot 2 of your saved state", bad...)
			d.check(0, "warning: the bundle is not used, and your saved state is asked instead:", bad...)
			d.check(0, c.because, bad...)
			d.check(0, "timestamp 2, snapshot 2 of your saved state") // nothing of it was saved
			d.has("app.bin", []byte("other"))
			d.check(wrong, "listed by targets 2 in your saved state", bad...)

			fresh.check(1, c.because, bad...)
			fresh.check(1, "nor by your saved state:", bad...)
			require.Empty(t, fresh.recorded().Files)
		})
	}
	d := other.device("a")
	d.check(0, "good until", "--bundle", foreign)
	d.check(1, "no such file", "--bundle", other.path("nowhere.zip")) // a mistake of the user
}

// A damaged bundle is reported once, whatever the number of files.
func TestBadBundleIsReportedOnce(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	d.has("tools/big hammer", toolData)
	w.bundle = w.path("both.zip")
	w.pack("--only", "metadata")
	d.check(0, "good until", "tools/big hammer", "--bundle", w.bundle)
	w.change(func(files map[string][]byte) { delete(files, "metadata/timestamp.json") })
	code, stdout, stderr := runArgs(d.checkArgs("tools/big hammer", "--bundle", w.bundle)...)
	require.Equal(t, 0, code, stdout+stderr)
	require.Equal(t, 1, strings.Count(stderr, "warning: the bundle is not used"))
	require.Equal(t, 2, strings.Count(stdout, "good until"))
}

// The role that lists a file is named with its version: here and in the record,
// delegated or not.
func TestVersionOfTheRole(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	d.has("tools/big hammer", toolData)
	pack := func(name string) []string {
		w.bundle = w.path(name)
		w.pack("--only", "metadata")
		return []string{"tools/big hammer", "--bundle", w.bundle}
	}
	old := pack("1.zip")
	d.check(0, "listed by team/a 1; timestamp 2, snapshot 2 of the bundle", old...)
	require.Equal(t, int64(1), d.recorded().Files["tools/big hammer"].Version)
	require.Equal(t, int64(2), d.recorded().Files["app.bin"].Version)

	w.repo.Touch("team/a")
	w.repo.Publish()
	d.check(0, "listed by team/a 2; timestamp 3, snapshot 3 of the bundle", pack("2.zip")...)
	require.Equal(t, int64(2), d.recorded().Files["tools/big hammer"].Version)
	d.check(0, "tools/big hammer: listed by team/a 2 in your saved state; the bundle's team/a 1 is older", old...)
	d.check(0, "app.bin: listed by targets 2 in your saved state; the bundle's timestamp 2 is older", old...)

	w.repo.Touch("team/a")
	w.repo.Touch("targets")
	w.repo.Publish()
	d.confirm(0, "tools/big hammer: confirmed, good until 2030-01-02T00:00:00Z listed by team/a 3")
	require.Equal(t, int64(3), d.recorded().Files["tools/big hammer"].Version)
	d.check(0, "app.bin: listed by targets 3 in your saved state; the bundle's targets 2 are older", old...)
}

// Of a stale bundle its roots are saved, and nothing else. Then the keys that
// they have replaced sign nothing any more: neither an old bundle nor what is
// saved.
func TestStaleBundleWithNewerRoots(t *testing.T) {
	for _, rotated := range []string{"root", "timestamp"} {
		t.Run(rotated, func(t *testing.T) {
			w := newWorld(t, verifytest.Options{})
			d := w.device("a")
			old := w.stick("old.zip")
			d.check(0, "timestamp 2", old...)
			w.repo.SetLifetime("timestamp", time.Hour)
			w.repo.Rotate(rotated, 1, w.repo.Key("second "+rotated))
			w.repo.Publish()
			stick := w.stick("new.zip")
			w.repo.Advance(2 * time.Hour)
			d.check(stale, "since 2030-01-01T01:00:00Z; targets 2, timestamp 3 of the bundle list these bytes", stick...)
			require.Equal(t, isStale, d.recorded().Files["app.bin"].Status)
			require.Equal(t, int64(2), d.savedVersion("root.json"))
			require.Equal(t, int64(2), d.savedVersion("timestamp.json"))
			require.NoFileExists(t, d.at("state/"+pendingName))
			if rotated == "root" { // the old timestamp is still one of the repository's
				d.check(0, "timestamp 2, snapshot 2 of your saved state")
				d.check(0, "timestamp 2, snapshot 2 of the bundle", old...)
				return
			}
			before := d.recorded()
			d.check(1, "not enough signatures")
			d.check(1, "not enough signatures", old...)
			require.Equal(t, before.Files["app.bin"].Status, d.recorded().Files["app.bin"].Status)
			d.check(stale, "timestamp 3 of the bundle", stick...)
		})
	}
}

func (d device) savedVersion(name string) int64 {
	d.t.Helper()
	data, err := os.ReadFile(d.at("state/" + name))
	require.NoError(d.t, err)
	var file struct{ Signed struct{ Version int64 } }
	require.NoError(d.t, json.Unmarshal(data, &file))
	return file.Signed.Version
}

// Many checks at once, of one record and one saved state: each file is in the
// record at the end.
func TestChecksAtOnce(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	names := []string{"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"}
	for _, name := range names {
		w.repo.Targets().AddTarget(name, []byte(name))
		d.has(name, []byte(name))
	}
	w.repo.Publish()
	stick := w.stick("s.zip")
	var checks sync.WaitGroup
	for _, name := range names {
		checks.Go(func() {
			args := d.checkArgs(append([]string{name, "--dest", d.at("dest")}, stick...)...)
			if code, stdout, stderr := runArgs(args...); code != 0 {
				t.Errorf("%s: exit code %d: %s%s", name, code, stdout, stderr)
			}
		})
	}
	checks.Wait()
	recorded := d.recorded().Files
	require.Len(t, recorded, 1+len(names))
	for _, name := range names {
		require.FileExists(t, d.at("dest/"+name))
	}
}

// A check waits for another one, says so, and can be interrupted.
func TestCheckWaits(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	stick := w.stick("s.zip")
	unlock, err := lockFile(t.Context(), d.at("record.json"), io.Discard)
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	waits := notice{cancel: cancel}
	require.Equal(t, 130, run(ctx, d.checkArgs(stick...), io.Discard, &waits))
	require.Contains(t, flat(waits.said.String()), "note: waiting for another program that uses "+d.at("record.json"))
	require.NoFileExists(t, d.at("record.json"))
	unlock()
	d.check(0, "good until", stick...)
}

// notice interrupts a program as soon as it says something.
type notice struct {
	said   strings.Builder
	cancel func()
}

func (n *notice) Write(p []byte) (int, error) {
	n.cancel()
	return n.said.Write(p)
}
