package verify_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// listedPaths returns the paths of a list, in its order.
func listedPaths(all listed) (paths []string) {
	for _, target := range all.targets {
		paths = append(paths, target.Role+" "+target.Path)
	}
	return paths
}

// viewOf publishes a repository, and returns it with a count of what is asked
// for.
func viewOf(t testing.TB, repo *verifytest.Repo, o verify.Options) (v view, asked map[string]int) {
	repo.Publish()
	asked = map[string]int{}
	root, now, files := repo.TrustedRoot(), repo.Now(), repo.Metadata().Clone()
	return view{func() *verify.Session {
		s, err := verify.New(root, verify.Stored{}, now, o)
		require.NoError(t, err)
		return s
	}, func(ctx context.Context, q verify.Request) ([]byte, error) {
		asked[q.Role]++
		return files.Source()(ctx, q)
	}, files}, asked
}

// R-5.6.9a: the order is that of a search, and within a role that of the bytes
// of the paths. A terminating delegation hides what comes after it, for the
// paths that match it.
func TestListingOrder(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("z", nil)
	repo.Targets().AddTarget("a/0", nil)
	first := repo.Targets().Delegate(verifytest.Delegation{Name: "first", Paths: []string{"a/*"}, Terminating: true})
	second := repo.Targets().Delegate(verifytest.Delegation{Name: "second", Paths: []string{"a/*", "b/*"}})
	under := first.Delegate(verifytest.Delegation{Name: "under", Paths: []string{"a/2", "c"}})
	first.AddTarget("a/é", nil)
	first.AddTarget("a/1", nil)
	first.AddTarget("a/0", []byte("targets lists it first"))
	first.AddTarget("b/1", []byte("not delegated to it"))
	second.AddTarget("a/1", []byte("first lists it first"))
	second.AddTarget("a/3", []byte("first is terminating"))
	second.AddTarget("b/1", nil)
	under.AddTarget("a/2", nil)
	under.AddTarget("c", []byte("not delegated to first"))
	v, _ := viewOf(t, repo, verify.Options{})
	for _, n := range []int{0, 1, 2, 100} {
		all := list(t, v.begin(), v.mirror, verify.ListOptions{AtOnce: n})
		require.NoError(t, all.err)
		require.Equal(t, []string{
			"targets a/0", "targets z", "first a/1", "first a/é", "under a/2", "second b/1",
		}, listedPaths(all))
		entered := func(delegator, role, path string, version int64, delegates bool) verify.ListedRole {
			return verify.ListedRole{
				Delegator: delegator, Role: role, Path: path, Version: version, Expires: all.roles[0].Expires,
				Delegates: delegates, Bound: true,
			}
		}
		require.Equal(t, []verify.ListedRole{
			entered("root", "targets", "2.targets.json", 2, true), entered("targets", "first", "1.first.json", 1, true),
			entered("first", "under", "1.under.json", 1, false), entered("targets", "second", "1.second.json", 1, false),
		}, all.roles)
	}
}

// R-5.6.9b: a role that is not available is reported, no other role answers in
// its place, and the list is incomplete. The rest is there.
func TestListingWithoutARole(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	core := repo.Targets().Delegate(verifytest.Delegation{Name: "core", Paths: []string{"a/*"}})
	core.AddTarget("a/core", nil)
	other := repo.Targets().Delegate(verifytest.Delegation{Name: "other", Paths: []string{"*/*"}})
	other.AddTarget("a/1", []byte("core may list it"))
	other.AddTarget("b/1", nil)
	v, _ := viewOf(t, repo, verify.Options{})
	delete(v.files, "1.core.json")
	all := list(t, v.begin(), v.mirror, verify.ListOptions{})
	require.Equal(t, []string{"other b/1"}, listedPaths(all))
	require.Len(t, all.leftOut, 1)
	require.Equal(t, "a/1", all.leftOut[0].Path)
	require.Equal(t, "other", all.leftOut[0].Role)
	require.ErrorIs(t, all.leftOut[0], verify.ErrNotAtSource)
	require.ErrorContains(t, all.leftOut[0], `"a/1", which other lists, is left out: 1.core.json could not be fetched`)
	incomplete := new(verify.IncompleteError)
	require.ErrorAs(t, all.err, &incomplete)
	require.ErrorIs(t, all.err, verify.ErrIncomplete)
	require.ErrorIs(t, all.err, verify.ErrNotAtSource, "the reason")
	require.Equal(t, verify.KindUnreachable, verify.KindOf(all.err))
	require.Equal(t, [2]int{1, 1}, [2]int{incomplete.Roles, incomplete.Targets})
	require.ErrorContains(t, all.err, "the list is incomplete: 1 roles are not available, 1 targets have no answer "+
		"(first: 1.core.json could not be fetched")
	require.Equal(t, "1.core.json", all.roles[1].Path)
	require.ErrorIs(t, all.roles[1].Err, verify.ErrNotAtSource)
	require.Zero(t, all.roles[1].Version)
}

