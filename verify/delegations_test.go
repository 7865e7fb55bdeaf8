package verify_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Two roles delegate to c, so c is asked for twice, and the same bytes come.
// What c delegates to must be asked for once (docs/decisions.md, "Trust belongs
// to a delegation"). A random history of TestModel found it.
func TestOneRequestPerDelegation(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	key := repo.Key("c")
	d := delegate(repo.Targets(), "d", "d/*")
	c := delegate(repo.Targets(), "c", "c/*", key)
	delegate(d, "c", "d/*", key)
	delegate(c, "x", "*/*")
	repo.Publish()

	s := newClient(t, repo).session
	s.Lookup("c/1")
	s.Lookup("d/1")
	asked := map[string]int{}
	var late []verify.Request // those for c, answered when both are open
	for {
		b, ok := s.Next()
		for _, req := range b.Fetch {
			asked[req.Role+" for "+req.Delegator]++
			if req.Role == "c" {
				late = append(late, req)
			} else {
				answer(t, s, repo.Metadata(), req)
			}
		}
		if !ok && len(late) == 0 {
			break
		}
		if !ok {
			require.Len(t, late, 2)
			for _, req := range late {
				answer(t, s, repo.Metadata(), req)
			}
			late = nil
		}
	}
	require.NoError(t, s.Err())
	require.Equal(t, 1, asked["c for targets"])
	require.Equal(t, 1, asked["c for d"])
	require.Equal(t, 1, asked["x for c"])
}

// A stored file may be signed for one delegator and not for another. The file
// that comes for the other is saved, although the first came from the store.
func TestRunSavesForEachDelegation(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	delegate(delegate(repo.Targets(), "a", "a"), "shared", "*", repo.Key("of a"))
	delegate(delegate(repo.Targets(), "b", "b"), "shared", "*", repo.Key("of b"))
	repo.SignWith("shared", repo.Key("of a"))
	repo.Publish()
	first := repo.Metadata()["1.shared.json"]
	repo.SignWith("shared", repo.Key("of a"), repo.Key("of b"))
	repo.SetVersion("shared", 1)
	repo.PublishOnly("shared")
	both := repo.Metadata()["1.shared.json"]
	require.NotEqual(t, first, both)

	store := verifytest.Store{verify.StoreName("shared"): first}
	s := newClient(t, repo).session
	var asked []string
	s.Lookup("a")
	l := s.Lookup("b")
	require.NoError(t, s.Run(context.Background(), store, func(_ context.Context, r verify.Request) ([]byte, error) {
		if r.Role == "shared" {
			asked = append(asked, "shared for "+r.Delegator)
		}
		return repo.Metadata().Source()(context.Background(), r)
	}))
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrNoTarget)
	require.Equal(t, []string{"shared for b"}, asked)
	require.Equal(t, string(both), string(store[verify.StoreName("shared")]))
}

// Two delegators give a role of the same name different keys, and there is a
// file for each. A file is trusted for its own delegator only.
func TestFilesOfOneNameAreNotMixedUp(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	files := map[string][]byte{}
	for _, name := range []string{"a", "b"} {
		role := delegate(repo.Targets(), name, "of "+name)
		delegate(role, "shared", "*", repo.Key("of "+name))
	}
	repo.Publish()
	for _, name := range []string{"a", "b"} {
		repo.Role("shared").AddTarget("of "+name, []byte(name))
		repo.SignWith("shared", repo.Key("of "+name))
		repo.SetVersion("shared", 1)
		repo.PublishOnly("shared")
		files[name] = repo.Metadata()["1.shared.json"]
	}
	s := newClient(t, repo).session
	first, second := s.Lookup("of a"), s.Lookup("of b")
	require.NoError(t, s.Run(context.Background(), nil, func(_ context.Context, r verify.Request) ([]byte, error) {
		if r.Role == "shared" {
			return files[r.Delegator], nil
		}
		return repo.Metadata().Source()(context.Background(), r)
	}))
	_, err := first.Target()
	require.NoError(t, err)
	_, err = second.Target()
	require.NoError(t, err, "%v", second.Trail())
}
