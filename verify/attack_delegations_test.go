package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// CVE-2026-23992: a threshold that no signature would have to reach makes the
// file that lists it useless, for root and delegators alike. It does not make
// the victim signed.
func TestThresholdsThatAreNone(t *testing.T) {
	for name, threshold := range map[string]any{
		"0":       int64(0),
		"-1":      int64(-1),
		"1.0":     json.Number("1.0"),
		"text":    "1",
		"null":    nil,
		"2^63":    json.Number("9223372036854775808"),
		"2^64":    json.Number("18446744073709551616"),
		"true":    true,
		"missing": "missing",
	} {
		t.Run(name, func(t *testing.T) {
			atEachPosition(t, verifytest.Options{}, func(s *setup) {
				s.meet()
				s.editSigners(func(entry, _ object) {
					entry["threshold"] = threshold
					if threshold == "missing" {
						delete(entry, "threshold")
					}
				})
				s.repo.EditEnvelope(s.position.role, func(e object) { e["signatures"] = []any{} })
				s.repo.Publish()
				s.mustRefuse(metadata.ErrSyntax, false)
			})
		})
	}
}

// badDelegations are lists of delegations that contradict themselves. A file
// with one is rejected as a whole: a client must not guess what was meant.
var badDelegations = []struct {
	id string
	do func(d object)
}{
	{"G11, D12: a role named root", func(d object) { firstRole(d)["name"] = "root" }},
	{"G11, D12: a role named timestamp", func(d object) { firstRole(d)["name"] = "timestamp" }},
	{"G11, D12: a role named snapshot", func(d object) { firstRole(d)["name"] = "snapshot" }},
	{"G11, D12: a role named targets", func(d object) { firstRole(d)["name"] = "targets" }},
	{"D12: a role without a name", func(d object) { firstRole(d)["name"] = "" }},
	{"G13: two roles with one name", func(d object) {
		d["roles"] = append(d["roles"].([]any), firstRole(d))
	}},
	{"G13, D10: roles and succinct_roles", func(d object) { d["succinct_roles"] = succinct(d, 4) }},
	{"G13: paths and path_hash_prefixes", func(d object) {
		firstRole(d)["path_hash_prefixes"] = []any{""}
	}},
	{"D10, go-tuf#716: bins of no bits", func(d object) { onlySuccinct(d, succinct(d, 0)) }},
	{"D10, go-tuf#716: bins of 33 bits", func(d object) { onlySuccinct(d, succinct(d, 33)) }},
	{"CVE-2026-23992: bins that need no signature", func(d object) {
		s := succinct(d, 4)
		s["threshold"] = int64(0)
		onlySuccinct(d, s)
	}},
	{"J11: prefixes in upper case, which no hash would have", func(d object) {
		delete(firstRole(d), "paths")
		firstRole(d)["path_hash_prefixes"] = []any{"AB"}
	}},
	{"G2: keys that are null", func(d object) { d["keys"].(object)["k"] = nil }},
	{"J5: roles that are null", func(d object) { d["roles"] = nil }},
}

func firstRole(d object) object { return d["roles"].([]any)[0].(object) }

func succinct(d object, bits int64) object {
	return object{
		"keyids": firstRole(d)["keyids"], "threshold": int64(1), "bit_length": bits, "name_prefix": "bin",
	}
}

func onlySuccinct(d, succinct object) {
	d["succinct_roles"] = succinct
	delete(d, "roles")
}

func TestBadDelegations(t *testing.T) {
	for _, c := range badDelegations {
		t.Run(c.id, func(t *testing.T) {
			atEachPosition(t, verifytest.Options{}, func(s *setup) {
				s.meet()
				delegateEverything(s.role(), "child")
				s.repo.Publish()
				s.mustAccept()
				s.repo.Edit(s.position.role, func(signed object) { c.do(signed["delegations"].(object)) })
				s.repo.Publish()
				s.mustRefuse(metadata.ErrSyntax, false)
			})
		})
	}
}

