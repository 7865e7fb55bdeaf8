package verify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// begun returns a session that has finished its first update.
func begun(t *testing.T, repo *verifytest.Repo, store verifytest.Store, o verify.Options) *verify.Session {
	t.Helper()
	s := newSession(t, repo, verify.LoadStored(t.Context(), store), o)
	require.NoError(t, s.Run(t.Context(), store, repo.Metadata().Source()))
	return s
}

// asking notes the paths that are asked for.
func asking(paths *[]string, source verify.Source) verify.Source {
	return func(ctx context.Context, req verify.Request) ([]byte, error) {
		*paths = append(*paths, req.Path)
		return source(ctx, req)
	}
}

func withBins(bins int) *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().DelegateBins("bin", bins)
	for i := range 4 * bins {
		path := fmt.Sprintf("file-%d", i)
		repo.Targets().AddToBin(path, []byte(path))
	}
	repo.Publish()
	return repo
}

// binsOf returns the name of the bin's file for a path, and the size of a file.
func binsOf(repo *verifytest.Repo) (bin func(path string) string, size func(name string) int64) {
	bin = func(path string) string { return repo.FileName(repo.Targets().Bin(path).Name()) }
	return bin, func(name string) int64 { return int64(len(repo.Metadata()[name])) }
}

// inTwoBins returns two paths in different bins.
func inTwoBins(bin func(path string) string) (a, b string) {
	a, b = "file-0", "file-1"
	for i := 2; bin(a) == bin(b); i++ {
		b = fmt.Sprintf("file-%d", i)
	}
	return a, b
}

// An update that fails takes nothing away: the session before it goes on
// answering, until its own view expires.
func TestRenewLeavesTheOldSessionAsItIs(t *testing.T) {
	repo := withBins(16)
	old := begun(t, repo, verifytest.Store{}, verify.Options{})
	next, err := old.Renew(verify.Stored{}, repo.Now().Add(time.Hour))
	require.NoError(t, err)
	down := errors.New("no route to host")
	unreachable := func(context.Context, verify.Request) ([]byte, error) { return nil, down }
	require.ErrorIs(t, next.Run(t.Context(), nil, unreachable), down)
	failed := next.Lookup("file-1")
	require.NoError(t, old.Run(t.Context(), nil), "nothing is left to do")

	l := old.Lookup("file-1")
	require.NoError(t, old.Run(t.Context(), nil, repo.Metadata().Source()))
	target, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, int64(len("file-1")), target.Length)
	require.NoError(t, old.Err())
	next.Next()
	_, err = failed.Target()
	require.ErrorIs(t, err, down)

	// And the failed one can be renewed, too.
	again, err := next.Renew(verify.Stored{}, repo.Now().Add(2*time.Hour))
	require.NoError(t, err)
	require.NoError(t, again.Run(t.Context(), nil, repo.Metadata().Source()))
}

