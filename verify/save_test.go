package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// lockable is a store that says when it is locked.
type lockable struct {
	verifytest.Store
	locked int
	t      *testing.T
}

func (s *lockable) Lock(context.Context) (func(), error) {
	require.Zero(s.t, s.locked)
	s.locked++
	return func() { s.locked-- }, nil
}

func (s *lockable) Save(ctx context.Context, rec verify.Record) error {
	require.Equal(s.t, 1, s.locked, "saved without the lock")
	return s.Store.Save(ctx, rec)
}

// bucket is a store that cannot replace a file.
type bucket map[string][][]byte

func (b bucket) Load(ctx context.Context, name string) ([]byte, error) {
	files := b[name]
	if len(files) == 0 {
		return nil, fs.ErrNotExist
	}
	return files[len(files)-1], nil
}

func (b bucket) Save(_ context.Context, rec verify.Record) error {
	b[rec.StoreName] = append(slices.Clone(b[rec.StoreName]), rec.Data)
	return nil
}

func (b bucket) LoadAll(_ context.Context, name string) ([][]byte, error) { return b[name], nil }

// eachStore runs a test with a store of each kind.
func eachStore(t *testing.T, test func(t *testing.T, store verify.Store)) {
	t.Run("plain", func(t *testing.T) { test(t, verifytest.Store{}) })
	t.Run("with a lock", func(t *testing.T) { test(t, &lockable{Store: verifytest.Store{}, t: t}) })
	t.Run("candidates", func(t *testing.T) { test(t, bucket{}) })
}

// storedVersions are the highest versions in a store.
func storedVersions(t *testing.T, store verify.Store) map[string]int64 {
	t.Helper()
	stored := verify.LoadStored(t.Context(), store)
	highest := func(files [][]byte) (version int64) {
		for _, raw := range files {
			version = max(version, versionOf(t, raw))
		}
		return version
	}
	return map[string]int64{
		"root": highest(stored.Root), "timestamp": highest(stored.Timestamp), "snapshot": highest(stored.Snapshot),
	}
}

// R-5.0.2 (R16): a process that is behind does not write over what another one
// has saved meanwhile, and hears of it.
func TestSupersededByAnotherProcess(t *testing.T) {
	for name, change := range map[string]struct {
		publish func(repo *verifytest.Repo)
		role    string // what is newer in the store
	}{
		"a timestamp": {func(r *verifytest.Repo) { r.PublishOnly("timestamp") }, "timestamp"},
		"a snapshot":  {func(r *verifytest.Repo) { r.PublishOnly("snapshot", "timestamp") }, "timestamp"},
		"a snapshot with a newer targets": {func(r *verifytest.Repo) {
			r.Touch("targets")
			r.Publish()
		}, "timestamp"},
		"a root": {func(r *verifytest.Repo) { r.PublishOnly("root") }, "root"},
		"a root that revokes the old keys": {func(r *verifytest.Repo) {
			r.Rotate("timestamp", 1, r.Key("new"))
			r.Publish()
		}, "root"},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, store verify.Store) {
				repo := verifytest.New(verifytest.Options{})
				repo.Publish()
				behind := repo.Metadata().Clone()
				own := repo.Version(change.role)
				slow := resume(t, repo, store)
				change.publish(repo)
				var before map[string]int64
				// slow is past the roots when the other one comes and goes.
				err := slow.Run(t.Context(), store, func(ctx context.Context, req verify.Request) ([]byte, error) {
					if req.Role == "timestamp" {
						require.NoError(t, resume(t, repo, store).Run(ctx, store, repo.Metadata().Source()))
						before = storedVersions(t, store)
					}
					return behind.Source()(ctx, req)
				})
				require.ErrorIs(t, err, verify.ErrSuperseded)
				superseded := new(verify.SupersededError)
				require.ErrorAs(t, err, &superseded)
				require.Equal(t, change.role, superseded.Role)
				require.Equal(t, before[change.role], superseded.Stored)
				require.Equal(t, own, superseded.Own)
				require.Equal(t, before, storedVersions(t, store))
				require.ErrorIs(t, slow.Err(), verify.ErrSuperseded, "it stays so")

				// Begun again, from the store, it succeeds.
				again, err := slow.Renew(verify.LoadStored(t.Context(), store), repo.Now())
				require.NoError(t, err)
				require.NoError(t, again.Run(t.Context(), store, repo.Metadata().Source()))
				require.NoError(t, resume(t, repo, store).Run(t.Context(), store, repo.Metadata().Source()))
			})
		})
	}
}

