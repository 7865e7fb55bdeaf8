package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// What a caller in a hurry gets wrong must end in an error or in nothing, never
// in misplaced trust. The numbers are those of the decisions in the project's
// architecture.

// small is a repository with a delegated role and two targets.
func small() *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("top", []byte("hello"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}}).AddTarget("a/1", []byte("hello"))
	repo.Publish()
	return repo
}

// next returns the one request that a session has.
func (c *client) next() verify.Request {
	c.Helper()
	b, ok := c.session.Next()
	require.True(c, ok)
	require.Len(c, b.Fetch, 1)
	return b.Fetch[0]
}

// body returns what the repository has for a request.
func (c *client) body(req verify.Request) []byte {
	c.Helper()
	data, err := c.Metadata().Source()(req)
	require.NoError(c, err)
	return data
}

// forward answers requests until one for the given role is open, which it
// returns.
func (c *client) forward(role string) verify.Request {
	c.Helper()
	for {
		req := c.next()
		if req.Role == role {
			return req
		}
		if req.Optional {
			require.NoError(c, c.session.NotFound(req.ID))
		} else {
			require.NoError(c, c.session.Provide(req.ID, c.body(req)))
		}
	}
}

func TestDecision1TheCacheIsNoMirror(t *testing.T) {
	repo := small()
	store := verifytest.Store{}
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(store, repo.Metadata().Source()))

	// The cache in the place of a mirror: it has no word on what exists.
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	l := s.Lookup("top")
	err = s.Run(store, func(r verify.Request) ([]byte, error) { return store.Load(r.StoreName) })
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, verify.ErrNotAtSource)
	_, err = l.Target()
	require.Error(t, err)

	// No live source at all: nothing is said not to exist, and nothing is
	// found.
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.ErrorContains(t, s.Run(store), "there is no live source")

	// A store may return nonsense: it is no answer, and does not say no.
	nonsense := storeFunc(func(name string) ([]byte, error) { return []byte("nonsense"), nil })
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(nonsense.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(nonsense, repo.Metadata().Source()))

	// One live source does not know, another fails: the file may exist.
	s, err = verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	broken := func(verify.Request) ([]byte, error) { return nil, errors.New("timeout") }
	require.ErrorContains(t, s.Run(nil, repo.Metadata().Source(), broken), "not found at the source; source 2 of 2: timeout")

	// What came from the store is not saved again.
	saves := 0
	counting := countingStore{store, &saves}
	s, err = verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(counting, repo.Metadata().Source()))
	require.Zero(t, saves)
}

type storeFunc func(string) ([]byte, error)

func (f storeFunc) Load(name string) ([]byte, error) { return f(name) }
func (f storeFunc) Save(verify.Record) error         { return nil }

type countingStore struct {
	verifytest.Store
	saves *int
}

func (s countingStore) Save(rec verify.Record) error {
	*s.saves++
	return s.Store.Save(rec)
}

func TestDecision2TheAnchorIsAnArgument(t *testing.T) {
	repo, evil := small(), verifytest.New(verifytest.Options{Seed: "evil"})
	evil.PublishOnly("root")
	// A root in the cache, of the attacker's keys, of a version that exists and
	// of one that does not (GHSA-9pfj-pjv5-22gj).
	repo.PublishOnly("root")
	store := verifytest.Store{"2.root.json": evil.Metadata()["2.root.json"]}
	s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(store, repo.Metadata().Source()))
	require.EqualValues(t, 2, s.Version("root"))
	require.Equal(t, repo.Metadata()["2.root.json"], store["2.root.json"], "and the forgery is replaced")

	// A stranger's root by mistake: nothing of it stays in the cache.
	evil.PublishOnly("root")
	store = verifytest.Store{}
	s, err = verify.New(evil.Metadata()["3.root.json"], verify.LoadStored(store.Load), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.ErrorIs(t, s.Run(store, repo.Metadata().Source()), roles.ErrThreshold)
	require.Empty(t, store)

	for _, anchor := range []string{"", "{}", "nonsense"} {
		_, err := verify.New([]byte(anchor), verify.Stored{}, repo.Now(), verify.Options{})
		require.ErrorContains(t, err, "initial trusted root: ")
	}
	_, err = verify.New(repo.Metadata()["timestamp.json"], verify.Stored{}, repo.Now(), verify.Options{})
	require.ErrorContains(t, err, `want "root"`)
}