// Both sessions may be used at the same time, each by its own goroutine.
func TestRenewSharesNothingThatChanges(t *testing.T) {
	repo := withBins(64)
	old := begun(t, repo, verifytest.Store{}, verify.Options{})
	source := repo.Metadata().Source()
	find := func(s *verify.Session, first int) error {
		for i := first; i < 256; i += 2 {
			l := s.Lookup(fmt.Sprintf("file-%d", i))
			if err := s.Run(context.Background(), nil, source); err != nil {
				return err
			}
			if _, err := l.Target(); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, find(old, 200))
	sessions := []*verify.Session{old}
	for range 3 {
		next, err := old.Renew(verify.Stored{}, repo.Now())
		require.NoError(t, err)
		sessions = append(sessions, next)
	}
	var wait sync.WaitGroup
	errs := make([]error, len(sessions))
	for i, s := range sessions {
		wait.Go(func() { errs[i] = find(s, i%2) })
	}
	wait.Wait()
	require.NoError(t, errors.Join(errs...))
}

// What was verified serves again: nothing is asked for but the next root and
// the timestamp.
func TestRenewOfAnUnchangedRepositoryAsksForTwoFiles(t *testing.T) {
	repo := withBins(16)
	store := verifytest.Store{}
	s := begun(t, repo, store, verify.Options{})
	for i := range 8 {
		s.Lookup(fmt.Sprintf("file-%d", i))
	}
	require.NoError(t, s.Run(t.Context(), store, repo.Metadata().Source()))
	next, err := s.Renew(verify.LoadStored(t.Context(), store), repo.Now())
	require.NoError(t, err)
	var found []*verify.Lookup
	for i := range 8 {
		found = append(found, next.Lookup(fmt.Sprintf("file-%d", i)))
	}
	var asked []string
	require.NoError(t, next.Run(t.Context(), nil, asking(&asked, repo.Metadata().Source())))
	require.Equal(t, []string{"2.root.json", "timestamp.json"}, asked)
	for _, l := range found {
		_, err := l.Target()
		require.NoError(t, err)
	}
}

// Limits.MaxRetainedBytes: the least recently used files are left out first.
func TestRenewTakesOverWhatWasUsedLast(t *testing.T) {
	repo := withBins(16)
	bin, size := binsOf(repo)
	first, last := inTwoBins(bin)
	top := size(repo.FileName("targets"))
	for _, c := range []struct {
		name  string
		room  int64
		asked []string
	}{
		{"room for all", top + size(bin(first)) + size(bin(last)), nil},
		{"room for two", top + size(bin(last)), []string{bin(first)}},
		{"room for one", size(bin(last)), []string{repo.FileName("targets"), bin(first)}},
		{"no room", 1, []string{repo.FileName("targets"), bin(first), bin(last)}},
		{"none at all", -1, []string{repo.FileName("targets"), bin(first), bin(last)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := begun(t, repo, verifytest.Store{}, verify.Options{Limits: verify.Limits{MaxRetainedBytes: c.room}})
			find := func(s *verify.Session, source verify.Source, paths ...string) {
				for _, path := range paths {
					l := s.Lookup(path)
					require.NoError(t, s.Run(t.Context(), nil, source))
					_, err := l.Target()
					require.NoError(t, err)
				}
			}
			find(s, repo.Metadata().Source(), first, last)
			next, err := s.Renew(verify.Stored{}, repo.Now())
			require.NoError(t, err)
			var asked []string
			find(next, asking(&asked, repo.Metadata().Source()), first, last)
			slices.Sort(asked)
			want := append(slices.Clone(c.asked), "2.root.json", "timestamp.json")
			slices.Sort(want)
			require.Equal(t, want, asked)
		})
	}
}

// What was used longest ago goes first, also after several renewals.
func TestRenewRemembersUsesOfEarlierUpdates(t *testing.T) {
	repo := withBins(16)
	bin, size := binsOf(repo)
	a, b := inTwoBins(bin)
	room := size(repo.FileName("targets")) + max(size(bin(a)), size(bin(b)))
	s := begun(t, repo, verifytest.Store{}, verify.Options{Limits: verify.Limits{MaxRetainedBytes: room}})
	find := func(path string) (asked []string) {
		l := s.Lookup(path)
		require.NoError(t, s.Run(t.Context(), nil, asking(&asked, repo.Metadata().Source())))
		_, err := l.Target()
		require.NoError(t, err)
		return asked
	}
	for range 8 {
		find(a)
	}
	find(b)
	s = renew(t, s, repo.Now()) // of the bins, b alone has room
	require.NotContains(t, find(b), bin(b))
	require.Equal(t, []string{bin(a)}, find(a))
	find(a)
	s = renew(t, s, repo.Now())
	require.NotContains(t, find(a), bin(a))
	require.Equal(t, []string{bin(b)}, find(b))
}

// R-5.4.3.1a, R-5.5.5a: the repository may not go back behind what a session
// trusted, whatever is stored now.
func TestRenewRemembersWhatWasTrusted(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	old := repo.Metadata().Clone()
	repo.Publish()
	repo.PublishOnly("root")
	s := begun(t, repo, verifytest.Store{}, verify.Options{})
	for name, stored := range map[string]verify.Stored{
		"nothing stored": {},
		"older files stored": {
			Root:      [][]byte{old["1.root.json"]},
			Timestamp: [][]byte{old["timestamp.json"]},
			Snapshot:  [][]byte{old["1.snapshot.json"]},
		},
		"junk stored": {Root: [][]byte{{}}, Timestamp: [][]byte{[]byte("x")}, Snapshot: [][]byte{[]byte("{}")}},
	} {
		next, err := s.Renew(stored, repo.Now())
		require.NoError(t, err, name)
		require.ErrorIs(t, next.Run(t.Context(), nil, old.Source()), verify.ErrRollback, name)
		require.Equal(t, int64(2), next.Version("root"), name)

		// A failed update forgets none of it either.
		again, err := next.Renew(verify.Stored{}, repo.Now())
		require.NoError(t, err, name)
		require.ErrorIs(t, again.Run(t.Context(), nil, old.Source()), verify.ErrRollback, name)
	}
}

// What another process has stored meanwhile counts as well.
func TestRenewSeesWhatOthersStored(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	s := begun(t, repo, verifytest.Store{}, verify.Options{})
	behind := repo.Metadata().Clone()
	repo.Publish()
	repo.PublishOnly("root")
	store := verifytest.Store{}
	begun(t, repo, store, verify.Options{})

	next, err := s.Renew(verify.LoadStored(t.Context(), store), repo.Now())
	require.NoError(t, err)
	stored := new(verify.StoredRootError)
	require.ErrorAs(t, next.Run(t.Context(), nil, behind.Source()), &stored)
	require.Equal(t, &verify.StoredRootError{Name: "root.json", Stored: 2, Found: 1}, stored)

	delete(store, "root.json")
	next, err = s.Renew(verify.LoadStored(t.Context(), store), repo.Now())
	require.NoError(t, err)
	require.ErrorIs(t, next.Run(t.Context(), nil, behind.Source()), verify.ErrRollback, "the timestamp")
}

// What lies in no store any more is saved again, without being fetched.
func TestRenewSavesWhatTheStoreHasLost(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	store := verifytest.Store{}
	s := begun(t, repo, store, verify.Options{})
	whole := len(store)
	for _, name := range []string{"root.json", "timestamp.json", "snapshot.json"} {
		was := store[name]
		delete(store, name)
		next, err := s.Renew(verify.LoadStored(t.Context(), store), repo.Now())
		require.NoError(t, err)
		var asked []string
		require.NoError(t, next.Run(t.Context(), store, asking(&asked, repo.Metadata().Source())))
		require.Equal(t, []string{"2.root.json", "timestamp.json"}, asked, name)
		require.Equal(t, string(was), string(store[name]), name)
		require.Len(t, store, whole)
	}
}

// Renew gives another session; times may not go back.
func TestRenewAndTimes(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	s := begun(t, repo, verifytest.Store{}, verify.Options{})
	for _, bad := range []time.Time{{}, repo.Now().Add(-time.Nanosecond)} {
		_, err := s.Renew(verify.Stored{}, bad)
		require.ErrorIs(t, err, verify.ErrTime)
	}
	next, err := s.Renew(verify.Stored{}, repo.Now())
	require.NoError(t, err)
	require.Equal(t, repo.Now(), next.Time())
	require.Equal(t, verify.RequestID{Update: 2, Number: 1}, firstRequest(t, next).ID)
	require.ErrorIs(t, next.Provide(verify.RequestID{Update: 1, Number: 1}, nil), verify.ErrRequest,
		"an ID of the other session")
	require.ErrorIs(t, s.Provide(verify.RequestID{Update: 2, Number: 1}, nil), verify.ErrRequest)
}

func firstRequest(t *testing.T, s *verify.Session) verify.Request {
	b, ok := s.Next()
	require.True(t, ok)
	return b.Fetch[0]
}

// Copy needs a session whose records have been handed out: what a copy answers
// must not rest on what nobody could save.
func TestCopyNeedsWhatIsSaved(t *testing.T) {
	repo := small()
	s := newSession(t, repo, verify.Stored{}, verify.Options{})
	var asked []verify.RequestID
	for s.Version("targets") == 0 {
		_, err := s.Copy()
		require.ErrorIs(t, err, verify.ErrInProgress)
		b, ok := s.Next()
		require.True(t, ok)
		for _, req := range b.Fetch {
			asked = append(asked, req.ID)
			answer(t, s, repo.Metadata(), req)
		}
	}
	require.NoError(t, s.Err(), "the update is over, and the last records wait for Next")
	_, err := s.Copy()
	require.ErrorIs(t, err, verify.ErrInProgress)
	b, ok := s.Next()
	require.True(t, ok)
	require.NotEmpty(t, b.Save)
	require.NoError(t, s.Err())
	c, err := s.Copy()
	require.NoError(t, err)
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		require.Equal(t, s.Version(role), c.Version(role))
	}
	require.Equal(t, s.Expires(), c.Expires())
	require.Equal(t, s.Targets(), c.Targets())
	l := c.Lookup("top")
	require.NoError(t, c.Run(t.Context(), nil))
	_, err = l.Target()
	require.NoError(t, err)
	c.Lookup("a/1")
	next, ok := c.Next()
	require.True(t, ok)
	require.NotContains(t, asked, next.Fetch[0].ID, "none of the IDs that were handed out before the copy")

	s.Abandon(errDisk)
	_, err = s.Copy()
	require.ErrorIs(t, err, errDisk)
}

