package verify_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Expires is the first of the four, whichever that is.
func TestExpiresIsTheFirst(t *testing.T) {
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		repo := verifytest.New(verifytest.Options{})
		repo.SetLifetime(role, time.Hour)
		repo.Touch(role)
		repo.Publish()
		c := newClient(t, repo)
		require.NoError(t, c.session.Run(nil, repo.Metadata().Source()))
		require.Equal(t, repo.Now().Add(time.Hour).Unix(), c.session.Expires().Unix(), role)
	}
}

// R-5.3.3b: the chain of roots ends by the word of a live source, and not for
// want of one.
func TestRunWithoutSources(t *testing.T) {
	c := newClient(t, verifytest.New(verifytest.Options{}))
	err := c.session.Run(verifytest.Store{})
	var fetch *verify.FetchError
	require.ErrorAs(t, err, &fetch)
	require.Equal(t, "root", fetch.Request.Role)
	require.ErrorContains(t, err, "there is no live source")
}

// What Run says of its sources: which one, unless there is only one, and
// whether it was rejected; those behind one that has the file are not asked.
func TestRunAsksInOrder(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	spoiled := func(req verify.Request) ([]byte, error) {
		if req.Role == "timestamp" {
			return []byte("x"), nil
		}
		return repo.Metadata().Source()(req)
	}
	err := newClient(t, repo).session.Run(nil, spoiled)
	require.ErrorContains(t, err, "could not be fetched: rejected: ")
	require.NotContains(t, err.Error(), "no live source")
	err = newClient(t, repo).session.Run(nil, spoiled, spoiled)
	require.ErrorContains(t, err, "source 2 of 2: rejected: ")
	err = newClient(t, repo).session.Run(nil, repo.Metadata().Source(), func(req verify.Request) ([]byte, error) {
		require.True(t, req.Optional, "%s", req.Path)
		return nil, verify.ErrNotAtSource
	})
	require.NoError(t, err)
}

// loader is a store that only loads.
type loader func(name string) ([]byte, error)

func (f loader) Load(name string) ([]byte, error) { return f(name) }
func (f loader) Save(verify.Record) error         { return nil }

// a store is not asked for what only a live source may answer, and
// what comes with an error is not taken.
func TestRunAsksTheStoreForSavedFilesOnly(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	mirror := repo.Metadata().Source()
	asked := map[string]bool{}
	live := func(req verify.Request) ([]byte, error) {
		asked[req.Role] = true
		return mirror(req)
	}
	saved := verifytest.Store{"snapshot.json": repo.Metadata()[repo.FileName("snapshot")], "targets.json": repo.Metadata()[repo.FileName("targets")]}
	require.NoError(t, newClient(t, repo).session.Run(loader(func(name string) ([]byte, error) {
		require.NotEmpty(t, name)
		return saved[name], fs.ErrPermission
	}), live))
	require.Equal(t, map[string]bool{"root": true, "timestamp": true, "snapshot": true, "targets": true}, asked)
}

