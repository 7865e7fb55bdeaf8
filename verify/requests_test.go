package verify_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// R-5.3.3a, R-5.4.1, R-5.5.1, R-5.6.1, R-5.3.12 (rust-tuf#292,
// tiup#1878): which files are asked for, under which names, and how many bytes
// of them are accepted.
func TestRequests(t *testing.T) {
	for _, o := range []verifytest.Options{
		{},
		{NoConsistentSnapshot: true},
		{MetaHashes: true},
		{NoConsistentSnapshot: true, MetaHashes: true},
		{EnvelopeFormat: metadata.DSSE},
		{EnvelopeFormat: metadata.DSSE, MetaHashes: true},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) { testRequests(t, o) })
	}
}

// id is that of a request in a first update.
func id(number uint64) verify.RequestID { return verify.RequestID{Update: 1, Number: number} }

func testRequests(t *testing.T, o verifytest.Options) {
	repo := verifytest.New(o)
	delegate(repo.Targets(), "a b", "*").AddTarget("x", []byte("hello"))
	repo.Publish()
	c := newClient(t, repo)
	c.session.Lookup("x")
	name := func(role string, version int64) string {
		if o.NoConsistentSnapshot {
			version = 0
		}
		return metadata.FileName(role, version)
	}
	length := func(role string, limit int64) int64 {
		if o.MetaHashes {
			return int64(len(fileOf(repo, role)))
		}
		return limit
	}
	require.Equal(t, verify.Request{
		ID:        id(1),
		Role:      "root",
		Version:   2,
		Delegator: "root",
		Path:      "2.root.json",
		StoreName: "2.root.json",
		MaxBytes:  512_000,
		Optional:  true,
	}, c.forward("root"))
	require.NoError(t, c.session.NotFound(id(1)))
	for _, want := range []verify.Request{
		{
			ID:        id(2),
			Role:      "timestamp",
			Delegator: "root",
			Path:      "timestamp.json",
			MaxBytes:  32_768,
		},
		{
			ID:        id(3),
			Role:      "snapshot",
			Version:   2,
			Delegator: "root",
			Path:      name("snapshot", 2),
			StoreName: "snapshot.json",
			MaxBytes:  length("snapshot", 8_000_000),
		},
		{
			ID:        id(4),
			Role:      "targets",
			Version:   2,
			Delegator: "root",
			Path:      name("targets", 2),
			StoreName: "targets.json",
			MaxBytes:  length("targets", 8_000_000),
		},
		{
			ID:        id(5),
			Role:      "a b",
			Version:   1,
			Delegator: "targets",
			Path:      name("a b", 1),
			StoreName: "role.a%20b.json",
			MaxBytes:  length("a b", 8_000_000),
		},
	} {
		got := c.next()
		require.Equal(t, want, got)
		err := c.session.Provide(got.ID, make([]byte, got.MaxBytes+1))
		if o.MetaHashes && got.Role != "timestamp" {
			require.ErrorIs(t, err, roles.ErrLength, "the signed length is exact")
		} else {
			require.ErrorIs(t, err, verify.ErrLimit)
		}
		c.provide(got)
	}
	require.NoError(t, c.session.Err())
}

// Provide, NotFound and Fail are three different answers (docs/decisions.md,
// "Three different answers").
func TestThreeAnswers(t *testing.T) {
	repo := small()
	// Fail never ends the chain of roots (R-5.3.3b).
	c := newClient(t, repo)
	root := c.next()
	require.True(t, root.Optional)
	require.NoError(t, c.session.Fail(root.ID, errors.New("403")))
	require.ErrorContains(t, c.session.Err(), "2.root.json could not be fetched: 403")
	_, ok := c.session.Next()
	require.False(t, ok, "nothing more is asked for")

	// NotFound for any other file is Fail with ErrNotAtSource.
	c = newClient(t, repo)
	timestamp := c.forward("timestamp")
	require.False(t, timestamp.Optional)
	require.NoError(t, c.session.NotFound(timestamp.ID))
	require.ErrorIs(t, c.session.Err(), verify.ErrNotAtSource)
	var fetch *verify.FetchError
	require.ErrorAs(t, c.session.Err(), &fetch)
	require.Equal(t, timestamp, fetch.Request)

	// The fault of a source and that of the caller are told apart.
	c = newClient(t, repo)
	root = c.next()
	var reject *verify.RejectError
	require.ErrorAs(t, c.session.Provide(root.ID, []byte("x")), &reject)
	require.Equal(t, root, reject.Request)
	answers := func(id verify.RequestID) []error {
		return []error{c.session.Provide(id, nil), c.session.NotFound(id), c.session.Fail(id, nil)}
	}
	for _, id := range []verify.RequestID{
		{}, id(root.ID.Number + 1), id(math.MaxUint64),
		{Update: 2, Number: 1}, {Repository: "another", Update: 1, Number: 1},
	} {
		for _, err := range answers(id) {
			require.ErrorIs(t, err, verify.ErrRequest)
			require.NotErrorAs(t, err, &reject)
		}
	}
	require.NoError(t, c.session.NotFound(root.ID))
	for _, err := range append(answers(root.ID), c.session.Provide(root.ID, repo.TrustedRoot())) {
		require.ErrorIs(t, err, verify.ErrRequest)
		require.ErrorContains(t, err, "is done")
	}
	// An ID that is guessed before Next has handed it out.
	err := c.session.Provide(id(root.ID.Number+1), repo.Metadata()["timestamp.json"])
	require.ErrorContains(t, err, "has not been handed out")
	require.Equal(t, "timestamp", c.next().Role)

	// Fail needs no cause.
	require.NoError(t, c.session.Fail(c.session.Outstanding()[0].ID, nil))
	require.ErrorContains(t, c.session.Err(), "given up")
}

// A RequestError says what is wrong with an ID.
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
	reason(id(1), "has not been handed out")
	b, _ := s.Next()
	first := b.Fetch[0].ID
	reason(id(0), "is not one of this session")
	reason(verify.RequestID{Update: 2, Number: 1}, "is not one of this session")
	reason(id(2), "has not been handed out")
	require.NoError(t, s.Fail(first, nil))
	reason(first, "is done")
}

// An update that has ended accepts no more answers, and does not ask for what
// it had not handed out yet.
func TestEndedUpdateAcceptsNoAnswers(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	req := c.forward("snapshot")
	require.NoError(t, c.session.Fail(req.ID, errDisk))
	require.Empty(t, c.session.Outstanding())
	require.ErrorIs(t, c.session.Provide(req.ID, c.body(req)), verify.ErrRequest)
	b, ok := c.session.Next()
	require.False(t, ok, "%v", b)
	require.ErrorIs(t, c.session.Err(), errDisk)
}

// RequestID.String: what it prints tells the requests of a group and of its
// updates apart.
func TestRequestIDsInWords(t *testing.T) {
	for want, id := range map[string]verify.RequestID{
		"7":      {Update: 1, Number: 7},
		"2.7":    {Update: 2, Number: 7},
		"a/7":    {Repository: "a", Update: 1, Number: 7},
		"a/3.12": {Repository: "a", Update: 3, Number: 12},
	} {
		require.Equal(t, want, id.String())
	}
}