// R-5.6.9a: a loop of delegations is no reason to ask for a role that no search
// can visit. A role that is on one way to a delegation, and not on another, is
// entered.
func TestListingOfLoops(t *testing.T) {
	loop := func(direct bool) (view, map[string]int) {
		repo := verifytest.New(verifytest.Options{})
		a := repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}})
		b := a.Delegate(verifytest.Delegation{Name: "b", Paths: []string{"*/*"}})
		if direct {
			repo.Targets().Delegate(verifytest.Delegation{Name: "b", Paths: []string{"b/*"}})
		}
		b.Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*/*"}, Keys: []*verifytest.Key{repo.Key("never signs")}})
		repo.SignWith("a", repo.Key("a"))
		a.AddTarget("a/1", nil)
		b.AddTarget("b/1", nil)
		return viewOf(t, repo, verify.Options{})
	}
	v, _ := loop(false)
	all := list(t, v.begin(), v.mirror, verify.ListOptions{AtOnce: 5})
	require.NoError(t, all.err)
	require.Equal(t, []string{"a a/1"}, listedPaths(all))
	require.Len(t, all.roles, 3)
	v, asked := loop(true)
	all = list(t, v.begin(), v.mirror, verify.ListOptions{})
	require.ErrorIs(t, all.err, verify.ErrIncomplete)
	require.Equal(t, []string{"a a/1", "b b/1"}, listedPaths(all))
	require.Equal(t, "b", all.roles[len(all.roles)-1].Delegator)
	require.ErrorIs(t, all.roles[len(all.roles)-1].Err, verify.ErrThreshold)
	require.LessOrEqual(t, asked["a"], 2)
}

// R-5.6.9d: at most as many files are open as the caller allows, and nothing
// more is asked for until they are listed.
func TestListingAsksForAFew(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().DelegateSuccinct("bin", 4)
	v, asked := viewOf(t, repo, verify.Options{})
	s := v.begin()
	require.NoError(t, s.Run(context.Background(), nil, v.mirror))
	clear(asked)
	l := s.List(verify.ListOptions{AtOnce: 3})
	require.ErrorIs(t, l.Err(), verify.ErrPending)
	for range 5 {
		for range l.Targets() {
			t.Fatal("there are no targets")
		}
		require.Len(t, s.Outstanding(), 0, "they are not handed out")
		require.NoError(t, s.Run(context.Background(), nil, v.mirror))
	}
	require.Len(t, asked, 15)
	require.False(t, l.Done())
	_ = list(t, s, v.mirror, verify.ListOptions{}) // another one does not disturb it
	for range l.Targets() {
	}
	require.NoError(t, s.Run(context.Background(), nil, v.mirror))
	for range l.Targets() {
	}
	require.NoError(t, l.Err())
	require.Len(t, l.Roles(), 17)
}

// R-5.6.9d: the files of bins are let go once they are listed, and asked for
// again when a lookup needs them. Those that a lookup has used stay.
func TestListingLetsGo(t *testing.T) {
	for name, delegate := range map[string]func(x *verifytest.Role){
		"succinct": func(x *verifytest.Role) { x.DelegateSuccinct("bin", 4) },
		"classic":  func(x *verifytest.Role) { x.DelegateBins("bin", 16) },
	} {
		repo := verifytest.New(verifytest.Options{})
		delegate(repo.Targets())
		for i := range 40 {
			repo.Targets().AddToBin(binPath(i), nil)
		}
		bin := func(i int) string { return repo.Targets().Bin(binPath(i)).Name() }
		other := 1
		for bin(other) == bin(0) {
			other++
		}
		v, asked := viewOf(t, repo, verify.Options{})
		s := v.begin()
		used := s.Lookup(binPath(0))
		require.Len(t, list(t, s, v.mirror, verify.ListOptions{AtOnce: 2}).targets, 40, name)
		_, err := used.Target()
		require.NoError(t, err)
		require.Equal(t, 1, asked[bin(0)], name)
		again := s.Lookup(binPath(0))
		later := s.Lookup(binPath(other))
		require.NoError(t, s.Run(context.Background(), nil, v.mirror))
		_, err = again.Target()
		require.NoError(t, err)
		_, err = later.Target()
		require.NoError(t, err)
		require.Equal(t, 1, asked[bin(0)], "%s: a lookup had used it", name)
		require.Equal(t, 2, asked[bin(other)], "%s: it was not let go", name)
	}
}

// R-5.6.9d: what a search may go on after is not let go, so that it is asked
// for once however many later paths need it.
func TestListingKeepsWhatIsNeeded(t *testing.T) {
	for name, terminating := range map[string]bool{"behind": false, "terminating": true} {
		repo := verifytest.New(verifytest.Options{})
		d := verifytest.Delegation{Name: "bins", Paths: []string{"*/*"}, Terminating: terminating}
		bins := repo.Targets().Delegate(d)
		bins.DelegateBins("bin", 4)
		rest := repo.Targets().Delegate(verifytest.Delegation{Name: "rest", Paths: []string{"*", "*/*", "*/*/*"}})
		for i := range 20 {
			bins.AddToBin(binPath(i), nil)
			rest.AddTarget(binPath(i+100), nil)
		}
		rest.AddTarget("top", nil)
		v, asked := viewOf(t, repo, verify.Options{})
		want := 41
		if terminating {
			want = 21
		}
		require.Len(t, list(t, v.begin(), v.mirror, verify.ListOptions{}).targets, want, name)
		for role, n := range asked {
			require.LessOrEqual(t, n, 2-min(1, len(role)-len("root")), "%s: %s", name, role) // the next root is asked for, too
		}
	}
}