// published returns the files of one and the same repository in these versions.
func published(timestamp, snapshot, targets int64) verifytest.Files {
	repo := verifytest.New(verifytest.Options{})
	repo.SetVersion("timestamp", timestamp)
	repo.SetVersion("snapshot", snapshot)
	repo.SetVersion("targets", targets)
	repo.Publish()
	return repo.Metadata()
}

// another returns the files of a stranger, with the highest versions.
func another() verifytest.Files {
	repo := verifytest.New(verifytest.Options{Seed: "a stranger's"})
	for _, role := range []string{"root", "timestamp", "snapshot"} {
		repo.SetVersion(role, 50)
	}
	repo.Publish()
	return repo.Metadata()
}

// what another process has stored, by the time at which a record is to
// be saved, decides whether it is: between the comparison and the write, too,
// if nothing in the store is replaced.
func TestSaveComparesWithWhatIsStored(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	repo.Touch("root")
	repo.PublishOnly("root")
	newRoot := repo.Metadata()["2.root.json"]
	badRoot := bytes.Replace(newRoot, []byte(`"version": 2`), []byte(`"version": 9`), 1)
	require.NotEqual(t, string(newRoot), string(badRoot))
	own := published(3, 3, 3)

	superseded := func(role string, stored, own int64, err error) error {
		return &verify.SupersededError{Role: role, Stored: stored, Own: own, Err: err}
	}
	rollback := func(listing, file string, stored, own int64) error {
		return &verify.RollbackError{Role: listing, File: file, Trusted: stored, Found: own}
	}
	for _, c := range []struct {
		name    string
		saving  string // before this record is saved
		as      string // another process stores this file
		file    []byte
		want    error
		written bool // the record is
	}{
		{"nothing", "timestamp.json", "x", nil, nil, true},
		{"older", "timestamp.json", "timestamp.json", published(2, 2, 2)["timestamp.json"], nil, true},
		{"the very same", "timestamp.json", "timestamp.json", own["timestamp.json"], nil, false},
		{"the same version", "timestamp.json", "timestamp.json", published(3, 2, 2)["timestamp.json"], nil, false},
		{"newer", "timestamp.json", "timestamp.json", published(4, 3, 3)["timestamp.json"],
			superseded("timestamp", 4, 3, nil), false},
		{"older, and lists a newer snapshot", "timestamp.json", "timestamp.json", published(2, 4, 4)["timestamp.json"],
			superseded("timestamp", 2, 3, rollback("timestamp", "snapshot.json", 4, 3)), false},
		{"a stranger's", "timestamp.json", "timestamp.json", another()["timestamp.json"], nil, true},
		{"junk", "timestamp.json", "timestamp.json", []byte("junk"), nil, true},

		{"older", "snapshot.json", "snapshot.json", published(2, 2, 2)["2.snapshot.json"], nil, true},
		{"the very same", "snapshot.json", "snapshot.json", own["3.snapshot.json"], nil, false},
		{"the same version", "snapshot.json", "snapshot.json", published(2, 3, 2)["3.snapshot.json"], nil, false},
		{"newer", "snapshot.json", "snapshot.json", published(4, 4, 3)["4.snapshot.json"],
			superseded("snapshot", 4, 3, nil), false},
		{"older, and lists newer targets", "snapshot.json", "snapshot.json", published(2, 2, 4)["2.snapshot.json"],
			superseded("snapshot", 2, 3, rollback("snapshot", "targets.json", 4, 3)), false},
		{"a stranger's", "snapshot.json", "snapshot.json", another()["50.snapshot.json"], nil, true},
		{"junk", "snapshot.json", "snapshot.json", []byte("junk"), nil, true},

		{"a newer root", "timestamp.json", "root.json", newRoot, superseded("root", 2, 1, nil), false},
		{"a newer root", "snapshot.json", "root.json", newRoot, superseded("root", 2, 1, nil), false},
		{"a newer root", "targets.json", "root.json", newRoot, superseded("root", 2, 1, nil), false},
		{"a root without its signatures", "targets.json", "root.json", badRoot, nil, true},
		{"a newer root", "root.json", "root.json", newRoot, superseded("root", 2, 1, nil), false},
		{"the same root", "root.json", "root.json", own["1.root.json"], nil, false},
	} {
		for _, late := range []bool{false, true} { // between the comparison and the write
			for _, store := range []verify.Store{verifytest.Store{}, &lockable{Store: verifytest.Store{}, t: t}, bucket{}} {
				if _, ok := store.(bucket); late && !ok {
					continue
				}
				text := fmt.Sprintf("%s, before %s is saved, %T, late %v", c.name, c.saving, store, late)
				m := &meddler{Store: store, late: late, before: c.saving, as: c.as, file: c.file}
				s := resume(t, verifytest.New(verifytest.Options{}), store)
				err := m.run(t, s, own)
				require.Equal(t, c.want, err, text)
				if c.want != nil {
					require.Equal(t, c.want, s.Err(), text)
				}
				require.Equal(t, c.written || late, m.written, text)
			}
		}
	}
}

