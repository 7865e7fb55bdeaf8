package verify_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Decision 17: lookahead changes when files are asked for, and nothing else. In
// random histories a client without it and one with it meet the same mirror,
// which may lose and spoil files: they must come to the same end, trust, save
// and find the same, and say the same of what they do not find.
func TestLookaheadChangesNothing(t *testing.T) {
	n := fewHistories / 3
	switch {
	case *manyHistories > 0:
		n = *manyHistories
	case testing.Short():
		n = 200
	}
	seen := map[string]int{}
	for seed := *firstHistory; seed < *firstHistory+uint64(n); seed++ {
		w := histories.New(seed)
		patient, hurried := verifytest.Store{}, verifytest.Store{}
		for i := range 2 + w.IntN(4) {
			if i > 0 {
				w.Happen()
			}
			limits := verify.Limits{}
			if w.Chance(20) {
				limits.MaxRootRotations, limits.MaxDelegations = 1+w.IntN(3), 1+w.IntN(4)
			}
			mirror, paths := spoilt(w), w.Paths()
			lookahead := []int{1, 2, 64}[w.IntN(3)]
			a := visit(w, patient, mirror, paths, verify.Options{Limits: limits})
			b := visit(w, hurried, mirror, paths, verify.Options{Limits: limits, Lookahead: lookahead})
			require.Equal(t, a.told, b.told, "history %d, lookahead %d\n%s", seed, lookahead, w.Story())
			for name, data := range a.saved { // with lookahead there may be more
				require.Equal(t, string(data), string(b.saved[name]), "history %d: %s is saved", seed, name)
			}
			for what, times := range b.seen {
				seen[what] += times
			}
		}
	}
	requireOutcomes(t, n, seen, []string{"taken ahead", "refused ahead", "absent ahead", "rejected in its turn", "answered too late"})
}

// spoilt is the mirror's files, some of them not as they should be.
func spoilt(w *histories.World) verifytest.Files {
	files := w.Mirror().Clone()
	for range w.IntN(4) {
		role := w.AnyRole()
		of := regexp.MustCompile(`^([0-9]+\.)?` + regexp.QuoteMeta(metadata.FileName(role, 0)) + "$")
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if of.MatchString(name) && w.Chance(30) {
				w.Note("%s is spoilt", name)
				files[name] = w.Spoil(role, files[name])
			}
		}
	}
	return files
}

// visited is what came of one run of a client.
type visited struct {
	told  []string         // the end, what is trusted, and what came of each search
	saved verifytest.Store // in this run
	seen  map[string]int   // what happened on the way
}

// visit is one run from what was saved, the answers in random order.
func visit(w *histories.World, store verifytest.Store, mirror verifytest.Files, paths []string, o verify.Options) (v visited) {
	v.saved, v.seen = verifytest.Store{}, map[string]int{}
	s, err := verify.New(w.Anchor(), verify.LoadStored(store.Load), w.Time(), o)
	if err != nil {
		v.told = append(v.told, err.Error())
		return v
	}
	var lookups []*verify.Lookup
	for _, path := range paths {
		lookups = append(lookups, s.Lookup(path))
	}
	dice := rand.New(rand.NewPCG(1, 2)) // not the world's, which both clients share
	var open []verify.Request
	for {
		b, _ := s.Next()
		for _, rec := range b.Save {
			store[rec.StoreName], v.saved[rec.StoreName] = rec.Data, rec.Data
		}
		v.seen["rejected in its turn"] += len(b.Rejected)
		open = append(open, b.Fetch...)
		if len(open) == 0 {
			break
		}
		i := dice.IntN(len(open))
		v.answer(s, open[i], mirror)
		open = slices.Delete(open, i, i+1)
	}
	v.told = append(v.told, fmt.Sprint(s.Err()), fmt.Sprint(s.Warnings()))
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		v.told = append(v.told, fmt.Sprint(role, " ", s.Version(role)))
	}
	for _, l := range lookups {
		target, err := l.Target()
		line := fmt.Sprintf("%s: %v %v", l.Path(), err, l.Trail())
		if err == nil {
			line += fmt.Sprint(" ", target.Role, target.Length, target.Expires)
		}
		v.told = append(v.told, line)
	}
	return v
}

func (v *visited) answer(s *verify.Session, req verify.Request, mirror verifytest.Files) {
	body, ok := mirror[req.Path]
	wanted := slices.ContainsFunc(s.Outstanding(), func(r verify.Request) bool { return r.ID == req.ID })
	ahead := map[bool]string{true: " ahead"}[req.Ahead]
	switch err := error(nil); {
	case !wanted:
		v.seen["answered too late"]++
		_ = s.Provide(req.ID, body)
	case !ok:
		v.seen["absent"+ahead]++
		_ = s.NotFound(req.ID)
	default:
		if err = s.Provide(req.ID, body); err == nil {
			v.seen["taken"+ahead]++
			return
		}
		v.seen["refused"+ahead]++
		_ = s.Fail(req.ID, err)
	}
}