// G5, R14.
func TestDecision3TheTimeIsAnArgument(t *testing.T) {
	repo := small()
	_, err := verify.New(repo.TrustedRoot(), verify.Stored{}, time.Time{}, verify.Options{})
	require.ErrorIs(t, err, verify.ErrTime)
	c := newClient(t, repo)
	c.mustFind("top")
	require.ErrorIs(t, c.session.Refresh(time.Time{}), verify.ErrTime)
	require.ErrorIs(t, c.session.Refresh(repo.Now().Add(-time.Nanosecond)), verify.ErrTime)
	require.NoError(t, c.session.Err(), "a refused Refresh changes nothing")
	require.NoError(t, c.session.Refresh(repo.Now()))
	// one time for the whole cycle; Target.Expires says when the
	// answer is stale.
	target := c.mustFind("top")
	require.Equal(t, repo.Now().Add(24*time.Hour), target.Expires.UTC())
	require.Equal(t, target.Expires, c.session.Expires())
	require.NoError(t, c.session.Refresh(target.Expires.Add(-time.Nanosecond)))
	c.mustFind("top")
	require.NoError(t, c.session.Refresh(target.Expires))
	_, err = c.lookup("top")
	require.ErrorIs(t, err, roles.ErrExpired, "expires == now is expired")
}

func TestDecision5ThreeAnswers(t *testing.T) {
	repo := small()
	// Fail never ends the chain of roots.
	c := newClient(t, repo)
	root := c.next()
	require.True(t, root.Optional)
	require.NoError(t, c.session.Fail(root.ID, errors.New("403")))
	require.ErrorContains(t, c.session.Err(), "2.root.json could not be fetched: 403")
	_, ok := c.session.Next()
	require.False(t, ok, "nothing more is asked for")

	// NotFound for anything else is Fail with ErrNotAtSource.
	c = newClient(t, repo)
	timestamp := c.forward("timestamp")
	require.False(t, timestamp.Optional)
	require.NoError(t, c.session.NotFound(timestamp.ID))
	require.ErrorIs(t, c.session.Err(), verify.ErrNotAtSource)
	var fetch *verify.FetchError
	require.ErrorAs(t, c.session.Err(), &fetch)
	require.Equal(t, timestamp, fetch.Request)

	// A source's fault and the caller's are told apart.
	c = newClient(t, repo)
	root = c.next()
	var reject *verify.RejectError
	require.ErrorAs(t, c.session.Provide(root.ID, []byte("x")), &reject)
	require.Equal(t, root, reject.Request)
	for _, id := range []verify.RequestID{0, root.ID + 1, math.MaxUint64} {
		for _, err := range []error{c.session.Provide(id, nil), c.session.NotFound(id), c.session.Fail(id, nil)} {
			require.ErrorIs(t, err, verify.ErrRequest)
			require.NotErrorAs(t, err, &reject)
		}
	}
	require.NoError(t, c.session.NotFound(root.ID))
	for _, err := range []error{c.session.Provide(root.ID, repo.TrustedRoot()), c.session.NotFound(root.ID), c.session.Fail(root.ID, nil)} {
		require.ErrorIs(t, err, verify.ErrRequest)
		require.ErrorContains(t, err, "is done")
	}
	// An ID that is guessed before Next has handed it out.
	require.ErrorContains(t, c.session.Provide(root.ID+1, repo.Metadata()["timestamp.json"]), "has not been handed out")
	require.Equal(t, "timestamp", c.next().Role)

	// A cause need not be given.
	require.NoError(t, c.session.Fail(c.session.Outstanding()[0].ID, nil))
	require.ErrorContains(t, c.session.Err(), "given up")
}