// meddler is a store into which another process puts a file before the record
// with a name is saved: or late, when it has been compared already.
type meddler struct {
	verify.Store
	late       bool
	next       string // the record that is being saved
	before, as string
	file       []byte
	written    bool
}

// run goes through an update.
func (m *meddler) run(t *testing.T, s *verify.Session, files verifytest.Files) error {
	var store verify.Store = m
	switch m.Store.(type) {
	case verify.Locker:
		store = lockedMeddler{m}
	case verify.CandidateStore:
		store = bucketMeddler{m}
	}
	for b, ok := s.Next(); ok; b, ok = s.Next() {
		for _, rec := range b.Save {
			m.next = rec.StoreName
			if _, locks := store.(verify.Locker); m.next == m.before && !m.late && !locks {
				m.meddle()
			}
			if err := s.Save(t.Context(), store, []verify.Record{rec}); err != nil {
				return err
			}
		}
		for _, req := range b.Fetch {
			answer(t, s, files, req)
		}
	}
	return s.Err()
}

func (m *meddler) meddle() {
	switch store := m.Store.(type) {
	case verifytest.Store:
		store[m.as] = m.file
	case *lockable:
		store.Store[m.as] = m.file
	case bucket:
		store[m.as] = append(store[m.as], m.file)
	}
}

func (m *meddler) Save(ctx context.Context, rec verify.Record) error {
	if rec.StoreName == m.before {
		m.written = true
		if m.late {
			m.meddle()
		}
	}
	return m.Store.Save(ctx, rec)
}

type lockedMeddler struct{ *meddler }

// Lock waits for the other process: what that one saves under the lock is
// there when the record is compared.
func (m lockedMeddler) Lock(ctx context.Context) (func(), error) {
	if m.next == m.before {
		m.meddle()
	}
	return m.Store.(*lockable).Lock(ctx)
}

type bucketMeddler struct{ *meddler }

func (m bucketMeddler) LoadAll(ctx context.Context, name string) ([][]byte, error) {
	return m.Store.(bucket).LoadAll(ctx, name)
}

// a snapshot that lists an older targets role than the stored one is
// not saved, also where its timestamp was first.
func TestSupersededBetweenTimestampAndSnapshot(t *testing.T) {
	eachStore(t, func(t *testing.T, store verify.Store) {
		repo := verifytest.New(verifytest.Options{})
		repo.Publish()
		behind := repo.Metadata().Clone()
		slow := resume(t, repo, store)
		repo.Touch("targets")
		repo.Publish()
		fast := resume(t, repo, store)
		// slow has saved its timestamp when fast overtakes it.
		err := slow.Run(t.Context(), store, func(ctx context.Context, req verify.Request) ([]byte, error) {
			if req.Role == "snapshot" {
				require.NoError(t, fast.Run(ctx, store, repo.Metadata().Source()))
			}
			return behind.Source()(ctx, req)
		})
		require.Equal(t, &verify.SupersededError{Role: "snapshot", Stored: repo.Version("snapshot"), Own: 2}, err)
		require.Equal(t, map[string]int64{
			"root": 1, "timestamp": repo.Version("timestamp"), "snapshot": repo.Version("snapshot"),
		}, storedVersions(t, store))
	})
}

