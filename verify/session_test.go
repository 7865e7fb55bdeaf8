package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// an anchor that has expired long ago, and a cache
// whose roots are all good or partly poisoned.
func TestExpiredAnchor(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Advance(3 * 365 * 24 * time.Hour)
	for range 3 {
		repo.PublishOnly("root")
	}
	repo.Touch("targets")
	repo.Publish()
	store := verifytest.Store{}
	for _, poison := range []string{"", "2.root.json", "3.root.json", "4.root.json"} {
		if poison != "" {
			store[poison] = repo.TrustedRoot()
		}
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
		require.NoError(t, err)
		require.NoError(t, s.Run(store, repo.Metadata().Source()), poison)
		require.EqualValues(t, 4, s.Version("root"))
		require.Equal(t, repo.Metadata()["4.root.json"], store["root.json"])
		if poison != "" {
			require.Equal(t, repo.Metadata()[poison], store[poison], "and mended")
		}
	}
}

// R-5.3.3a, R-5.4.1, R-5.5.1, R-5.6.1, R-5.3.12 (rust-tuf#292,
// tiup#1878): what is asked for, under which names, and how much of it is
// taken.
func TestRequests(t *testing.T) {
	for _, o := range []verifytest.Options{{}, {NoConsistentSnapshot: true}, {MetaHashes: true}, {NoConsistentSnapshot: true, MetaHashes: true}, {EnvelopeFormat: metadata.DSSE}, {EnvelopeFormat: metadata.DSSE, MetaHashes: true}} {
		repo := verifytest.New(o)
		repo.Targets().Delegate(verifytest.Delegation{Name: "a b", Paths: []string{"*"}}).AddTarget("x", []byte("hello"))
		repo.Publish()
		c := newClient(t, repo)
		c.session.Lookup("x")
		name := func(role string, version int) string {
			if o.NoConsistentSnapshot {
				version = 0
			}
			return metadata.FileName(role, int64(version))
		}
		length := func(role string, limit int64) int64 {
			if o.MetaHashes {
				return int64(len(repo.Metadata()[repo.FileName(role)]))
			}
			return limit
		}
		require.Equal(t, verify.Request{ID: 1, Role: "root", Version: 2, Delegator: "root", Path: "2.root.json", StoreName: "2.root.json", MaxBytes: 512_000, Optional: true}, c.forward("root"))
		require.NoError(t, c.session.NotFound(1))
		for _, want := range []verify.Request{
			{ID: 2, Role: "timestamp", Delegator: "root", Path: "timestamp.json", MaxBytes: 16_384},
			{ID: 3, Role: "snapshot", Version: 2, Delegator: "root", Path: name("snapshot", 2), StoreName: "snapshot.json", MaxBytes: length("snapshot", 8_000_000)},
			{ID: 4, Role: "targets", Version: 2, Delegator: "root", Path: name("targets", 2), StoreName: "targets.json", MaxBytes: length("targets", 8_000_000)},
			{ID: 5, Role: "a b", Version: 1, Delegator: "targets", Path: name("a b", 1), StoreName: "role.a%20b.json", MaxBytes: length("a b", 8_000_000)},
		} {
			got := c.next()
			require.Equal(t, want, got)
			err := c.session.Provide(got.ID, make([]byte, got.MaxBytes+1))
			if o.MetaHashes && got.Role != "timestamp" {
				require.ErrorIs(t, err, roles.ErrLength, "the signed length is exact")
			} else {
				require.ErrorIs(t, err, verify.ErrLimit)
			}
			require.NoError(t, c.session.Provide(got.ID, c.body(got)))
		}
		require.NoError(t, c.session.Err())
	}
}

// R-5.6.6 (J12): each file is
// handed out to be saved, byte for byte, before the next one is asked for.
func TestRecords(t *testing.T) {
	repo := small()
	repo.PublishOnly("root")
	for name, data := range repo.Metadata() {
		repo.Metadata()[name] = append(data, " \n"...) // white space that is not signed
	}
	c := newClient(t, repo)
	c.session.Lookup("a/1")
	var got []string
	for {
		b, ok := c.session.Next()
		if !ok {
			break
		}
		for _, rec := range b.Save {
			got = append(got, rec.StoreName)
			require.Equal(t, repo.Metadata()[repo.FileName(rec.Role)], rec.Data)
			require.Equal(t, repo.Version(rec.Role), rec.Version)
			clear(rec.Data) // the record is the caller's
		}
		for _, req := range b.Fetch {
			got = append(got, "ask "+req.Path)
			if data, err := repo.Metadata().Source()(req); err == nil {
				require.NoError(t, c.session.Provide(req.ID, data))
			} else {
				require.NoError(t, c.session.NotFound(req.ID))
			}
		}
	}
	require.Equal(t, []string{
		"ask 2.root.json", "2.root.json", "root.json", "ask 3.root.json", "ask timestamp.json", "timestamp.json",
		"ask 2.snapshot.json", "snapshot.json", "ask 2.targets.json", "targets.json", "ask 1.a.json", "role.a.json",
	}, got)
}