// R-5.6.9d: a snapshot lists a few of 2^32 bins. The listing ends at a limit.
func TestListingOfBinsThatAreNot(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().DelegateSuccinct("bin", 32)
	repo.Targets().AddToBin("a", nil)
	v, _ := viewOf(t, repo, verify.Options{})
	all := list(t, v.begin(), v.mirror, verify.ListOptions{AtOnce: 10})
	require.ErrorIs(t, all.err, verify.ErrLimit)
	require.ErrorContains(t, all.err,
		"targets: limit reached: 100001 roles that are not available, at most 100000 are accepted")
}

// R-5.6.9a: nothing is listed before what it rests on is saved.
func TestListingSavesFirst(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("a", nil)
	repo.Targets().AddTarget("b", nil)
	v, _ := viewOf(t, repo, verify.Options{})
	s := v.begin()
	l := s.List(verify.ListOptions{})
	take := func() (paths []string) {
		for target, err := range l.Targets() {
			require.NoError(t, err)
			paths = append(paths, target.Path)
			break
		}
		return paths
	}
	for {
		b, ok := s.Next()
		if !ok {
			break
		}
		for _, req := range b.Fetch {
			require.Empty(t, take())
			body, err := v.mirror(context.Background(), req)
			if err != nil {
				require.NoError(t, s.NotFound(req.ID, err))
				continue
			}
			require.NoError(t, s.Provide(req.ID, body))
			require.Empty(t, take(), "the records are not handed out")
		}
	}
	require.Equal(t, []string{"a"}, take())
	require.ErrorIs(t, l.Err(), verify.ErrPending)
	require.Equal(t, []string{"b"}, take())
	require.Empty(t, take())
	require.NoError(t, l.Err())
	require.Empty(t, take())
}

// What ends the update, or the session, ends the listing and the difference.
func TestListingOfFailedUpdates(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("a", nil)
	v, _ := viewOf(t, repo, verify.Options{})
	lost := verifytest.Files{}.Source()

	s := v.begin()
	l := s.List(verify.ListOptions{})
	require.Error(t, s.Run(context.Background(), nil, lost))
	for range l.Targets() {
		t.Fatal("nothing is trusted")
	}
	require.Equal(t, s.Err(), l.Err())
	d := s.Difference(v.begin(), verify.DifferenceOptions{})
	for range d.Changes() {
		t.Fatal("nothing is trusted")
	}
	require.ErrorIs(t, d.Err(), verify.ErrNotAtSource)

	s = v.begin()
	l = s.List(verify.ListOptions{})
	d = s.Difference(v.begin(), verify.DifferenceOptions{})
	require.ErrorIs(t, d.Err(), verify.ErrPending)
	require.NoError(t, s.Run(context.Background(), nil, v.mirror))
	full := errors.New("the disk is full")
	s.Abandon(full)
	for range l.Targets() {
		t.Fatal("what it rests on is not saved")
	}
	require.ErrorIs(t, l.Err(), verify.ErrSave)
	require.ErrorIs(t, d.Err(), verify.ErrSave)
	require.True(t, l.Done())
}

// R-5.6.8b: where roles share keys and the snapshot lists versions alone, a
// mirror can send an empty bin's file as that of another bin. The list says
// which files are not bound.
func TestListingOfFilesInDoubt(t *testing.T) {
	for _, hashes := range []bool{false, true} {
		repo := verifytest.New(verifytest.Options{MetaHashes: hashes})
		repo.Targets().DelegateSuccinct("bin", 1)
		repo.Targets().AddToBin("a", nil)
		full, empty := repo.Targets().Bin("a").Name(), "bin-0"
		if full == empty {
			empty = "bin-1"
		}
		v, _ := viewOf(t, repo, verify.Options{})
		all := list(t, v.begin(), v.mirror, verify.ListOptions{})
		require.NoError(t, all.err)
		bound := map[string]bool{}
		for _, r := range all.roles {
			bound[r.Role] = r.Bound
		}
		require.Equal(t, map[string]bool{"targets": true, full: true, empty: hashes}, bound)
	}
}
