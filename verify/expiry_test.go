package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// G5, R14, R-5.1.1: the caller gives the time of an update, and it is the same
// for all of it (docs/decisions.md, "Time is an argument").
func TestTimeIsAnArgument(t *testing.T) {
	repo := small()
	_, err := verify.New(repo.TrustedRoot(), verify.Stored{}, time.Time{}, verify.Options{})
	require.ErrorIs(t, err, verify.ErrTime)
	c := newClient(t, repo)
	c.mustFind("top")
	require.ErrorIs(t, renewErr(c.session, time.Time{}), verify.ErrTime)
	require.ErrorIs(t, renewErr(c.session, repo.Now().Add(-time.Nanosecond)), verify.ErrTime)
	require.NoError(t, c.session.Err(), "a refused Renew changes nothing")
	c.session = renew(t, c.session, repo.Now())
	// Target.Expires says from when on the answer is stale.
	target := c.mustFind("top")
	require.Equal(t, repo.Now().Add(24*time.Hour), target.Expires.UTC())
	require.Equal(t, target.Expires, c.session.Expires())
	c.session = renew(t, c.session, target.Expires.Add(-time.Nanosecond))
	c.mustFind("top")
	c.session = renew(t, c.session, target.Expires)
	_, err = c.lookup("top")
	require.ErrorIs(t, err, roles.ErrExpired, "at the time of expiry a file has expired")
}

// Expires is the first expiry of the four top-level roles, whichever has it.
func TestExpiresIsTheFirst(t *testing.T) {
	for _, role := range topLevel {
		repo := verifytest.New(verifytest.Options{})
		repo.SetLifetime(role, time.Hour)
		repo.Touch(role)
		repo.Publish()
		c := newClient(t, repo)
		require.NoError(t, c.update())
		require.Equal(t, repo.Now().Add(time.Hour).Unix(), c.session.Expires().Unix(), role)
	}
}

// R14: a wall clock that is set back does not make anything fresh again,
// although the monotonic clock goes on.
func TestClockSetBack(t *testing.T) {
	later := time.Now() // with a monotonic reading
	repo := verifytest.New(verifytest.Options{Start: later.Add(-10 * time.Hour)})
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, later, verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	back := later.Add(time.Second).Round(0).Add(-5 * time.Hour)
	require.ErrorIs(t, renewErr(s, back), verify.ErrTime)
	require.Equal(t, later.Round(0), s.Time())
	later = time.Now()
	s = renew(t, s, later)
	require.Equal(t, later.Round(0), s.Time())
}

// A first version counts like any other.
func TestExpiresOfFirstVersions(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	c := newClient(t, repo)
	require.NoError(t, c.update())
	require.EqualValues(t, 1, c.session.Version("timestamp"))
	require.Equal(t, c.session.Timestamp().Expires, c.session.Expires())
}