func TestDecision8ReusedBuffer(t *testing.T) {
	repo := small()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	l := s.Lookup("a/1")
	buffer := make([]byte, 1<<16)
	var records []verify.Record
	for {
		b, ok := s.Next()
		if !ok {
			break
		}
		records = append(records, b.Save...)
		for _, req := range b.Fetch {
			data, err := repo.Metadata().Source()(req)
			if err != nil {
				require.NoError(t, s.NotFound(req.ID))
				continue
			}
			n := copy(buffer, data)
			require.NoError(t, s.Provide(req.ID, buffer[:n]))
			for i := range buffer {
				buffer[i] = 'x'
			}
		}
	}
	target, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, "a/1", target.Path)
	require.Equal(t, "a", target.Role)
	for _, rec := range records {
		if rec.Role != "root" {
			require.Equal(t, string(repo.Metadata()[repo.FileName(rec.Role)]), string(rec.Data))
		}
	}
	anchor := repo.TrustedRoot()
	s, err = verify.New(anchor, verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	clear(anchor)
	b, _ := s.Next()
	require.NoError(t, s.NotFound(b.Fetch[0].ID))
	b, _ = s.Next()
	require.NoError(t, s.Provide(b.Fetch[0].ID, repo.Metadata()["timestamp.json"]))
	b, _ = s.Next()
	require.Equal(t, "root.json", b.Save[0].StoreName)
	require.Equal(t, repo.TrustedRoot(), b.Save[0].Data)
}

func TestDecision9ShortDownload(t *testing.T) {
	c := newClient(t, small())
	target := c.mustFind("top")
	v := target.Verifier()
	_, err := v.Write([]byte("hell"))
	require.NoError(t, err, "so far nothing is wrong")
	require.ErrorIs(t, v.Verify(), roles.ErrLength, "and nothing is right")
	require.ErrorIs(t, target.Copy(&bytes.Buffer{}, strings.NewReader("hell")), roles.ErrLength)
	require.NoError(t, target.Copy(&bytes.Buffer{}, strings.NewReader("hello")))
}

// Decision 11 (D13, F9, CVE-2021-41131): saved names.
func TestDecision11Names(t *testing.T) {
	long := strings.Repeat("n", 300)
	odd := []string{
		"a", "A", "aux", "CON", "nul.txt", "../x", `..\x`, "a/b", "a%2fb", "a%2Fb", ".", "..", " ", "a ", "a.", "é", "e\u0301", "🍺", "\x00", "*", "?", "<>:|\"", "=a", "1.root", "7.root",
		"Foo", "foo", "FOO", "root.json", "role.a", "snapshot.json", long, long + "n", strings.ToUpper(long), strings.Repeat("/", 60), strings.Repeat("/", 70),
	}
	seen := map[string]string{"root.json": "root", "timestamp.json": "timestamp", "snapshot.json": "snapshot", "targets.json": "targets", "1.root.json": "1", "7.root.json": "7"}
	for _, role := range odd {
		name := verify.RecordName(role)
		require.Regexp(t, `^role\.[a-z0-9%_=-]*\.json$`, name)
		require.LessOrEqual(t, len(name), 200)
		other, ok := seen[strings.ToLower(name)]
		require.False(t, ok, "%q and %q have the same name", role, other)
		seen[strings.ToLower(name)] = role
	}
	require.Equal(t, "role.bins-0a.json", verify.RecordName("bins-0a"))
	require.Equal(t, "targets.json", verify.RecordName("targets"))

	// The session gives these names out, not the wire's, and asks for the
	// wire's.
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "../X", Paths: []string{"x"}})
	repo.Publish()
	c := newClient(t, repo)
	c.session.Lookup("x")
	req := c.forward("../X")
	require.Equal(t, "1...%2FX.json", req.Path)
	require.Equal(t, "role.%2e%2e%2f%58.json", req.StoreName)
}

// no delegated role has a name that a top-level one has.
func TestDecision11ReservedNames(t *testing.T) {
	for _, name := range []string{"root", "timestamp", "snapshot", "targets", "mirrors", ""} {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
		repo.Edit("targets", func(signed map[string]any) {
			signed["delegations"].(map[string]any)["roles"].([]any)[0].(map[string]any)["name"] = name
		})
		repo.Publish()
		_, err := newClient(t, repo).lookup("x")
		require.ErrorContains(t, err, fmt.Sprintf("cannot have the name %q", name))
	}
}