// two processes that come to the same state both succeed, in any order
// of their saves, and what lies there stays.
func TestTwoProcessesSaveTheSame(t *testing.T) {
	eachStore(t, func(t *testing.T, store verify.Store) {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().AddTarget("app", []byte("app"))
		for range 3 {
			repo.Publish()
			a, b := resume(t, repo, store), resume(t, repo, store)
			source := repo.Metadata().Source()
			l := a.Lookup("app")
			err := a.Run(t.Context(), store, func(ctx context.Context, req verify.Request) ([]byte, error) {
				if req.Role == "snapshot" || req.Role == "targets" {
					require.NoError(t, b.Run(ctx, store, source))
				}
				return source(ctx, req)
			})
			require.NoError(t, err)
			_, err = l.Target()
			require.NoError(t, err)
			require.Equal(t, map[string]int64{
				"root": 1, "timestamp": repo.Version("timestamp"), "snapshot": repo.Version("snapshot"),
			}, storedVersions(t, store))
		}
	})
}

// on the way along a chain of roots, a process may meet one that is
// ahead: what that one saved stays, and both arrive.
func TestTwoProcessesOnOneChainOfRoots(t *testing.T) {
	eachStore(t, func(t *testing.T, store verify.Store) {
		repo := verifytest.New(verifytest.Options{})
		repo.Publish()
		for range 5 {
			repo.Touch("root")
			repo.PublishOnly("root")
		}
		source := repo.Metadata().Source()
		a, b := resume(t, repo, store), resume(t, repo, store)
		require.NoError(t, a.Run(t.Context(), store, func(ctx context.Context, req verify.Request) ([]byte, error) {
			if req.Path == "3.root.json" {
				require.NoError(t, b.Run(ctx, store, source))
			}
			return source(ctx, req)
		}))
		require.Equal(t, int64(6), storedVersions(t, store)["root"])
	})
}

// Each root is saved once under its version, whatever others save meanwhile.
func TestEachRootIsSavedOnce(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	for range 4 {
		repo.PublishOnly("root")
	}
	store := verifytest.Store{}
	s := resume(t, repo, store)
	var saved []string
	for b, ok := s.Next(); ok; b, ok = s.Next() {
		for _, rec := range b.Save {
			saved = append(saved, rec.StoreName)
			if rec.StoreName == "2.root.json" { // another process is there already
				store["root.json"] = repo.Metadata()["5.root.json"]
			}
		}
		require.NoError(t, s.Save(t.Context(), store, b.Save))
		for _, req := range b.Fetch {
			answer(t, s, repo.Metadata(), req)
		}
	}
	require.NoError(t, s.Err())
	slices.Sort(saved)
	require.Equal(t, []string{"1.root.json", "2.root.json", "3.root.json", "4.root.json", "5.root.json",
		"root.json", "root.json", "snapshot.json", "targets.json", "timestamp.json"}, saved)
}

// one that cannot come as far as the root that another process has
// saved meanwhile does not succeed.
func TestAChainOfRootsThatEndsBeforeTheStoredOne(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	for range 4 {
		repo.PublishOnly("root")
	}
	store := verifytest.Store{}
	s := resume(t, repo, store)
	err := s.Run(t.Context(), store, func(ctx context.Context, req verify.Request) ([]byte, error) {
		switch req.Path {
		case "3.root.json":
			store["root.json"] = repo.Metadata()["5.root.json"]
		case "4.root.json":
			return nil, verify.ErrNotAtSource
		}
		return repo.Metadata().Source()(ctx, req)
	})
	stored := new(verify.StoredRootError)
	require.ErrorAs(t, err, &stored)
	require.Equal(t, &verify.StoredRootError{Name: "root.json", Stored: 5, Found: 3}, stored)
}