// R-5.3.3b (R4, tough-roots): only the word that it does not exist ends the
// chain of roots.
func TestOnlyNotFoundEndsTheChain(t *testing.T) {
	repo := small()
	for _, status := range []error{errors.New("403"), errors.New("500"), fs.ErrNotExist, fs.ErrPermission} {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		err = s.Run(nil, func(r verify.Request) ([]byte, error) {
			if r.Role == "root" {
				return nil, status
			}
			return repo.Metadata().Source()(r)
		})
		require.ErrorIs(t, err, status)
		require.Zero(t, s.Version("timestamp"))
	}
}

// forgery is something that is wrong with the newest file of a role, as it is
// published.
type forgery struct {
	name string
	do   func(repo *verifytest.Repo, role string)
	want error
}

// forgeries are wrong in the same way for every role (K*, R*, CVE-2026-6967):
// signatures, type, expiry.
var forgeries = []forgery{
	{"unsigned", func(repo *verifytest.Repo, role string) {
		repo.EditEnvelope(role, func(e map[string]any) { e["signatures"] = []any{} })
	}, roles.ErrThreshold},
	{"signed by a stranger", func(repo *verifytest.Repo, role string) { repo.SignWith(role, repo.Key("stranger")) }, roles.ErrThreshold},
	{"signed by the timestamp's key", func(repo *verifytest.Repo, role string) {
		if role == "timestamp" {
			repo.SignWith(role, repo.Key("snapshot"))
		} else {
			repo.SignWith(role, repo.Key("timestamp"))
		}
	}, roles.ErrThreshold},
	{"changed after it was signed", func(repo *verifytest.Repo, role string) {
		repo.EditEnvelope(role, func(e map[string]any) { editContent(e, func(content map[string]any) { content["version"] = int64(7) }) })
	}, roles.ErrThreshold},
	{"two signatures with one key ID", func(repo *verifytest.Repo, role string) {
		repo.SignWith(role, append(repo.Keys(role), repo.Keys(role)...)...)
	}, metadata.ErrSyntax},
	{"another type", func(repo *verifytest.Repo, role string) {
		repo.Edit(role, func(s map[string]any) { s["_type"] = "mirrors" })
	}, metadata.ErrSyntax},
	{"another specification", func(repo *verifytest.Repo, role string) {
		repo.Edit(role, func(s map[string]any) { s["spec_version"] = "2.0.0" })
	}, metadata.ErrSyntax},
	{"expired", func(repo *verifytest.Repo, role string) { repo.SetLifetime(role, 0) }, roles.ErrExpired},
	{"no time of expiry", func(repo *verifytest.Repo, role string) {
		repo.Edit(role, func(s map[string]any) { s["expires"] = "never" })
	}, metadata.ErrSyntax},
}

//
// every role's file is refused for the same reasons,
// delegated ones at any depth included.
func TestForgeries(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot", "targets", "one", "three"} {
		for _, f := range append(slices.Clone(forgeries), forgery{"another version inside", func(repo *verifytest.Repo, role string) {
			repo.Edit(role, func(s map[string]any) { s["version"] = int64(9) })
		}, roles.ErrVersion}) {
			if role == "timestamp" && f.want == roles.ErrVersion {
				continue // nobody lists its version
			}
			inBothForms(t, role+", "+f.name, func(t *testing.T, form metadata.EnvelopeFormat) {
				repo := verifytest.New(verifytest.Options{EnvelopeFormat: form})
				one := repo.Targets().Delegate(verifytest.Delegation{Name: "one", Paths: []string{"*"}})
				three := one.Delegate(verifytest.Delegation{Name: "two", Paths: []string{"*"}}).Delegate(verifytest.Delegation{Name: "three", Paths: []string{"*"}})
				three.AddTarget("x", []byte("hello"))
				f.do(repo, role)
				repo.Publish()
				c := newClient(t, repo)
				l := c.session.Lookup("x")
				req := c.forward(role)
				err := c.session.Provide(req.ID, c.body(req))
				require.ErrorIs(t, err, f.want)
				require.NoError(t, c.session.Fail(req.ID, err))
				_, _ = c.session.Next()
				target, err := l.Target()
				require.Nil(t, target)
				require.ErrorIs(t, err, f.want)
				if role == "one" || role == "three" {
					require.NoError(t, c.session.Err())
				} else {
					require.ErrorIs(t, c.session.Err(), f.want)
					require.Zero(t, c.session.Version(role), "not even a part of it is taken")
				}
			})
		}
	}
}

