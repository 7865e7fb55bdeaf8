package verify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// view is a state of a repository, as one client sees it.
type view struct {
	begin  func() *verify.Session
	mirror verify.Source
	files  verifytest.Files
}

// differ takes a difference to its end. It returns the changes as text, by
// path, and the errors.
func differ(t testing.TB, old, now view, o verify.DifferenceOptions) (map[string]string, []error, *verify.Difference) {
	before, after := old.begin(), now.begin()
	d := after.Difference(before, o)
	changes, errs := map[string]string{}, []error(nil)
	for rounds := 0; !d.Done(); rounds++ {
		require.Less(t, rounds, 10_000, "the difference does not come to an end")
		_ = before.Run(context.Background(), nil, old.mirror)
		_ = after.Run(context.Background(), nil, now.mirror)
		for c, err := range d.Changes() {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			require.NotContains(t, changes, c.Path, "it comes twice")
			changes[c.Path] = changeText(c.Old, c.New)
		}
	}
	return changes, errs, d
}

func changeText(old, now *verify.Target) string {
	text := func(t *verify.Target) string {
		if t == nil {
			return "none"
		}
		custom, _ := t.Custom()
		return fmt.Sprintf("%s %d %v %s", t.Role, t.Length, t.Hashes, custom)
	}
	return text(old) + " -> " + text(now)
}

// bruteForce compares two lists.
func bruteForce(old, now []*verify.Target) map[string]string {
	before, after, changes := map[string]*verify.Target{}, map[string]*verify.Target{}, map[string]string{}
	for _, t := range old {
		before[t.Path] = t
	}
	for _, t := range now {
		after[t.Path] = t
		if b := before[t.Path]; b == nil || changeText(b, nil) != changeText(t, nil) {
			changes[t.Path] = changeText(b, t)
		}
	}
	for path, t := range before {
		if after[path] == nil {
			changes[path] = changeText(t, nil)
		}
	}
	return changes
}

// delegated says which roles delegate in a list.
func delegated(all listed) func(role string) bool {
	set := map[string]bool{}
	for _, r := range all.roles {
		set[r.Role] = set[r.Role] || r.Delegates
	}
	return func(role string) bool { return set[role] }
}

// TestDifference compares, in random histories, what a difference says with the
// difference of two lists: R-5.6.9c.
func TestDifference(t *testing.T) {
	seen := map[string]int{}
	n := manyOr(300, 200)
	for seed := range uint64(n) {
		compareDifference(t, seed+1, seen)
	}
	requireOutcomes(t, n, seen, []string{
		"complete", "incomplete", "fewer roles than there are", "nothing has changed",
	})
}

func compareDifference(t *testing.T, seed uint64, seen map[string]int) {
	where := fmt.Sprintf("world %d", seed)
	w := histories.New(seed)
	see := func() view {
		root, now, files := w.InitialRoot(), w.Time(), w.Mirror().Clone()
		return view{func() *verify.Session {
			s, err := verify.New(root, verify.Stored{}, now, verify.Options{})
			if err != nil {
				return nil
			}
			return s
		}, files.Source(), files}
	}
	old := see()
	if old.begin() == nil {
		return
	}
	for range 1 + w.IntN(2) {
		w.Happen()
	}
	compareViews(t, where, old, see(), w.Chance(80), seen)
}