func TestDecision16EqualTimestamp(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	c.mustFind("top")
	// The same version with a later expiry: signed, and yet not newer.
	repo.SetVersion("timestamp", repo.Version("timestamp"))
	repo.SetLifetime("timestamp", 1000*time.Hour)
	repo.PublishOnly("timestamp")
	repo.Advance(23 * time.Hour)
	require.NoError(t, c.session.Refresh(repo.Now()))
	target := c.mustFind("top")
	require.Equal(t, repo.Now().Add(time.Hour), target.Expires.UTC(), "the old one is kept")
	repo.Advance(time.Hour)
	require.NoError(t, c.session.Refresh(repo.Now()))
	req := c.forward("timestamp")
	err := c.session.Provide(req.ID, c.body(req))
	require.ErrorIs(t, err, roles.ErrExpired)
	require.Equal(t, []verify.Request{req}, c.session.Outstanding(), "the request stays open")
	repo.PublishOnly("timestamp")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)), "for a newer one")
}

func TestDecision18Refresh(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	early := c.session.Lookup("a/1")
	require.ErrorIs(t, c.session.Refresh(repo.Now()), verify.ErrInProgress, "even before Next: the request is open")
	req := c.forward("targets")
	require.ErrorIs(t, c.session.Refresh(repo.Now()), verify.ErrInProgress)
	require.ErrorIs(t, c.session.Err(), verify.ErrInProgress)
	_, err := early.Target()
	require.ErrorIs(t, err, verify.ErrPending)

	// The cycle fails: pending lookups report it, and so do those that come now
	// (R15).
	require.NoError(t, c.session.Fail(req.ID, errors.New("no network")))
	late := c.session.Lookup("a/1")
	b, ok := c.session.Next()
	require.True(t, ok)
	require.Equal(t, []*verify.Lookup{early, late}, b.Done)
	for _, l := range b.Done {
		_, err := l.Target()
		require.ErrorContains(t, err, "no network")
	}
	require.Nil(t, c.session.Targets())

	// The next cycle: Find waits for it, settled lookups keep their answer, IDs
	// go on.
	require.NoError(t, c.session.Refresh(repo.Now()))
	waiting := c.session.Lookup("a/1")
	again := c.forward("a")
	require.Greater(t, again.ID, req.ID)
	require.NoError(t, c.session.Provide(again.ID, c.body(again)))
	b, _ = c.session.Next()
	require.Equal(t, []*verify.Lookup{waiting}, b.Done)
	good, err := waiting.Target()
	require.NoError(t, err)
	_, err = early.Target()
	require.ErrorContains(t, err, "no network")

	// A cycle that fails later does not take back what was settled, and serves
	// nothing from before.
	require.NoError(t, c.session.Refresh(repo.Now()))
	between := c.session.Lookup("a/1")
	require.NoError(t, c.session.Fail(c.next().ID, errors.New("no network")))
	_, _ = c.session.Next()
	_, err = between.Target()
	require.ErrorContains(t, err, "no network")
	same, err := waiting.Target()
	require.NoError(t, err)
	require.Same(t, good, same)

	// A role that failed is asked for again by the next Find.
	c = newClient(t, repo)
	first := c.session.Lookup("a/1")
	require.NoError(t, c.session.Fail(c.forward("a").ID, errors.New("timeout")))
	_, _ = c.session.Next()
	_, err = first.Target()
	require.ErrorContains(t, err, "timeout")
	require.NoError(t, c.session.Err(), "the cycle itself succeeded")
	c.mustFind("a/1")
}

