package verify_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Indefinite freeze (G4, R2, CVE-2015-9259, aktualizr#1185): a second before
// its expiry a file is good, and at that moment it is not any more; which of
// the files it is makes no difference.
func TestIndefiniteFreeze(t *testing.T) {
	for _, role := range everyRole {
		for _, at := range []time.Duration{-time.Second, 0, time.Second} {
			t.Run(fmt.Sprintf("%s, %v", role, at), func(t *testing.T) {
				s := deep(t, verifytest.Options{})
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

// mustExpire says that all clients notice that a role's file has expired; and
// that, once it is published anew, they are content.
func (s *stage) mustExpire(role string) {
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
		require.NoError(s, c.session.Refresh(s.repo.Now()))
		_, err := s.ask(c.session, c.store)
		require.NoError(s, err, c.name)
	}
}

// Rollback (CVE-2022-29173, R5 to R9, sigstore-java#1061, sigstore-ruby#89,
// sigstore-rust#198, uptane-standard#268): what remembers the past refuses
// every older combination of it, and changes nothing that is saved.
func TestRollback(t *testing.T) {
	for _, expired := range []bool{false, true} {
		for _, hashes := range []bool{false, true} {
			repo := verifytest.New(verifytest.Options{MetaHashes: hashes})
			one := repo.Targets().Delegate(verifytest.Delegation{Name: "one", Paths: everything})
			three := one.Delegate(verifytest.Delegation{Name: "two", Paths: everything}).Delegate(verifytest.Delegation{Name: "three", Paths: everything})
			three.AddTarget("app", []byte("x"))
			lowered := []string{"timestamp", "snapshot", "targets", "one", "two", "three"}
			for _, role := range lowered {
				repo.SetVersion(role, 5)
			}
			repo.Publish()
			store := verifytest.Store{}
			s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
			require.NoError(t, err)
			s.Lookup("app")
			require.NoError(t, s.Run(store, repo.Metadata().Source()))
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
					s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(again.Load), repo.Now(), verify.Options{})
					require.NoError(t, err)
					require.ErrorIs(t, s.Run(again, repo.Metadata().Source()), roles.ErrRollback, "%s version %d, expired %v, hashes %v", role, version, expired, hashes)
					if role == "timestamp" || role == "snapshot" {
						require.Equal(t, store, again, "the timestamp itself is refused: nothing is saved")
					}
					delete(again, "timestamp.json") // good, and newer
					require.Equal(t, store["snapshot.json"], again["snapshot.json"])
					require.Equal(t, store["targets.json"], again["targets.json"])
				}
			}
		}
	}
}
