package multirepo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// randomAnswer is what a repository answers for x: the content under sha256 and
// under sha512 (0: not listed), and a length. Without both hashes it lists only
// md5.
type randomAnswer struct {
	none, noTarget bool
	uncertain      bool // that there is no target
	h256, h512     byte
	length         int
}

func newRandomAnswer(random *rand.Rand) randomAnswer {
	const contents = "\x00aaab"
	a := randomAnswer{none: random.IntN(6) == 0, noTarget: random.IntN(3) == 0, length: 1}
	a.h256 = contents[random.IntN(len(contents))]
	a.h512 = contents[random.IntN(len(contents))]
	a.uncertain = a.noTarget && random.IntN(4) == 0
	if random.IntN(8) == 0 {
		a.length = 2
	}
	return a
}

// listing returns the answer as list reads it.
func (a randomAnswer) listing(random *rand.Rand) string {
	text := "md5:" + string("ab"[random.IntN(2)]) + " length:" + strings.Repeat("x", a.length)
	if a.h256 != 0 {
		text += " 256:" + string(a.h256)
	}
	if a.h512 != 0 {
		text += " 512:" + string(a.h512)
	}
	return text
}

func (a randomAnswer) lists() bool { return !a.none && !a.noTarget }

func (a randomAnswer) agrees(b randomAnswer) bool {
	shared := a.h256 != 0 && a.h256 == b.h256 || a.h512 != 0 && a.h512 == b.h512
	return shared && !a.contradicts(b)
}

func (a randomAnswer) contradicts(b randomAnswer) bool {
	return a.length != b.length ||
		a.h256 != 0 && b.h256 != 0 && a.h256 != b.h256 ||
		a.h512 != 0 && b.h512 != 0 && a.h512 != b.h512
}

// randomEntry is an entry of the map. Repositories are given by their numbers.
type randomEntry struct {
	matches, terminating bool
	repositories         []int
	threshold            int
}

func newRandomEntry(random *rand.Rand, repositories int) randomEntry {
	e := randomEntry{matches: random.IntN(5) > 0, terminating: random.IntN(3) == 0}
	e.repositories = random.Perm(repositories)[:1+random.IntN(repositories)]
	e.threshold = 1 + random.IntN(len(e.repositories))
	return e
}

// naiveGroups returns every subset in which each agrees with each other and
// which reaches the threshold. It tries every subset.
func naiveGroups(answers []randomAnswer, threshold int) (groups []uint) {
	for subset := uint(1); subset < 1<<len(answers); subset++ {
		size, good := 0, true
		for i, a := range answers {
			if subset>>i&1 == 0 {
				continue
			}
			size++
			good = good && a.lists() && a.h256+a.h512 != 0
			for j, b := range answers[:i] {
				good = good && (subset>>j&1 == 0 || a.agrees(b))
			}
		}
		if good && size >= threshold {
			groups = append(groups, subset)
		}
	}
	return groups
}

// naiveOneFile says whether there is a hash that some member of every group
// lists, and whether all members list one length.
func naiveOneFile(answers []randomAnswer, groups []uint) bool {
	common, length := false, 0
	for _, h := range "ab" {
		for _, listed := range []func(randomAnswer) byte{
			func(a randomAnswer) byte { return a.h256 }, func(a randomAnswer) byte { return a.h512 },
		} {
			all := true
			for _, group := range groups {
				some := false
				for i, a := range answers {
					some = some || group>>i&1 == 1 && listed(a) == byte(h)
				}
				all = all && some
			}
			common = common || all
		}
	}
	for _, group := range groups {
		for i, a := range answers {
			if group>>i&1 == 1 && length != 0 && a.length != length {
				return false
			}
			if group>>i&1 == 1 {
				length = a.length
			}
		}
	}
	return common
}

// naiveEntry decides on one entry: it returns the positions of the repositories
// that attest the target, or why there is none. It may be the last that can
// decide.
func naiveEntry(answers []randomAnswer, threshold int, last bool) (attesting []int, reasons []error, conflict bool) {
	groups := naiveGroups(answers, threshold)
	var union uint
	for _, group := range groups {
		union |= group
	}
	conflict = groups != nil && !naiveOneFile(answers, groups)
	listed, noTargets, none, uncertain, contradiction := 0, 0, 0, 0, false
	for i, a := range answers {
		switch {
		case a.none:
			none++
			continue
		case a.uncertain:
			uncertain++
			continue
		case a.noTarget:
			noTargets++
			continue
		}
		listed++
		if union>>i&1 == 1 {
			attesting = append(attesting, i)
		}
		for _, b := range answers[:i] {
			if b.lists() && a.contradicts(b) {
				contradiction = true
			}
		}
	}
	if attesting != nil && !conflict {
		return attesting, nil, false
	}
	if noTargets+uncertain == len(answers) && (uncertain == 0 || last) {
		return nil, []error{verify.ErrNoTarget}, false
	}
	if listed > 0 && (conflict || contradiction || noTargets > 0 || none+uncertain == 0) {
		reasons = append(reasons, multirepo.ErrDisagreement)
	}
	if none > 0 {
		reasons = append(reasons, multirepo.ErrNoAnswer)
	}
	if uncertain > 0 {
		reasons = append(reasons, verify.ErrUndecided)
	}
	return nil, reasons, conflict
}

