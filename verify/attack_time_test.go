package verify_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Indefinite freeze (G4, R2, CVE-2015-9259, aktualizr#1185): a second before
// its expiry a file is good, and from then on it is not, whichever file it is.
func TestIndefiniteFreeze(t *testing.T) {
	for _, role := range everyRole {
		for _, at := range []time.Duration{-time.Second, 0, time.Second} {
			t.Run(fmt.Sprintf("%s, %v", role, at), func(t *testing.T) {
				s := newDeepSetup(t, verifytest.Options{})
				for _, other := range everyRole {
					s.repo.SetLifetime(other, 1000*time.Hour)
				}
				s.repo.SetLifetime(role, time.Hour)
				s.repo.PublishOnly("root")
				s.repo.Publish()
				s.meet()
				s.repo.Advance(time.Hour + at)
				if at < 0 {
					s.mustAccept()
					return
				}
				s.mustExpire(role)
			})
		}
	}
}

// mustExpire says that all clients notice that a role's file has expired, and
// that they succeed after it is published again.
func (s *setup) mustExpire(role string) {
	s.Helper()
	clients := s.clients()
	for _, c := range clients {
		_, err := s.ask(c.session, c.store)
		require.ErrorIs(s, err, roles.ErrExpired, c.name)
		var expired *roles.ExpiredError
		require.ErrorAs(s, err, &expired)
		require.Equal(s, role, expired.Role)
	}
	s.repo.SetLifetime(role, 1000*time.Hour)
	s.repo.Publish()
	for _, c := range clients {
		c.session = renew(s, c.session, s.repo.Now())
		_, err := s.ask(c.session, c.store)
		require.NoError(s, err, c.name)
	}
}

// Rollback (CVE-2022-29173, R5 to R9, sigstore-java#1061, sigstore-ruby#89,
// sigstore-rust#198, uptane-standard#268): a client with stored files rejects
// every combination with an older version, and changes nothing that is stored.
func TestRollback(t *testing.T) {
	for _, expired := range []bool{false, true} {
		for _, hashes := range []bool{false, true} {
			t.Run(fmt.Sprintf("expired %v, hashes %v", expired, hashes), func(t *testing.T) {
				testRollback(t, expired, hashes)
			})
		}
	}
}

func testRollback(t *testing.T, expired, hashes bool) {
	repo := verifytest.New(verifytest.Options{MetaHashes: hashes})
	delegateDown(repo.Targets(), "one", "two", "three").AddTarget("app", []byte("x"))
	lowered := []string{"timestamp", "snapshot", "targets", "one", "two", "three"}
	for _, role := range lowered {
		repo.SetVersion(role, 5)
	}
	repo.Publish()
	store := verifytest.Store{}
	s := newClient(t, repo).session
	s.Lookup("app")
	require.NoError(t, s.Run(context.Background(), store, repo.Metadata().Source()))
	if expired {
		repo.Advance(30 * 24 * time.Hour) // timestamp and snapshot, not what they say
	}
	for _, role := range lowered {
		for _, version := range []int64{4, 1} {
			for _, other := range lowered {
				repo.SetVersion(other, 10)
			}
			repo.SetVersion(role, version)
			repo.Publish()
			again := maps.Clone(store)
			err := resume(t, repo, again).Run(context.Background(), again, repo.Metadata().Source())
			require.ErrorIs(t, err, roles.ErrRollback, "%s version %d", role, version)
			if role == "timestamp" || role == "snapshot" {
				require.Equal(t, store, again, "the timestamp itself is rejected: nothing is saved")
			}
			require.Equal(t, store["snapshot.json"], again["snapshot.json"])
			require.Equal(t, store["targets.json"], again["targets.json"])
		}
	}
}
