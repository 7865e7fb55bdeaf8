package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestOneRequestPerEdge: c is asked for twice, since two roles delegate to it,
// and the same bytes come. What c delegates to must be asked for once (decision
// 6).
func TestOneRequestPerEdge(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	key := repo.Key("c")
	d := repo.Targets().Delegate(verifytest.Delegation{Name: "d", Paths: []string{"d/*"}})
	c := repo.Targets().Delegate(verifytest.Delegation{Name: "c", Paths: []string{"c/*"}, Keys: []*verifytest.Key{key}})
	d.Delegate(verifytest.Delegation{Name: "c", Paths: []string{"d/*"}, Keys: []*verifytest.Key{key}})
	c.Delegate(verifytest.Delegation{Name: "x", Paths: []string{"*/*"}})
	repo.Publish()

	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	s.Lookup("c/1")
	s.Lookup("d/1")
	mirror := repo.Metadata().Source()
	asked := map[string]int{}
	var late []verify.Request // those for c, answered when both are open
	for {
		b, ok := s.Next()
		if !ok && len(late) == 0 {
			break
		}
		if !ok {
			b.Fetch, late = late, nil
		}
		for _, req := range b.Fetch {
			if req.Role == "c" && asked["c for "+req.Delegator] == 0 {
				asked["c for "+req.Delegator]++
				late = append(late, req)
				continue
			}
			if req.Role != "c" {
				asked[req.Role+" for "+req.Delegator]++
			}
			data, err := mirror(req)
			if err != nil {
				require.NoError(t, s.NotFound(req.ID))
				continue
			}
			require.NoError(t, s.Provide(req.ID, data))
		}
	}
	require.NoError(t, s.Err())
	require.Equal(t, 1, asked["c for targets"])
	require.Equal(t, 1, asked["c for d"])
	require.Equal(t, 1, asked["x for c"])
}

// A saved file may be signed for one delegator and not for another. What comes
// for the other is saved, although the first came from the store.
func TestRunSavesForEachEdge(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	x := repo.Targets()
	a := x.Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a"}})
	b := x.Delegate(verifytest.Delegation{Name: "b", Paths: []string{"b"}})
	a.Delegate(verifytest.Delegation{Name: "shared", Paths: []string{"*"}, Keys: []*verifytest.Key{repo.Key("of a")}})
	b.Delegate(verifytest.Delegation{Name: "shared", Paths: []string{"*"}, Keys: []*verifytest.Key{repo.Key("of b")}})
	repo.SignWith("shared", repo.Key("of a"))
	repo.Publish()
	ours := repo.Metadata()["1.shared.json"]
	repo.SignWith("shared", repo.Key("of a"), repo.Key("of b"))
	repo.SetVersion("shared", 1)
	repo.PublishOnly("shared")
	both := repo.Metadata()["1.shared.json"]
	require.NotEqual(t, ours, both)

	store := verifytest.Store{verify.RecordName("shared"): ours}
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	var asked []string
	run := func(path string) {
		l := s.Lookup(path)
		require.NoError(t, s.Run(store, func(r verify.Request) ([]byte, error) {
			if r.Role == "shared" {
				asked = append(asked, "shared for "+r.Delegator)
			}
			return repo.Metadata().Source()(r)
		}))
		_, err := l.Target()
		require.ErrorIs(t, err, verify.ErrNoTarget)
	}
	s.Lookup("a")
	run("b")
	require.Equal(t, []string{"shared for b"}, asked)
	require.Equal(t, string(both), string(store[verify.RecordName("shared")]))
}

// Two delegators name a role alike and give it different keys, and there is a
// file for each. What one is trusted with is not what the other is.
func TestFilesOfOneNameAreNotMixedUp(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	x := repo.Targets()
	files := map[string][]byte{}
	for _, name := range []string{"a", "b"} {
		role := x.Delegate(verifytest.Delegation{Name: name, Paths: []string{"of " + name}})
		role.Delegate(verifytest.Delegation{Name: "shared", Paths: []string{"*"}, Keys: []*verifytest.Key{repo.Key("of " + name)}})
	}
	repo.Publish()
	for _, name := range []string{"a", "b"} {
		repo.Role("shared").AddTarget("of "+name, []byte(name))
		repo.SignWith("shared", repo.Key("of "+name))
		repo.SetVersion("shared", 1)
		repo.PublishOnly("shared")
		files[name] = repo.Metadata()["1.shared.json"]
	}
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	first, second := s.Lookup("of a"), s.Lookup("of b")
	require.NoError(t, s.Run(nil, func(r verify.Request) ([]byte, error) {
		if r.Role == "shared" {
			return files[r.Delegator], nil
		}
		return repo.Metadata().Source()(r)
	}))
	_, err = first.Target()
	require.NoError(t, err)
	_, err = second.Target()
	require.NoError(t, err, "%v", second.Trail())
}