// saved files that are too long, or missing beside others, are told of
// once each, and only those.
func TestReportsOfSavedFiles(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	file := func(role string) []byte { return repo.Metadata()[repo.FileName(role)] }
	all := verify.Stored{Root: file("root"), Timestamp: file("timestamp"), Snapshot: file("snapshot")}
	warnings := func(stored verify.Stored, l verify.Limits) []error {
		s, err := verify.New(repo.TrustedRoot(), stored, repo.Now(), verify.Options{Limits: l})
		require.NoError(t, err)
		return s.Warnings()
	}
	for role, limits := range map[string]func(int64) verify.Limits{
		"root":      func(n int64) verify.Limits { return verify.Limits{MaxRootBytes: n} },
		"timestamp": func(n int64) verify.Limits { return verify.Limits{MaxTimestampBytes: n} },
		"snapshot":  func(n int64) verify.Limits { return verify.Limits{MaxSnapshotBytes: n} },
	} {
		size := int64(len(file(role)))
		require.Empty(t, warnings(all, limits(size)), role)
		list := warnings(all, limits(size-1))
		require.Len(t, list, 1, role)
		require.ErrorContains(t, list[0], role+": ")
		var limit *verify.LimitError
		require.ErrorAs(t, list[0], &limit)
		require.Equal(t, &verify.LimitError{Role: role, What: "bytes", Max: size - 1, Got: size}, limit)
	}
	for _, c := range []struct {
		stored  verify.Stored
		missing string
	}{
		{verify.Stored{}, ""},
		{verify.Stored{Root: all.Root}, "timestamp snapshot"},
		{verify.Stored{Timestamp: all.Timestamp}, "root snapshot"},
		{verify.Stored{Snapshot: all.Snapshot}, "root timestamp"},
	} {
		var names []string
		for _, warning := range warnings(c.stored, verify.Limits{}) {
			require.ErrorIs(t, warning, fs.ErrNotExist)
			role, _, _ := strings.Cut(warning.Error(), ":")
			names = append(names, role)
		}
		require.Equal(t, c.missing, strings.Join(names, " "))
	}
	absent := verify.LoadStored(func(string) ([]byte, error) { return nil, verify.ErrNotAtSource })
	require.Empty(t, warnings(absent, verify.Limits{}), "nothing saved is a first run")

	s, err := verify.New(repo.TrustedRoot(), verify.Stored{Root: []byte("x")}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.Len(t, s.Warnings(), 3)
	require.NoError(t, s.Run(nil, repo.Metadata().Source()))
	require.NoError(t, s.Refresh(repo.Now()))
	require.Empty(t, s.Warnings(), "told once")
}

// Record.StoreName: stores on disk hold these names, which must stay.
func TestRecordNamesStay(t *testing.T) {
	for role, want := range map[string]string{
		"az-09_": "role.az-09_.json", "AZ`{/:@": "role.%41%5a%60%7b%2f%3a%40.json", strings.Repeat("z", 190): "role." + strings.Repeat("z", 190) + ".json",
		strings.Repeat("z", 191): fmt.Sprintf("role.=%x.json", sha256.Sum256([]byte(strings.Repeat("z", 191)))),
	} {
		require.Equal(t, want, verify.RecordName(role))
	}
}

// A RequestError says what is the matter with an ID.
func TestRequestErrors(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	s := newClient(t, repo).session
	require.Empty(t, s.Outstanding(), "nothing is handed out yet")
	reason := func(id verify.RequestID, want string) {
		t.Helper()
		require.ErrorContains(t, s.Provide(id, nil), want)
		require.ErrorContains(t, s.NotFound(id), want)
		require.ErrorContains(t, s.Fail(id, nil), want)
	}
	reason(1, "has not been handed out")
	b, _ := s.Next()
	id := b.Fetch[0].ID
	reason(0, "is never used")
	reason(id+1, "has not been handed out")
	require.NoError(t, s.Fail(id, nil))
	reason(id, "is done")
}

// R-5.3.3c: where no new root is taken, a stored one that is newer cannot be reached, and that is the limit's doing.
func TestNoRootsAreTaken(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{Root: repo.Metadata()["2.root.json"]}, repo.Now(), verify.Options{Limits: verify.Limits{MaxRootRotations: -1}})
	require.NoError(t, err)
	var limit *verify.LimitError
	require.ErrorAs(t, s.Run(nil, repo.Metadata().Source()), &limit)
	require.Equal(t, &verify.LimitError{Role: "root", What: "new roots in one update", Max: -1, Got: 0}, limit)
}

