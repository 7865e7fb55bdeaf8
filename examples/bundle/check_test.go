package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// device is a machine without a network: a saved state, a record, and files
// that came some other way.
type device struct {
	*world
	name string
}

func (w *world) device(name string) device {
	d := device{w, name}
	d.has("app.bin", appData)
	return d
}

func (d device) at(name string) string { return filepath.Join(d.dir, d.name, name) }

func (d device) has(path string, data []byte) {
	d.t.Helper()
	require.NoError(d.t, os.MkdirAll(filepath.Dir(d.at("came/"+path)), 0o755))
	require.NoError(d.t, os.WriteFile(d.at("came/"+path), data, 0o600))
}

func (d device) checkArgs(more ...string) []string {
	return append([]string{
		"check", "--root", d.path("root.json"), "--at", d.now(), "--state", d.at("state"),
		"--dir", d.at("came"), "--record", d.at("record.json"), "app.bin",
	}, more...)
}

func (d device) check(code int, because string, more ...string) {
	d.t.Helper()
	d.mustSay(code, because, d.checkArgs(more...))
}

func (d device) confirmArgs() []string {
	return []string{
		"confirm", "--root", d.path("root.json"), "--at", d.now(), "--state", d.at("state"),
		"--metadata-url", d.metadata, "--dir", d.at("came"), "--record", d.at("record.json"),
	}
}

func (d device) confirm(code int, because string) {
	d.t.Helper()
	d.mustSay(code, because, d.confirmArgs())
}

func (d device) mustSay(code int, because string, args []string) {
	d.t.Helper()
	got, stdout, stderr := runArgs(args...)
	require.Equal(d.t, code, got, stdout+stderr)
	require.Contains(d.t, stdout+stderr, because)
}

func (d device) recorded() *record {
	d.t.Helper()
	r, err := loadRecord(d.at("record.json"))
	require.NoError(d.t, err)
	return r
}

// stick packs metadata alone, under a name.
func (w *world) stick(name string) []string {
	w.t.Helper()
	w.bundle = w.path(name)
	w.must(w.packArgs("app.bin", "--only", "metadata"))
	return []string{"--bundle", w.bundle}
}

// A stick goes round three devices. The newer one does not go back, and its
// saved state answers instead.
func TestStickGoesRound(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	a, b, c := w.device("a"), w.device("b"), w.device("c")
	old := w.stick("old.zip")
	a.check(0, "timestamp 2, snapshot 2 of the bundle", old...)
	b.check(0, "timestamp 2, snapshot 2 of the bundle", old...)

	newData := []byte("app 2")
	w.repo.Targets().AddTarget("app.bin", newData)
	w.repo.Publish()
	newer := w.stick("newer.zip")
	b.check(wrong, "wrong bytes", newer...) // the old file, by the new metadata
	b.has("app.bin", newData)
	b.check(0, "timestamp 3, snapshot 3 of the bundle", newer...)
	b.check(0, "listed by targets 3 in your saved state; the bundle's targets 2 are older", old...)
	b.check(0, "timestamp 3, snapshot 3 of your saved state", old...)
	b.check(0, "timestamp 3, snapshot 3 of your saved state") // without a stick
	b.has("app.bin", appData)
	b.check(goneBack, "gone back: targets 2, timestamp 2 of the bundle list these bytes", old...)
	b.has("app.bin", []byte("neither"))
	b.check(wrong, "wrong bytes", old...)

	c.check(0, "timestamp 2", old...) // it has seen nothing newer
	c.check(wrong, "wrong bytes", newer...)
}

func TestNotListed(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	d.has("nothing", nil)
	stick := w.stick("s.zip")
	d.check(notListed, verify.ErrNoTarget.Error(), append([]string{"nothing"}, stick...)...)
	require.Len(t, d.recorded().Files, 1, "app.bin is good, and recorded")
	require.NoError(t, os.Remove(d.at("came/app.bin")))
	d.check(1, "no such file", append([]string{"nothing"}, stick...)...) // not judged is more than not listed
}

// A stale file is recorded and not installed, and nothing newer is saved.
func TestStaleFile(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	stick := w.stick("s.zip")
	w.repo.Advance(2 * day)
	d.check(stale, "authentic but stale: since 2030-01-02T00:00:00Z", append(stick, "--dest", d.at("dest"))...)
	require.NoDirExists(t, d.at("dest"))
	require.Equal(t, isStale, d.recorded().Files["app.bin"].Status)
	require.NoFileExists(t, d.at("state/timestamp.json"))
	d.has("app.bin", []byte("old and bad"))
	d.check(wrong, "wrong bytes", stick...)
}

// A clock that was set back is noticed before anything is judged.
func TestClockSetBack(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	stick := w.stick("s.zip")
	d.check(0, "good until", stick...)
	before, err := os.ReadFile(d.at("record.json"))
	require.NoError(t, err)
	d.check(badClock, "clock suspicious", append(stick, "--at", w.repo.Now().Add(-time.Hour).Format(time.RFC3339))...)
	after, err := os.ReadFile(d.at("record.json"))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// Online again, a device confirms what it accepted, or learns that it was
// withdrawn.
func TestConfirm(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	d.check(0, "good until", append(w.stick("s.zip"), "--dest", d.at("dest"))...)
	require.FileExists(t, d.at("dest/app.bin"))
	w.repo.Advance(2 * day)
	w.repo.Publish()
	d.confirm(0, "confirmed, good until 2030-01-04T00:00:00Z")
	require.Equal(t, isConfirmed, d.recorded().Files["app.bin"].Status)

	d.has("app.bin", []byte("changed on the disk"))
	d.confirm(wrong, "wrong bytes")
	require.Equal(t, isConfirmed, d.recorded().Files["app.bin"].Status)

	d.has("app.bin", appData)
	w.repo.Targets().AddTarget("app.bin", []byte("app 2"))
	w.repo.Publish()
	d.confirm(withdrawn, "withdrawn")
	require.Equal(t, isWithdrawn, d.recorded().Files["app.bin"].Status)
}

// A record that was damaged or written by hand is refused, and not replaced.
func TestDamagedRecord(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	stick := w.stick("s.zip")
	d.check(0, "good until", stick...)
	good, err := os.ReadFile(d.at("record.json"))
	require.NoError(t, err)
	require.True(t, json.Valid(good))
	for _, bad := range []string{
		"", string(good[:len(good)/2]), `{"layout":2}`, `{"layout":1,"files":{"app.bin":{}}}`,
		`{"layout":1,"files":{"app.bin":{"target":{}}}}`, `{"layout":1,"files":null}`,
	} {
		require.NoError(t, os.WriteFile(d.at("record.json"), []byte(bad), 0o600))
		d.check(1, "record.json", stick...)
		after, err := os.ReadFile(d.at("record.json"))
		require.NoError(t, err)
		require.Equal(t, bad, string(after))
	}
}

// The program ends between the record and the installation, here because the
// folder cannot be made. The record has the file, and a second run goes on.
func TestEndBeforeInstallation(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	d := w.device("a")
	stick := append(w.stick("s.zip"), "--dest", d.at("dest"))
	require.NoError(t, os.WriteFile(d.at("dest"), nil, 0o600))
	d.check(1, "dest", stick...)
	require.Equal(t, isGood, d.recorded().Files["app.bin"].Status)
	require.NoError(t, os.Remove(d.at("dest")))
	d.check(0, "good until", stick...)
	require.FileExists(t, d.at("dest/app.bin"))
}