func TestDecision19NothingIsUsedBeforeItIsSaved(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	l := c.session.Lookup("a/1")
	req := c.forward("a")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrPending, "the record has not been handed out")
	require.Nil(t, l.Trail())
	b, ok := c.session.Next()
	require.True(t, ok)
	require.Equal(t, "role.a.json", b.Save[len(b.Save)-1].StoreName, "it comes with the lookup that rests on it")
	require.Equal(t, []*verify.Lookup{l}, b.Done)
	_, err = l.Target()
	require.NoError(t, err)
	require.Len(t, l.Trail(), 2)

	// Next called late: all that happened comes at once, records first.
	c = newClient(t, repo)
	for range 3 {
		c.session.Lookup("top")
	}
	req = c.forward("targets")
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	b, _ = c.session.Next()
	require.Len(t, b.Save, 1)
	require.Len(t, b.Done, 3)
	_, ok = c.session.Next()
	require.False(t, ok, "and calling often gives nothing twice")

	// A save that fails makes the session useless, and the lookups that came
	// with it too.
	for n := range 6 {
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
		require.NoError(t, err)
		l := s.Lookup("a/1")
		store := &failingStore{left: n}
		err = s.Run(store, repo.Metadata().Source())
		if n == 5 {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, verify.ErrSave)
		require.ErrorIs(t, err, errDisk)
		_, err = l.Target()
		require.ErrorIs(t, err, verify.ErrSave, n)
		require.ErrorIs(t, s.Err(), verify.ErrSave)
		require.ErrorIs(t, s.Refresh(repo.Now()), verify.ErrSave)
		require.ErrorIs(t, s.Provide(1, nil), verify.ErrSave)
		after := s.Lookup("top")
		require.ErrorIs(t, s.Run(verifytest.Store{}, repo.Metadata().Source()), verify.ErrSave)
		_, err = after.Target()
		require.ErrorIs(t, err, verify.ErrSave)
	}
}

// A caller of Next whose save fails says so, and what came with the record is
// useless; what was handed out before is not.
func TestAbandon(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	earlier := c.session.Lookup("top")
	late := c.session.Lookup("a/1")
	req := c.forward("a")
	_, err := earlier.Target()
	require.NoError(t, err)
	require.NoError(t, c.session.Provide(req.ID, c.body(req)))
	b, _ := c.session.Next()
	require.Len(t, b.Save, 1)
	require.Equal(t, []*verify.Lookup{late}, b.Done)
	c.session.Abandon(errDisk)
	_, err = late.Target()
	require.ErrorIs(t, err, verify.ErrSave)
	require.ErrorIs(t, err, errDisk)
	require.ErrorIs(t, c.session.Err(), verify.ErrSave)
	_, err = earlier.Target()
	require.NoError(t, err)
	_, ok := c.session.Next()
	require.False(t, ok)
}

var errDisk = errors.New("no space left on device")

// failingStore takes so many records and no more.
type failingStore struct{ left int }

func (s *failingStore) Load(string) ([]byte, error) { return nil, fs.ErrNotExist }

func (s *failingStore) Save(verify.Record) error {
	if s.left == 0 {
		return errDisk
	}
	s.left--
	return nil
}

// Decision 10 and 4: a rejected body leaves everything as it was, for every
// request and every kind of wrong body.
func TestDecision4RejectedBodiesChangeNothing(t *testing.T) {
	repo := small()
	other := verifytest.New(verifytest.Options{Seed: "other"})
	c := newClient(t, repo)
	l := c.session.Lookup("a/1")
	for range 6 {
		req := c.next()
		wrong := [][]byte{nil, {}, []byte("<html>"), []byte("null"), bytes.Repeat([]byte("["), 1000), make([]byte, req.MaxBytes+1), other.TrustedRoot(), repo.TrustedRoot()}
		if data, err := repo.Metadata().Source()(req); err == nil {
			flipped := bytes.Clone(data)
			flipped[len(flipped)/2] ^= 1
			wrong = append(wrong, flipped, data[:len(data)-1], append(bytes.Clone(data), 'x'))
		}
		for _, other := range repo.Metadata() {
			if data, err := repo.Metadata().Source()(req); err != nil || !bytes.Equal(data, other) {
				wrong = append(wrong, other)
			}
		}
		for _, body := range wrong {
			var reject *verify.RejectError
			err := c.session.Provide(req.ID, body)
			require.ErrorAs(t, err, &reject, "%s: %.40q", req.Path, body)
			_, ok := c.session.Next()
			require.False(t, ok)
			require.Equal(t, []verify.Request{req}, c.session.Outstanding())
		}
		if req.Optional {
			require.NoError(t, c.session.NotFound(req.ID))
		} else {
			require.NoError(t, c.session.Provide(req.ID, c.body(req)))
		}
		if req.Role == "a" {
			break
		}
	}
	_, _ = c.session.Next()
	_, err := l.Target()
	require.NoError(t, err)
}