// G6: a listed length lowers the limit, to nothing if it is nothing, up to the limit itself and not beyond.
func TestListedLengthIsTheLimit(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Publish()
	size := int64(len(repo.Metadata()[repo.FileName("snapshot")]))
	meet := func(length, limit int64) (*verify.Session, verify.Request) {
		repo.Edit("timestamp", nil)
		repo.Edit("timestamp", func(signed map[string]any) {
			info := signed["meta"].(map[string]any)["snapshot.json"].(map[string]any)
			delete(info, "length")
			if length >= 0 {
				info["length"] = length
			}
		})
		repo.PublishOnly("timestamp")
		s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Limits: verify.Limits{MaxSnapshotBytes: limit}})
		require.NoError(t, err)
		for {
			b, more := s.Next()
			if !more {
				return s, verify.Request{}
			}
			for _, req := range b.Fetch {
				if req.Role == "snapshot" {
					return s, req
				}
				if data, ok := repo.Metadata()[req.Path]; ok {
					require.NoError(t, s.Provide(req.ID, data))
				} else {
					require.NoError(t, s.NotFound(req.ID))
				}
			}
		}
	}
	data := repo.Metadata()[repo.FileName("snapshot")]
	s, req := meet(0, 0)
	require.Zero(t, req.MaxBytes)
	require.ErrorIs(t, s.Provide(req.ID, []byte("x")), roles.ErrLength)
	s, req = meet(size, size)
	require.Equal(t, size, req.MaxBytes)
	require.NoError(t, s.Provide(req.ID, data))
	s, req = meet(size, size-1)
	require.Zero(t, req)
	require.ErrorIs(t, s.Err(), verify.ErrLimit)
	s, req = meet(-1, -1)
	require.ErrorIs(t, s.Provide(req.ID, nil), verify.ErrLimit, "nothing is taken")
}

// A session that was given up hands out nothing, not even what was ready to be.
func TestAbandonedSessionHasNothingToDo(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 8})
	require.NoError(t, err)
	b, _ := s.Next()
	require.NoError(t, s.Provide(b.Fetch[0].ID, repo.Metadata()["2.root.json"]))
	s.Abandon(errors.New("full"))
	b, more := s.Next()
	require.False(t, more, "%v", b)
	require.ErrorIs(t, s.Err(), verify.ErrSave)
	require.ErrorIs(t, s.Refresh(repo.Now()), verify.ErrSave)
	s = newClient(t, repo).session
	s.Next()
	s.Abandon(errDisk)
	require.Empty(t, s.Outstanding())
}

// What is said of a file that was rejected and given up names it once, and what is waited for is named too.
func TestErrorsNameTheFileOnce(t *testing.T) {
	s := newClient(t, verifytest.New(verifytest.Options{})).session
	require.EqualError(t, s.Err(), "update is not over: call Next")
	b, _ := s.Next()
	require.EqualError(t, s.Err(), "update is not over: there is no good answer for 2.root.json yet")
	require.EqualError(t, s.Refresh(s.Time()), s.Err().Error())
	err := s.Provide(b.Fetch[0].ID, []byte("{"))
	require.EqualError(t, err, "2.root.json rejected: not well-formed TUF metadata: offset 1: the document ends here, want a name")
	require.NoError(t, s.Fail(b.Fetch[0].ID, err))
	require.EqualError(t, s.Err(), "2.root.json could not be fetched: rejected: not well-formed TUF metadata: offset 1: the document ends here, want a name")

	repo := verifytest.New(verifytest.Options{})
	repo.PublishOnly("root")
	s, err = verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 1})
	require.NoError(t, err)
	b, _ = s.Next()
	require.NoError(t, s.Provide(b.Fetch[0].ID, repo.Metadata()["2.root.json"]))
	s.Next()
	require.Equal(t, "timestamp.json", s.Outstanding()[0].Path, "ahead")
	require.ErrorContains(t, s.Err(), "no good answer for 3.root.json yet")
}

// A session with an open lookup is not settled.
func TestUnsettledWhileALookupIsOpen(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
	repo.Publish()
	c := newClient(t, repo)
	require.NoError(t, c.session.Run(nil, repo.Metadata().Source()))
	c.session.Lookup("x")
	require.ErrorIs(t, c.session.Err(), verify.ErrInProgress)
	require.ErrorIs(t, c.session.Refresh(repo.Now()), verify.ErrInProgress)
	require.ErrorContains(t, c.session.Refresh(time.Time{}), "the zero time")
}