// Stored, architecture "several candidates": the highest version among those
// that count is the stored version, and at most 16 are looked at.
func TestStoredCandidates(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	var timestamps, snapshots [][]byte
	for range 5 {
		timestamps = append(timestamps, repo.Metadata()["timestamp.json"])
		snapshots = append(snapshots, repo.Metadata()[repo.FileName("snapshot")])
		repo.Touch("targets")
		repo.Publish()
	}
	third := timestamps[2]
	begin := func(stored verify.Stored) *verify.Session { return newSession(t, repo, stored, verify.Options{}) }
	behind := repo.Metadata().Clone()
	behind["timestamp.json"] = third
	for i, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 4, 0}} {
		var files [][]byte
		for _, k := range order {
			files = append(files, timestamps[k])
		}
		files = append(files, []byte("junk"))
		s := begin(verify.Stored{Timestamp: files})
		rollback := new(verify.RollbackError)
		require.ErrorAs(t, s.Run(t.Context(), nil, behind.Source()), &rollback, i)
		require.Equal(t, versionOf(t, timestamps[4]), rollback.Trusted, "the highest of them")
	}
	loaded := verify.LoadStored(t.Context(), bucket{"timestamp.json": timestamps, "snapshot.json": snapshots})
	require.Equal(t, timestamps, loaded.Timestamp)
	require.Equal(t, snapshots, loaded.Snapshot)
	s := begin(verify.Stored{Snapshot: snapshots})
	require.ErrorIs(t, s.Run(t.Context(), nil, behind.Source()), verify.ErrRollback,
		"snapshot 3 lists older targets than snapshot 5")

	// Too many: a warning, and the newest are looked at, wherever they stand.
	many := slices.Repeat([][]byte{timestamps[0]}, 16)
	s = begin(verify.Stored{Timestamp: append(many, timestamps[4])})
	limit := new(verify.LimitError)
	require.ErrorAs(t, errors.Join(s.Warnings()...), &limit)
	require.Equal(t, "candidates", limit.What)
	require.ErrorIs(t, s.Run(t.Context(), nil, behind.Source()), verify.ErrRollback, "the newest is among the 16")
	s = begin(verify.Stored{Timestamp: append([][]byte{[]byte("junk")}, many...)})
	require.NotErrorIs(t, errors.Join(s.Warnings()...), verify.ErrSyntax, "the last of 17 is not even read")
	s = begin(verify.Stored{Timestamp: append([][]byte{[]byte("junk")}, many[1:]...)})
	require.NotErrorIs(t, errors.Join(s.Warnings()...), verify.ErrLimit)
	require.ErrorIs(t, errors.Join(s.Warnings()...), verify.ErrSyntax, "all of 16 are")
}

// ProvideSaved: a saved body is judged like any other and not offered for
// saving again; what a source brought is.
func TestSavedBodiesAreNotSavedAgain(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "role", Paths: []string{"*"}}).AddTarget("app", nil)
	repo.Publish()
	repo.Touch("root")
	repo.PublishOnly("root")
	store := verifytest.Store{}
	names := func(live bool, stored verify.Stored) (saved []string) {
		s := newSession(t, repo, stored, verify.Options{})
		s.Lookup("app")
		for b, ok := s.Next(); ok; b, ok = s.Next() {
			for _, rec := range b.Save {
				saved = append(saved, rec.StoreName)
				require.NotEmpty(t, rec.Path)
				require.Equal(t, string(repo.Metadata()[rec.Path]), string(rec.Data), "Record.Path is where a mirror has it")
			}
			require.NoError(t, s.Save(t.Context(), store, b.Save))
			for _, req := range b.Fetch {
				data, ok := store[req.StoreName]
				switch body, there := repo.Metadata()[req.Path]; {
				case ok && !live:
					require.NoError(t, s.ProvideSaved(req.ID, data))
				case there:
					require.NoError(t, s.Provide(req.ID, body))
				default:
					require.NoError(t, s.NotFound(req.ID))
				}
			}
		}
		require.NoError(t, s.Err())
		slices.Sort(saved)
		return saved
	}
	require.Equal(t, []string{
		"1.root.json", "2.root.json", "role.role.json", "root.json", "snapshot.json", "targets.json", "timestamp.json",
	}, names(true, verify.Stored{}))
	stored := verify.LoadStored(t.Context(), store)
	require.Empty(t, names(false, stored))
	require.Equal(t, []string{"2.root.json", "role.role.json", "targets.json"}, names(true, stored),
		"the same versions, from a mirror")
	require.Equal(t, []string{"1.root.json", "root.json", "timestamp.json"}, names(false, verify.Stored{}),
		"what no request was answered with")
	junk := resume(t, repo, store)
	b, _ := junk.Next()
	require.ErrorAs(t, junk.ProvideSaved(b.Fetch[0].ID, []byte("junk")), new(*verify.RejectError))
}

