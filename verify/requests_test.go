package verify_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

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

func TestDecision5ThreeAnswers(t *testing.T) {
	repo := small()
	// Fail never ends the chain of roots.
	c := newClient(t, repo)
	root := c.next()
	require.True(t, root.Optional)
	require.NoError(t, c.session.Fail(root.ID, errors.New("403")))
	require.ErrorContains(t, c.session.Err(), "2.root.json could not be had: 403")
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
		require.ErrorContains(t, err, "is settled")
	}
	// An ID that is guessed before Next has handed it out.
	require.ErrorContains(t, c.session.Provide(root.ID+1, repo.Metadata()["timestamp.json"]), "has not been handed out")
	require.Equal(t, "timestamp", c.next().Role)

	// A cause need not be given.
	require.NoError(t, c.session.Fail(c.session.Outstanding()[0].ID, nil))
	require.ErrorContains(t, c.session.Err(), "given up")
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
	reason(id, "is settled")
}

// A cycle that has ended takes no more answers, and asks for nothing that it
// had not handed out.
func TestEndedCycleIsOver(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	req := c.forward("snapshot")
	require.NoError(t, c.session.Fail(req.ID, errDisk))
	require.Empty(t, c.session.Outstanding())
	require.ErrorIs(t, c.session.Provide(req.ID, c.body(req)), verify.ErrRequest)
	require.NoError(t, c.session.Refresh(repo.Now()))
}