// length and hashes of every listed file,
// before anything else is looked at.
func TestListedHashes(t *testing.T) {
	for _, role := range []string{"snapshot", "targets", "a"} {
		repo := verifytest.New(verifytest.Options{MetaHashes: true})
		repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}}).AddTarget("x", []byte("hello"))
		repo.Publish()
		c := newClient(t, repo)
		c.session.Lookup("x")
		req := c.forward(role)
		good := c.body(req)
		respelled := bytes.Replace(good, []byte(" "), []byte("\n"), 1)
		require.ErrorIs(t, c.session.Provide(req.ID, respelled), roles.ErrHash, "the same content, other bytes")
		require.ErrorIs(t, c.session.Provide(req.ID, good[:len(good)-1]), roles.ErrLength)
		require.ErrorIs(t, c.session.Provide(req.ID, append(bytes.Clone(good), ' ')), roles.ErrLength)
		require.NoError(t, c.session.Provide(req.ID, good))
	}
	for _, hashes := range []map[string]any{{}, {"unknown": "00"}} {
		repo := verifytest.New(verifytest.Options{})
		repo.Edit("snapshot", func(s map[string]any) {
			s["meta"].(map[string]any)["targets.json"].(map[string]any)["hashes"] = hashes
		})
		repo.Publish()
		_, err := newClient(t, repo).lookup("x")
		require.ErrorIs(t, err, roles.ErrHash)
		require.ErrorContains(t, err, "no supported algorithm")
	}
}

// R-5.5.5b, R7: what has expired is no longer used, but nobody may
// fall behind it.
func TestExpiredFloors(t *testing.T) {
	repo := small()
	old := repo.Metadata().Clone()
	repo.Publish()
	store := verifytest.Store{}
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(store, repo.Metadata().Source()))
	repo.Advance(30 * 24 * time.Hour) // timestamp and snapshot have expired
	run := func(files verifytest.Files) error {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
		require.NoError(t, err)
		return s.Run(store, files.Source())
	}
	require.ErrorIs(t, run(old), roles.ErrRollback, "older, whether or not it has expired too")
	require.ErrorIs(t, run(repo.Metadata()), roles.ErrExpired)
	// New, but with a role gone back.
	repo.SetVersion("a", 1)
	repo.Edit("snapshot", func(s map[string]any) {
		s["meta"].(map[string]any)["targets.json"].(map[string]any)["version"] = int64(1)
	})
	repo.Publish()
	require.ErrorIs(t, run(repo.Metadata()), roles.ErrRollback)
	repo.Edit("snapshot", nil)
	repo.Publish()
	require.NoError(t, run(repo.Metadata()))
}

// a saved snapshot stands in for a download only if it is the very
// file that the timestamp names.
func TestSavedSnapshot(t *testing.T) {
	repo := verifytest.New(verifytest.Options{MetaHashes: true})
	store := verifytest.Store{}
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(store, repo.Metadata().Source()))
	asked := func() (paths []string) {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
		require.NoError(t, err)
		require.NoError(t, s.Run(store, func(r verify.Request) ([]byte, error) {
			paths = append(paths, r.Path)
			return repo.Metadata().Source()(r)
		}))
		return paths
	}
	require.Equal(t, []string{"2.root.json", "timestamp.json"}, asked())
	// The same version again with another content, as a repository should not
	// do.
	repo.Edit("snapshot", func(s map[string]any) { s["x"] = "y" })
	repo.SetVersion("snapshot", 1)
	repo.PublishOnly("snapshot", "timestamp")
	require.Equal(t, []string{"2.root.json", "timestamp.json", "1.snapshot.json"}, asked())
}