// compareViews compares the difference of two views with that of their lists.
func compareViews(t *testing.T, where string, old, now view, delegates bool, seen map[string]int) {
	before := list(t, old.begin(), old.mirror, verify.ListOptions{AtOnce: 2})
	after := list(t, now.begin(), now.mirror, verify.ListOptions{AtOnce: 2})
	if twoFiles(old, now, before, after) {
		seen["two files with one version"]++
		return
	}
	o := verify.DifferenceOptions{AtOnce: len(where) % 3}
	if delegates {
		o.Delegates = delegated(before)
	}
	changes, errs, d := differ(t, old, now, o)
	want := bruteForce(before.targets, after.targets)
	if before.err != nil || after.err != nil {
		seen["incomplete"]++
		for path, change := range changes {
			require.Equal(t, want[path], change, "%s: %s", where, path)
		}
		return
	}
	seen["complete"]++
	for _, err := range errs {
		// One view lists it. No role of the other does, and yet a lookup there
		// has no certain answer.
		left := new(verify.LeftOutError)
		require.ErrorAs(t, err, &left, where)
		require.ErrorIs(t, err, verify.ErrUndecided, where)
		require.Contains(t, want, left.Path, where)
		delete(want, left.Path)
		seen["no answer in one view"]++
	}
	if len(errs) == 0 {
		require.NoError(t, d.Err(), where)
	} else {
		require.ErrorIs(t, d.Err(), verify.ErrIncomplete, where)
	}
	require.Equal(t, want, changes, where)
	if len(d.Roles()) < len(after.roles) {
		seen["fewer roles than there are"]++
	}
	count(seen, before, after, want)
}

// twoFiles says whether a repository has signed two files of a role with the
// same version. A snapshot without hashes does not tell them apart.
func twoFiles(old, now view, before, after listed) bool {
	versions := map[string]string{}
	name := func(r verify.ListedRole) string { return fmt.Sprintf("%s %d", r.Role, r.Version) }
	for _, r := range before.roles {
		versions[name(r)] = string(old.files[r.Path])
	}
	for _, r := range after.roles {
		if data, ok := versions[name(r)]; ok && data != string(now.files[r.Path]) {
			return true
		}
	}
	return false
}

// count notes which kinds of changes there are.
func count(seen map[string]int, before, after listed, changes map[string]string) {
	if len(changes) == 0 {
		seen["nothing has changed"]++
	}
	in := func(all listed, path string) bool {
		for _, t := range all.targets {
			if t.Path == path {
				return true
			}
		}
		return false
	}
	for path := range changes {
		switch {
		case !in(before, path):
			seen["came"]++
		case !in(after, path):
			seen["went"]++
		default:
			seen["changed"]++
		}
	}
}

// TestDifferenceAsksForLittle shows what is asked for: of a thousand bins, those
// that have changed.
func TestDifferenceAsksForLittle(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().DelegateSuccinct("bin", 8)
	for i := range 1000 {
		repo.Targets().AddToBin(binPath(i), []byte("one"))
	}
	see := func() view {
		repo.Publish()
		root, now, mirror := repo.TrustedRoot(), repo.Now(), repo.Metadata().Clone().Source()
		return view{func() *verify.Session {
			s, err := verify.New(root, verify.Stored{}, now, verify.Options{})
			require.NoError(t, err)
			return s
		}, mirror, nil}
	}
	old := see()
	before := list(t, old.begin(), old.mirror, verify.ListOptions{})
	require.NoError(t, before.err)
	require.Len(t, before.targets, 1000)
	repo.Targets().AddToBin(binPath(1), []byte("another"))
	repo.Targets().AddToBin("new", []byte("new"))
	repo.Targets().Bin(binPath(2)).RemoveTarget(binPath(2))
	now := see()
	asked := map[string]bool{}
	inner := now.mirror
	now.mirror = func(ctx context.Context, q verify.Request) ([]byte, error) {
		asked[q.Role] = true
		return inner(ctx, q)
	}
	changes, errs, d := differ(t, old, now, verify.DifferenceOptions{AtOnce: 4, Delegates: delegated(before)})
	require.Empty(t, errs)
	require.NoError(t, d.Err())
	after := list(t, now.begin(), inner, verify.ListOptions{})
	require.Equal(t, bruteForce(before.targets, after.targets), changes)
	require.Len(t, changes, 3)
	require.LessOrEqual(t, len(asked), 4+3, "root, timestamp, snapshot, targets, and three bins")
}
