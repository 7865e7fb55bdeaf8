package verify_test

import (
	"context"
	"errors"
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

// Lookahead changes when files are asked for, and nothing else
// (docs/decisions.md, "Files asked for ahead"). In random histories a client
// without it and one with it meet the same mirror, which may lose and corrupt
// files. They must reach the same end, trust, save and find the same, and give
// the same reasons for what they do not find.
func TestLookaheadChangesNothing(t *testing.T) {
	n := manyOr(fewHistories/3, 200)
	seen := map[string]int{}
	for seed := *firstHistory; seed < *firstHistory+uint64(n); seed++ {
		compareLookahead(t, seed, seen)
	}
	requireOutcomes(t, n, seen, []string{
		"accepted ahead", "rejected ahead", "not found ahead", "rejected in its turn", "answered too late",
	})
}

// compareLookahead plays the history of a seed to both clients, and adds to
// seen what happened to the one with lookahead.
func compareLookahead(t *testing.T, seed uint64, seen map[string]int) {
	w := histories.New(seed)
	without, with := verifytest.Store{}, verifytest.Store{}
	for i := range 2 + w.IntN(4) {
		if i > 0 {
			w.Happen()
		}
		limits := verify.Limits{}
		if w.Chance(20) {
			limits.MaxRootRotations, limits.MaxDelegations = 1+w.IntN(3), 1+w.IntN(4)
		}
		mirror, paths := corrupted(w), w.Paths()
		lookahead := []int{1, 2, 64}[w.IntN(3)]
		a := runOnce(w, without, mirror, paths, verify.Options{Limits: limits})
		b := runOnce(w, with, mirror, paths, verify.Options{Limits: limits, Lookahead: lookahead})
		require.NoError(t, errors.Join(a.refused, b.refused), "history %d", seed)
		require.Equal(t, a.results, b.results, "history %d, lookahead %d\n%s", seed, lookahead, w.Story())
		for name, data := range a.saved { // with lookahead there may be more
			require.Equal(t, string(data), string(b.saved[name]), "history %d: %s is saved", seed, name)
		}
		for what, times := range b.seen {
			seen[what] += times
		}
	}
}

// corrupted returns the mirror's files, some of them corrupt.
func corrupted(w *histories.World) verifytest.Files {
	files := w.Mirror().Clone()
	for range w.IntN(4) {
		role := w.AnyRole()
		of := regexp.MustCompile(`^([0-9]+\.)?` + regexp.QuoteMeta(metadata.FileName(role, 0)) + "$")
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if of.MatchString(name) && w.Chance(30) {
				w.Note("%s is corrupt", name)
				files[name] = w.Corrupt(role, files[name])
			}
		}
	}
	return files
}

// clientRun is what one run of a client came to.
type clientRun struct {
	results []string         // its end, what is trusted, and the result of each lookup
	saved   verifytest.Store // in this run
	seen    map[string]int   // what happened, and how often
	refused error            // answers that the session must accept
}

// runOnce runs a client with the files of a store. It answers in random order.
func runOnce(
	w *histories.World, store verifytest.Store, mirror verifytest.Files, paths []string, o verify.Options,
) clientRun {
	v := clientRun{saved: verifytest.Store{}, seen: map[string]int{}}
	s, err := verify.New(w.InitialRoot(), verify.LoadStored(context.Background(), store), w.Time(), o)
	if err != nil {
		v.results = append(v.results, err.Error())
		return v
	}
	var lookups []*verify.Lookup
	for _, path := range paths {
		lookups = append(lookups, s.Lookup(path))
	}
	random := rand.New(rand.NewPCG(1, 2)) // not the world's, which both clients share
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
		i := random.IntN(len(open))
		v.answer(s, open[i], mirror)
		open = slices.Delete(open, i, i+1)
	}
	v.results = append(v.results, fmt.Sprint(s.Err()), fmt.Sprint(s.Warnings()))
	for _, role := range topLevel {
		v.results = append(v.results, fmt.Sprint(role, " ", s.Version(role)))
	}
	for _, l := range lookups {
		target, err := l.Target()
		line := fmt.Sprintf("%s: %v %v", l.Path(), err, l.Trail())
		if err == nil {
			line += fmt.Sprint(" ", target.Role, target.Length, target.Expires)
		}
		v.results = append(v.results, line)
	}
	return v
}

func (v *clientRun) answer(s *verify.Session, req verify.Request, mirror verifytest.Files) {
	body, ok := mirror[req.Path]
	isThis := func(r verify.Request) bool { return r.ID == req.ID }
	ahead := map[bool]string{true: " ahead"}[req.Ahead]
	if !slices.ContainsFunc(s.Outstanding(), isThis) {
		v.seen["answered too late"]++
		_ = s.Provide(req.ID, body)
		return
	}
	if !ok {
		v.seen["not found"+ahead]++
		v.refused = errors.Join(v.refused, s.NotFound(req.ID))
		return
	}
	if err := s.Provide(req.ID, body); err != nil {
		v.seen["rejected"+ahead]++
		v.refused = errors.Join(v.refused, s.Fail(req.ID, err))
		return
	}
	v.seen["accepted"+ahead]++
}