// no target, only after the whole search: a copy at hand is
// checked like a download.
func TestNoTarget(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	_, err := c.lookup("a/2")
	require.ErrorIs(t, err, verify.ErrNoTarget)
	require.EqualError(t, err, `"a/2": no such target`)
	target := c.mustFind("a/1")
	for content, want := range map[string]error{"hello": nil, "hallo": roles.ErrHash, "hell": roles.ErrLength, "": roles.ErrLength} {
		v := target.Verifier() // a file from the disk
		_, _ = v.Write([]byte(content))
		require.ErrorIs(t, v.Verify(), want, content)
	}
}

// Decision 12: what was not decided is not called absent.
func TestLookupLimit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	next := repo.Targets()
	for i := range 5 {
		next = next.Delegate(verifytest.Delegation{Name: fmt.Sprint("r", i), Paths: []string{"*"}})
	}
	next.AddTarget("x", nil)
	repo.Publish()
	for limit := 1; limit <= 7; limit++ {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Limits: verify.Limits{MaxDelegations: limit}})
		require.NoError(t, err)
		l := s.Lookup("x")
		require.NoError(t, s.Run(nil, repo.Metadata().Source()))
		_, err = l.Target()
		if limit < 6 {
			require.ErrorIs(t, err, verify.ErrLimit)
			require.NotErrorIs(t, err, verify.ErrNoTarget)
			require.Len(t, l.Trail(), limit)
		} else {
			require.NoError(t, err)
		}
	}
}

// Lookups share what they have in common, and the roles that several need are
// asked for at once.
func TestLookupsShare(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().DelegateSuccinct("bin", 4)
	var paths []string
	for i := range 100 {
		paths = append(paths, fmt.Sprint("p", i))
		repo.Targets().AddToBin(paths[i], []byte("hello"))
	}
	repo.Publish()
	c := newClient(t, repo)
	var lookups []*verify.Lookup
	for _, p := range paths {
		lookups = append(lookups, c.session.Lookup(p), c.session.Lookup(p))
	}
	req := c.forward("targets")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	b, _ := c.session.Next()
	require.Len(t, b.Fetch, 16, "one request for each bin, all in one batch")
	for _, req := range b.Fetch {
		require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	}
	b, _ = c.session.Next()
	require.Len(t, b.Done, 200)
	for _, l := range lookups {
		_, err := l.Target()
		require.NoError(t, err)
	}
	require.NotNil(t, c.session.Lookup(paths[0]))
	b, _ = c.session.Next()
	require.Empty(t, b.Fetch)
	require.Len(t, b.Done, 1)
}

func TestDrop(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	l, kept := c.session.Lookup("a/1"), c.session.Lookup("top")
	c.session.Drop(l)
	req := c.forward("targets")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	b, _ := c.session.Next()
	require.Empty(t, b.Fetch, "nothing is asked for on its account")
	require.Equal(t, []*verify.Lookup{kept}, b.Done)
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrPending)
	// Dropped when it is settled and not handed out, or while it waits.
	l = c.session.Lookup("top")
	c.session.Drop(l)
	_, ok := c.session.Next()
	require.False(t, ok)
	l = c.session.Lookup("a/1")
	req = c.next()
	c.session.Drop(l)
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	b, _ = c.session.Next()
	require.Empty(t, b.Done)
	require.Len(t, b.Save, 1)
	c.mustFind("a/1")
}

func TestIntrospection(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	require.EqualValues(t, 1, c.session.Root().Version)
	require.Nil(t, c.session.Timestamp())
	require.Nil(t, c.session.Snapshot())
	require.Nil(t, c.session.Targets())
	require.Equal(t, c.session.Root().Expires, c.session.Expires())
	c.mustFind("top")
	require.Equal(t, repo.Now(), c.session.Time())
	for role, version := range map[string]int64{"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2, "a": 0} {
		require.Equal(t, version, c.session.Version(role))
	}
	require.EqualValues(t, 2, c.session.Timestamp().Snapshot().Version)
	info, ok := c.session.Snapshot().File("a")
	require.True(t, ok)
	require.EqualValues(t, 1, info.Version)
	_, ok = c.session.Targets().File("top")
	require.True(t, ok)
	require.Equal(t, c.session.Timestamp().Expires, c.session.Expires(), "the first to expire")
}