// CVE-2024-47534, tuf-js-order: of fifty roles that are all trusted for a path
// the first that is listed wins, every time, whatever their names are. In some
// languages numbers come first.
func TestFirstListedRoleWins(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		s.role().RemoveTarget("app")
		s.alone()
		names := []string{"trusted", "10", "2", "-1", "0", "constructor", "__proto__"}
		for i := range 43 {
			names = append(names, fmt.Sprint(100-i))
		}
		for _, name := range names {
			delegateEverything(s.role(), name, s.keys("all")...).AddTarget("app", []byte(name))
		}
		s.repo.Publish()
		for range 20 {
			target, err := s.firstRun()
			require.NoError(s, err)
			require.Equal(s, "trusted", target.Role)
		}
	})
}

// D3, D11, sigstore#562: a role is trusted only for paths that every delegation
// on the way to it covers, whatever it lists and whatever its custom members
// say.
func TestOutsideItsPaths(t *testing.T) {
	for depth := range 3 {
		for narrow := range depth + 1 {
			t.Run(fmt.Sprintf("depth %d, delegation %d is narrow", depth+1, narrow+1), func(t *testing.T) {
				testOutsideItsPaths(t, depth, narrow)
			})
		}
	}
}

func testOutsideItsPaths(t *testing.T, depth, narrow int) {
	repo := verifytest.New(verifytest.Options{})
	x := repo.Targets()
	for i := range depth + 1 {
		paths := everything
		if i == narrow {
			paths = []string{"inside/*"}
		}
		x = x.Delegate(verifytest.Delegation{Name: string("abc"[i]), Paths: paths})
	}
	outside := []string{"app", "outside/app", "inside/../app", "inside//app", "inside"}
	for _, path := range append(outside, "inside/app") {
		x.AddTarget(path, []byte("mine"))
		x.SetCustom(path, object{"sigstore": object{"usage": "Fulcio"}})
	}
	repo.Publish()
	c := newClient(t, repo)
	for _, path := range outside {
		target, err := c.lookup(path)
		require.ErrorIs(t, err, verify.ErrNoTarget, path)
		require.Nil(t, target)
	}
	require.Equal(t, x.Name(), c.mustFind("inside/app").Role)
}

// D5, go-tuf#652: a role that the snapshot does not list is not asked for. No
// role of lower priority answers in its place.
func TestUnlistedRoles(t *testing.T) {
	for _, p := range positions[1:] {
		t.Run(p.name, func(t *testing.T) {
			s := newSetup(t, verifytest.Options{}, p)
			s.meet()
			s.repo.Edit("snapshot", func(signed object) { delete(signed["meta"].(object), p.role+".json") })
			s.repo.Publish()
			for _, c := range s.clients()[:2] { // R8: they have seen it listed, and it is gone
				_, err := s.ask(c.session, c.store)
				require.ErrorIs(t, err, roles.ErrRollback, c.name)
			}
			target, err := s.firstRun(func(_ context.Context, q verify.Request) ([]byte, error) {
				require.NotEqual(t, p.role, q.Role, "it is not asked for")
				return s.repo.Metadata().Source()(context.Background(), q)
			})
			require.ErrorIs(t, err, verify.ErrUnlisted)
			require.Nil(t, target)
		})
	}
}

// D4, G3, rust-tuf#279, rust-tuf#381, TOB-14, go-tuf#759: two roles delegate to
// one, whose file is signed for the first and not for the second. Which of them
// is asked first, and whether the role was trusted or rejected then, makes no
// difference to the other.
func TestOneRoleTwoDelegators(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		s.alone()
		for _, side := range []string{"left", "right"} {
			delegate(delegate(s.role(), side, side+"/*"), "shared", "*/*", s.keys(side+" key")...)
		}
		for _, path := range []string{"left/app", "right/app"} {
			s.repo.Role("shared").AddTarget(path, []byte(path))
		}
		s.repo.SignWith("shared", s.keys("left key")...)
		s.repo.Publish()
		for _, order := range [][]string{{"left/app", "right/app"}, {"right/app", "left/app"}} {
			for _, together := range []bool{true, false} {
				store := verifytest.Store{}
				session := s.begin(store)
				lookups := map[string]*verify.Lookup{}
				for _, path := range order {
					lookups[path] = session.Lookup(path)
					if !together {
						require.NoError(s, session.Run(context.Background(), store, s.source()))
					}
				}
				require.NoError(s, session.Run(context.Background(), store, s.source()))
				target, err := lookups["left/app"].Target()
				require.NoError(s, err)
				require.Equal(s, "shared", target.Role)
				_, err = lookups["right/app"].Target()
				require.ErrorIs(s, err, roles.ErrThreshold)
			}
		}
	})
}