// naiveSearch goes through the entries. It returns the entry that decides, the
// repositories that attest the target there, and why there is no target.
func naiveSearch(entries []randomEntry, all []randomAnswer, fall bool) (at int, attesting []int, reasons []error) {
	var passed []error
	for i, e := range entries {
		if !e.matches {
			continue
		}
		at = i
		var answers []randomAnswer
		for _, r := range e.repositories {
			answers = append(answers, all[r])
		}
		more := slices.ContainsFunc(entries[i+1:], func(e randomEntry) bool { return e.matches })
		positions, reasons, conflict := naiveEntry(answers, e.threshold, e.terminating || !more)
		if reasons == nil {
			for _, p := range positions {
				attesting = append(attesting, e.repositories[p])
			}
			return i, attesting, nil
		}
		noTarget := slices.Equal(reasons, []error{verify.ErrNoTarget})
		disagree := slices.Equal(reasons, []error{multirepo.ErrDisagreement}) && !conflict
		if !noTarget && passed == nil && disagree {
			passed = reasons
		}
		if !e.terminating && (noTarget || fall && disagree) {
			continue
		}
		if noTarget && passed != nil {
			return i, nil, passed
		}
		return i, nil, reasons
	}
	if passed != nil {
		return at, nil, passed
	}
	return at, nil, []error{verify.ErrNoTarget}
}

// randomName is the name of repository i: A, B, C ...
func randomName(i int) string { return string(rune('A' + i)) }

// randomWorld makes up to five repositories and up to three entries.
func randomWorld(t *testing.T, random *rand.Rand) (w *world, all []randomAnswer, entries []randomEntry) {
	w = newWorld(t)
	w.options.FallThrough = random.IntN(2) == 0
	all = make([]randomAnswer, 1+random.IntN(5))
	for i := range all {
		all[i] = newRandomAnswer(random)
		repo := w.add(randomName(i), plain, nil)
		w.down[randomName(i)] = all[i].none
		if all[i].uncertain {
			keys := repo.Keys("targets")
			repo.Targets().Delegate(verifytest.Delegation{Name: "other", Paths: []string{"other"}, Keys: keys})
			repo.Publish()
		}
		if !all[i].noTarget {
			list(repo, all[i].listing(random))
		}
	}
	for range 1 + random.IntN(3) {
		e := newRandomEntry(random, len(all))
		var repositories []string
		for _, r := range e.repositories {
			repositories = append(repositories, randomName(r))
		}
		paths := map[bool]string{true: "y,[x]", false: "y"}[e.matches]
		w.entry(paths, strings.Join(repositories, ","), e.threshold, e.terminating)
		entries = append(entries, e)
	}
	return w, all, entries
}

// Random maps of random repositories have the result that naiveSearch has.
func TestRandomMaps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	for n := range 600 {
		w, all, entries := randomWorld(t, random)
		at, want, reasons := naiveSearch(entries, all, w.options.FallThrough)
		target, l, err := w.find("x")
		text := fmt.Sprintf("%d: %+v\n%+v\n%s", n, entries, all, strings.Join(texts(l.Trail()), "\n"))
		if trail := l.Trail(); len(trail) > 0 {
			require.Equal(t, at, trail[len(trail)-1].Entry, text)
		}
		if reasons != nil {
			for _, kind := range []error{
				verify.ErrNoTarget, verify.ErrUndecided, multirepo.ErrDisagreement, multirepo.ErrNoAnswer,
			} {
				require.Equal(t, slices.Contains(reasons, kind), errors.Is(err, kind), text)
			}
			kinds[fmt.Sprint(reasons)]++
			continue
		}
		require.NoError(t, err, text)
		var attesting []int
		for _, a := range target.Attestations {
			attesting = append(attesting, int(a.Repository[0]-'A'))
		}
		require.Equal(t, want, attesting, text)
		kinds[fmt.Sprint("found by ", len(want))]++
	}
	require.GreaterOrEqual(t, len(kinds), 7, "%v", kinds)
	t.Log(kinds)
}
