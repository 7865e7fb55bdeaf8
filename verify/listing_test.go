package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/internal/model"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// listed is what a listing came to.
type listed struct {
	targets []*verify.Target
	leftOut []*verify.LeftOutError
	roles   []verify.ListedRole
	err     error
}

// list takes a listing to its end.
func list(t testing.TB, s *verify.Session, mirror verify.Source, o verify.ListOptions) (all listed) {
	l := s.List(o)
	for rounds := 0; !l.Done(); rounds++ {
		require.Less(t, rounds, 100_000, "the listing does not come to an end")
		if err := s.Run(context.Background(), nil, mirror); err != nil {
			require.ErrorIs(t, err, s.Err())
		}
		for target, err := range l.Targets() {
			left := new(verify.LeftOutError)
			switch {
			case err == nil:
				all.targets = append(all.targets, target)
			default:
				require.ErrorAs(t, err, &left)
				all.leftOut = append(all.leftOut, left)
			}
		}
	}
	all.roles, all.err = l.Roles(), l.Err()
	return all
}

var oneListing = flag.Uint64("listing", 0, "list in the world of this seed only, and print its story")

// TestListing compares, in random repositories, what is listed with one lookup
// for each path that any file lists: R-L.1.
func TestListing(t *testing.T) {
	seen := map[string]int{}
	if *oneListing != 0 {
		w := compareListing(t, *oneListing, seen)
		t.Log(w.Story())
		return
	}
	n := manyOr(1000, 200)
	for seed := range uint64(n) {
		compareListing(t, seed+1, seen)
	}
	requireOutcomes(t, n, seen, []string{
		"complete", "incomplete", "the update failed", "found", "found in another role than the first that lists it",
		"no target", "left out: a file could not be fetched", "left out: a role is not in the snapshot",
		"left out: a limit was reached", "left out: a role's file may be that of another role",
	})
}

func compareListing(t *testing.T, seed uint64, seen map[string]int) *histories.World {
	w := histories.New(seed)
	for range w.IntN(3) {
		w.Happen()
	}
	o := verify.Options{}
	if w.Chance(20) {
		o.Limits.MaxDelegations = 1 + w.IntN(4)
	}
	o.SuccinctFallThrough = w.Chance(10)
	if w.Chance(10) {
		o.Lookahead = 3
	}
	begin := func() *verify.Session {
		s, err := verify.New(w.InitialRoot(), verify.Stored{}, w.Time(), o)
		if err != nil {
			return nil
		}
		return s
	}
	if begin() == nil {
		seen["a bad trusted root"]++
		return w
	}
	mirror := w.Mirror().Source()
	got := list(t, begin(), mirror, verify.ListOptions{AtOnce: w.IntN(4)})
	s := begin()
	if err := s.Run(context.Background(), nil, mirror); err != nil {
		seen["the update failed"]++
		require.Error(t, got.err)
		require.NotErrorIs(t, got.err, verify.ErrIncomplete)
		require.Empty(t, got.targets)
		return w
	}
	where := fmt.Sprintf("world %d", seed)
	compareWithLookups(t, where, s, mirror, universe(w.Mirror()), got, seen)
	if !o.SuccinctFallThrough { // the model has no such option
		compareWithModel(t, where, w, o, got)
	}
	return w
}

// compareWithModel compares a list with that of the second verifier.
func compareWithModel(t *testing.T, where string, w *histories.World, o verify.Options, got listed) {
	limits := defaultLimits
	if o.Limits.MaxDelegations > 0 {
		limits.Roles = o.Limits.MaxDelegations
	}
	m, err := model.New(w.InitialRoot(), model.Stored{}, w.Time(), limits, model.Plain())
	require.NoError(t, err, where)
	answer := func(want *model.Want) {
		body, ok := w.Mirror()[want.Path]
		switch {
		case !ok:
			m.Absent(want)
		case m.Offer(want, body) != nil:
			m.GiveUp(want)
		}
	}
	for done, _ := m.Done(); !done; done, _ = m.Done() {
		answer(m.Wants()[0])
	}
	var want, have []string
	for _, l := range m.List(answer) {
		if l.Err == nil {
			want = append(want, fmt.Sprint(l.Path, " ", l.Role, " ", l.Length, " ", l.Hashes))
		}
	}
	for _, target := range got.targets {
		have = append(have, fmt.Sprint(target.Path, " ", target.Role, " ", target.Length, " ", maps.Collect(target.Hashes.All())))
	}
	require.ElementsMatch(t, want, have, "%s: the model lists something else", where)
}

// compareWithLookups looks up each path, and compares the answers with a list
// in both directions.
func compareWithLookups(
	t *testing.T, where string, s *verify.Session, mirror verify.Source, paths []string, got listed, seen map[string]int,
) {
	byPath := map[string]*verify.Target{}
	for _, target := range got.targets {
		require.NotContains(t, byPath, target.Path, "%s: it is listed twice", where)
		byPath[target.Path] = target
	}
	leftOut := map[string]error{}
	for _, left := range got.leftOut {
		leftOut[left.Path] = left.Err
	}
	var unanswered error
	for _, path := range paths {
		lookup := s.Lookup(path)
		require.NoError(t, s.Run(context.Background(), nil, mirror))
		want, err := lookup.Target()
		switch {
		case err == nil:
			seen["found"]++
			if len(lookup.Trail()) > 2 {
				seen["found in another role than the first that lists it"]++
			}
			require.Contains(t, byPath, path, "%s: a lookup finds it in %s", where, want.Role)
			require.Equal(t, asJSON(t, want), asJSON(t, byPath[path]), where)
			delete(byPath, path)
		case errors.Is(err, verify.ErrNoTarget):
			seen["no target"]++
		default:
			// Which paths a limit keeps from an answer, or a file in doubt, the
			// list knows only if a role lists them.
			if !errors.Is(err, verify.ErrLimit) && !errors.Is(err, verify.ErrUndecided) {
				unanswered = err
			}
			if left, ok := leftOut[path]; ok {
				seen[fmt.Sprintf("left out: %v", modelError(err))]++
				require.Equal(t, modelError(err), modelError(left), "%s: %s", where, path)
				delete(leftOut, path)
			}
		}
	}
	require.Empty(t, byPath, "%s: no lookup finds these", where)
	require.Empty(t, leftOut, "%s: lookups have an answer for these", where)
	if unanswered != nil {
		require.ErrorIs(t, got.err, verify.ErrIncomplete, "%s: %v", where, unanswered)
	}
	if got.err == nil {
		seen["complete"]++
	} else {
		require.ErrorIs(t, got.err, verify.ErrIncomplete, where)
		seen["incomplete"]++
	}
}

func asJSON(t *testing.T, target *verify.Target) string {
	data, err := target.MarshalJSON()
	require.NoError(t, err)
	return string(data)
}

// universe returns every path that any file of a mirror lists.
func universe(files verifytest.Files) []string {
	set := map[string]bool{}
	for _, data := range files {
		var file struct {
			Signed struct {
				Targets map[string]any `json:"targets"`
			} `json:"signed"`
		}
		if json.Unmarshal(data, &file) == nil {
			for path := range file.Signed.Targets {
				set[path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}