// D16, R-4.6.11: patterns that cost far more than their bytes end the lookups
// that must be compared with them, at any depth. These do not learn that there
// is no such target, and no role of lower priority answers. Other lookups of
// the same session are not affected.
func TestCostlyPatternsEndTheirLookup(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		s.options.Limits.MaxMatchSteps = 10_000
		s.meet()
		s.role().RemoveTarget("app")
		s.role().AddTarget("other", nil)
		s.alone()
		s.role().Delegate(verifytest.Delegation{
			Name: "costly", Paths: []string{"*[" + strings.Repeat("b", 10_000) + "]"},
		})
		delegateEverything(s.role(), "low").AddTarget("app", []byte("low"))
		s.repo.Publish()
		for _, c := range s.clients() {
			target, err := s.ask(c.session, c.store)
			require.ErrorIs(s, err, verify.ErrLimit, c.name)
			require.ErrorContains(s, err, "10000 steps")
			require.NotErrorIs(s, err, verify.ErrNoTarget, c.name)
			require.Nil(s, target)
			l := c.session.Lookup("other")
			require.NoError(s, c.session.Run(context.Background(), c.store, s.source()))
			target, err = l.Target()
			require.NoError(s, err)
			require.Equal(s, s.position.role, target.Role)
		}
		s.options.Limits.MaxMatchSteps = 0
		target, err := s.firstRun()
		require.NoError(s, err, "the default is much higher")
		require.Equal(s, "low", target.Role)
	})
}

// D16, R-4.6.11: the same with the default limits and as many bytes as they
// let through; with -short, with a tenth of both. What one role costs, many
// together do too: each lookup has one budget for all roles that it visits.
func TestCostlyPatternsAndDefaultLimits(t *testing.T) {
	limits, steps, part := verify.Limits{}, 250_000_000, 1
	if testing.Short() {
		steps, part = steps/10, 10
		limits.MaxMatchSteps = int64(steps)
	}
	path, small := strings.Repeat("a", 400), "*"+strings.Repeat("a", 80)+"b"
	clientOf := func(t *testing.T, repo *verifytest.Repo) *client {
		return &client{t, repo, newSession(t, repo, verify.Stored{}, verify.Options{Limits: limits})}
	}
	requireTooManySteps := func(t *testing.T, err error) {
		t.Helper()
		require.ErrorIs(t, err, verify.ErrLimit)
		require.ErrorContains(t, err, fmt.Sprintf("%d steps", steps))
		require.NotErrorIs(t, err, verify.ErrNoTarget)
	}
	for name, patterns := range map[string][]string{
		"one of 7.9 MB": {"*[" + strings.Repeat("b", 7_900_000/part) + "]"},
		"92,000":        slices.Repeat([]string{small}, 92_000/part),
	} {
		t.Run(name, func(t *testing.T) {
			repo := verifytest.New(verifytest.Options{Compact: true})
			repo.Targets().Delegate(verifytest.Delegation{Name: "costly", Paths: patterns})
			delegate(repo.Targets(), "low", "*").AddTarget(path, nil)
			repo.Publish()
			_, err := clientOf(t, repo).lookup(path)
			requireTooManySteps(t, err)
		})
	}
	t.Run("some in each of many roles", func(t *testing.T) {
		repo := verifytest.New(verifytest.Options{})
		next := repo.Targets()
		for i := range 30 {
			next.Delegate(verifytest.Delegation{Name: fmt.Sprint("costly", i), Paths: slices.Repeat([]string{small}, 1000/part)})
			next = delegate(next, fmt.Sprint("r", i), "*")
		}
		next.AddTarget(path, nil)
		repo.Publish()
		c := clientOf(t, repo)
		l := c.session.Lookup(path)
		require.NoError(t, c.update())
		_, err := l.Target()
		requireTooManySteps(t, err)
		require.Greater(t, len(l.Trail()), 3, "one role's patterns are not too much")
		require.Less(t, len(l.Trail()), 25)
	})
}