// Decision 7: two processes with one store do not undo each other's work.
func TestKeep(t *testing.T) {
	repo := small()
	session := func(files verifytest.Files, store verifytest.Store) (*verify.Session, map[string]verify.Record) {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		records := recorder{store, map[string]verify.Record{}}
		require.NoError(t, s.Run(records, files.Source()))
		return s, records.records
	}
	before := repo.Metadata().Clone()
	oldStore, newStore := verifytest.Store{}, verifytest.Store{}
	slow, old := session(before, oldStore)
	repo.Publish()
	fast, recent := session(repo.Metadata(), newStore)
	stored := func(m verifytest.Store) verify.Stored { return verify.LoadStored(m.Load) }
	for _, name := range []string{"timestamp.json", "snapshot.json"} {
		require.False(t, slow.Keep(old[name], stored(newStore)), "%s: another process has a newer one", name)
		require.True(t, fast.Keep(recent[name], stored(oldStore)))
		require.True(t, fast.Keep(recent[name], stored(newStore)), "the same again")
		require.True(t, slow.Keep(old[name], verify.Stored{}))
		require.True(t, slow.Keep(old[name], verify.Stored{Root: []byte("x"), Timestamp: []byte("x"), Snapshot: []byte("x")}), "damage is no reason")
	}
	require.True(t, slow.Keep(old["targets.json"], stored(newStore)), "a cache entry")

	// Another process knows a newer root: nothing of this session's is written,
	// since it may rest on rotated keys.
	repo.Rotate("timestamp", 1, repo.Key("new"))
	repo.Publish()
	rotatedStore := verifytest.Store{}
	rotated, newest := session(repo.Metadata(), rotatedStore)
	for _, name := range []string{"root.json", "timestamp.json", "snapshot.json", "targets.json"} {
		require.False(t, fast.Keep(recent[name], stored(rotatedStore)), name)
		require.True(t, rotated.Keep(newest[name], stored(newStore)), "%s: a floor that the new root does not know is none", name)
	}
}

type recorder struct {
	verifytest.Store
	records map[string]verify.Record
}

func (r recorder) Save(rec verify.Record) error {
	r.records[rec.StoreName] = rec
	return r.Store.Save(rec)
}

// A store that cannot be read is not the same as an empty one.
func TestLoadStored(t *testing.T) {
	repo := small()
	stored := verify.LoadStored(func(name string) ([]byte, error) {
		if name == "timestamp.json" {
			return nil, errors.New("input/output error")
		}
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	})
	s, err := verify.New(repo.TrustedRoot(), stored, repo.Now(), verify.Options{})
	require.NoError(t, err)
	warnings := s.Warnings()
	require.Len(t, warnings, 1)
	require.ErrorContains(t, warnings[0], "timestamp: ")
	require.ErrorIs(t, warnings[0], verify.ErrStoredFile)
	require.ErrorContains(t, warnings[0], "input/output error")
	require.NoError(t, s.Run(nil, repo.Metadata().Source()))
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(verifytest.Store{}.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.Empty(t, s.Warnings(), "a first run")
}

// Decision 10: the same answers, the same words.
func TestDeterministic(t *testing.T) {
	transcript := func() string {
		repo := rich(false, metadata.Classic)
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		for i := range 20 {
			s.Lookup(fmt.Sprint("a/", i))
		}
		var out strings.Builder
		for {
			b, ok := s.Next()
			if !ok {
				return out.String()
			}
			fmt.Fprintln(&out, b.Save, b.Fetch)
			for _, l := range b.Done {
				fmt.Fprintln(&out, outcome(l))
			}
			for _, req := range b.Fetch {
				if data, err := repo.Metadata().Source()(req); err == nil {
					require.NoError(t, s.Provide(req.ID, data))
				} else {
					require.NoError(t, s.NotFound(req.ID))
				}
			}
		}
	}
	want := transcript()
	for range 5 {
		require.Equal(t, want, transcript())
	}
}

// Names that would command a terminal do not get there.
func TestErrorsReadWell(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	role := "evil\x1b[2J"
	repo.Targets().Delegate(verifytest.Delegation{Name: role, Paths: []string{"*"}})
	repo.SetLifetime(role, 0)
	repo.Publish()
	c := newClient(t, repo)
	l := c.session.Lookup("x")
	err := c.session.Run(nil, c.Metadata().Source())
	require.NoError(t, err)
	_, err = l.Target()
	require.ErrorIs(t, err, roles.ErrExpired)
	for _, text := range []string{err.Error(), fmt.Sprint(l.Trail())} {
		require.Contains(t, text, `"evil\x1b[2J"`)
		require.NotContains(t, text, "\x1b")
	}
}