// The trusted root that the caller passes is saved under its version, once
// another file that is signed under it was accepted; a wrong one never comes to
// lie there.
func TestTheTrustedRootIsSavedUnderItsVersion(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	store := verifytest.Store{}
	begun(t, repo, store, verify.Options{})
	require.Equal(t, string(repo.TrustedRoot()), string(store["1.root.json"]))
	require.Equal(t, string(repo.TrustedRoot()), string(store["root.json"]))

	other := verifytest.New(verifytest.Options{Seed: "another repository"})
	other.Publish()
	wrong := verifytest.Store{}
	s, err := verify.New(other.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.ErrorIs(t, s.Run(t.Context(), wrong, repo.Metadata().Source()), verify.ErrThreshold)
	require.Empty(t, wrong)
}

// A store that fails ends the session; a nil store saves nothing.
func TestSaveThatFails(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	full := errors.New("disk full")
	for _, store := range []verify.Store{failing{full}, failingLock{failing{full}}} {
		s := resume(t, repo, nil)
		l := s.Lookup("x")
		require.ErrorIs(t, s.Run(t.Context(), store, repo.Metadata().Source()), full)
		require.ErrorIs(t, s.Err(), verify.ErrSave)
		_, err := l.Target()
		require.ErrorIs(t, err, full)
		require.ErrorIs(t, s.Save(t.Context(), verifytest.Store{}, nil), verify.ErrSave)
	}
	s := resume(t, repo, nil)
	require.NoError(t, s.Run(t.Context(), nil, repo.Metadata().Source()))
}

type failing struct{ err error }

func (f failing) Load(_ context.Context, name string) ([]byte, error) {
	return nil, fmt.Errorf("%s: %w", name, f.err)
}
func (f failing) Save(context.Context, verify.Record) error { return f.err }

type failingLock struct{ failing }

func (f failingLock) Lock(context.Context) (func(), error) { return nil, f.err }

// A run whose context ends can be gone on with.
func TestRunGoesOnAfterItsContextEnded(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app", nil)
	repo.Publish()
	for stop := range 5 {
		s := resume(t, repo, nil)
		l := s.Lookup("app")
		ctx, cancel := context.WithCancel(t.Context())
		asked := 0
		err := s.Run(ctx, nil, func(ctx context.Context, req verify.Request) ([]byte, error) {
			if asked++; asked > stop {
				cancel()
				return nil, ctx.Err()
			}
			return repo.Metadata().Source()(ctx, req)
		})
		cancel()
		if stop < 4 {
			require.ErrorIs(t, err, context.Canceled, stop)
			require.ErrorIs(t, s.Err(), verify.ErrInProgress)
		} else {
			require.NoError(t, err, "four files are all that is asked for")
		}
		require.NoError(t, s.Run(t.Context(), nil, repo.Metadata().Source()), stop)
		_, err = l.Target()
		require.NoError(t, err)
	}
}

// When the context ends, no source is asked for the requests that are left.
func TestRunAsksNobodyAfterItsContextEnded(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: 8})
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	source := func(context.Context, verify.Request) ([]byte, error) {
		asked++
		cancel()
		return nil, ctx.Err()
	}
	require.ErrorIs(t, s.Run(ctx, nil, source), context.Canceled)
	require.Equal(t, 1, asked)
	require.Greater(t, len(s.Outstanding()), 1)
}

// A store that cannot be read while a record is saved may hold something newer:
// the save fails. A file that could not be read when the update began is
// replaced.
func TestSaveIntoAStoreThatCannotBeRead(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	for _, broken := range []string{"root.json", "timestamp.json", "snapshot.json"} {
		store := verifytest.Store{}
		unreadable := unreadableStore{store, broken}
		s := resume(t, repo, store) // all could be read
		err := s.Run(t.Context(), unreadable, repo.Metadata().Source())
		require.ErrorIs(t, err, verify.ErrSave, broken)
		require.ErrorIs(t, err, errDisk, broken)

		s = resume(t, repo, unreadable)
		require.NotEmpty(t, s.Warnings(), broken)
		require.NoError(t, s.Run(t.Context(), unreadable, repo.Metadata().Source()), broken)
		require.Contains(t, store, broken)
	}
}

// unreadableStore fails to read one file.
type unreadableStore struct {
	verifytest.Store
	name string
}

func (s unreadableStore) Load(ctx context.Context, name string) ([]byte, error) {
	if name == s.name {
		return nil, errDisk
	}
	return s.Store.Load(ctx, name)
}

// A record of another session is not saved: there is nothing to compare it
// with.
func TestSaveOfAnotherSessionsRecord(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	other := newClient(t, repo).session
	var records []verify.Record
	for b, ok := other.Next(); ok; b, ok = other.Next() {
		records = append(records, b.Save...)
		for _, req := range b.Fetch {
			answer(t, other, repo.Metadata(), req)
		}
	}
	store := verifytest.Store{}
	require.ErrorContains(t, newClient(t, repo).session.Save(t.Context(), store, records), "not of this session")
	require.NotContains(t, store, "timestamp.json")
}