// A forged root, once seen in the store, does not stop updates after it was
// removed from there.
func TestRenewForgetsAForgedStoredRoot(t *testing.T) {
	repo := small()
	store := verifytest.Store{}
	s := begun(t, repo, store, verify.Options{})
	forger := verifytest.New(verifytest.Options{Seed: "a forger's"})
	forger.SetVersion("root", 50)
	forger.PublishOnly("root")
	good := store["root.json"]
	for _, forged := range []bool{true, true, false, false} {
		store["root.json"] = good
		if forged {
			store["root.json"] = forger.Metadata()["50.root.json"]
		}
		next, err := s.Renew(verify.LoadStored(t.Context(), store), repo.Now())
		require.NoError(t, err)
		err = next.Run(t.Context(), store, repo.Metadata().Source())
		if forged {
			require.ErrorAs(t, err, new(*verify.StoredRootError))
		} else {
			require.NoError(t, err)
		}
		s = next
	}
}

// Two timestamps of the same version: the one that is stored stays, although
// the session has trusted the other one.
func TestRenewLeavesAnEqualVersionInTheStore(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	mine := repo.Metadata().Clone()
	a := newSession(t, repo, verify.Stored{}, verify.Options{})
	require.NoError(t, a.Run(t.Context(), nil, mine.Source()))

	repo.Touch("targets")
	repo.SetVersion("timestamp", versionOf(t, mine["timestamp.json"]))
	repo.Publish()
	store := verifytest.Store{}
	begun(t, repo, store, verify.Options{})
	stored := store["timestamp.json"]
	require.NotEqual(t, string(mine["timestamp.json"]), string(stored))
	for _, source := range []verify.Source{mine.Source(), repo.Metadata().Source()} {
		next, err := a.Renew(verify.LoadStored(t.Context(), store), repo.Now())
		require.NoError(t, err)
		require.NoError(t, next.Run(t.Context(), store, source), "the snapshot comes from the store")
		require.Equal(t, string(stored), string(store["timestamp.json"]))
		require.Equal(t, repo.Version("snapshot"), next.Timestamp().Snapshot().Version, "that is what the session goes by")
	}
}
