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
)

// says is what a repository lists for x: the content under sha256 and under
// sha512 (0: not listed), and a length. Without both hashes it is md5 only.
type says struct {
	silent, absent bool
	h256, h512     byte
	length         int
}

func (a says) agrees(b says) bool {
	shared := a.h256 != 0 && a.h256 == b.h256 || a.h512 != 0 && a.h512 == b.h512
	return shared && !a.contradicts(b)
}

func (a says) contradicts(b says) bool {
	return a.length != b.length || a.h256 != 0 && b.h256 != 0 && a.h256 != b.h256 || a.h512 != 0 && b.h512 != 0 && a.h512 != b.h512
}

// naive decides on an entry by trying every subset of its repositories.
func naive(of []says, threshold int) (vouchers []int, reasons []error, conflict bool) {
	var union uint
	for subset := uint(1); subset < 1<<len(of); subset++ {
		size, good := 0, true
		for i, a := range of {
			if subset>>i&1 == 0 {
				continue
			}
			size++
			good = good && !a.silent && !a.absent && a.h256+a.h512 != 0
			for j, b := range of[:i] {
				good = good && (subset>>j&1 == 0 || a.agrees(b))
			}
		}
		if good && size >= threshold {
			union |= subset
		}
	}
	heard, absent, silent, quarrel := 0, 0, 0, false
	for i, a := range of {
		switch {
		case a.silent:
			silent++
			continue
		case a.absent:
			absent++
			continue
		}
		heard++
		if union>>i&1 == 1 {
			vouchers = append(vouchers, i)
		}
		for j, b := range of[:i] {
			if !b.silent && !b.absent && a.contradicts(b) {
				quarrel = true
				conflict = conflict || union>>i&1 == 1 && union>>j&1 == 1
			}
		}
	}
	if vouchers != nil && !conflict {
		return vouchers, nil, false
	}
	if absent == len(of) {
		return nil, []error{verify.ErrNoTarget}, false
	}
	if heard > 0 && (quarrel || absent > 0 || silent == 0) {
		reasons = append(reasons, multirepo.ErrDisagreement)
	}
	if silent > 0 {
		reasons = append(reasons, multirepo.ErrNoAnswer)
	}
	return nil, reasons, conflict
}

// naiveSearch goes through the entries: it returns the one that decides, who
// vouches there, and why nobody does.
func naiveSearch(entries []ruled, all []says, fall bool) (at int, vouchers []int, reasons []error) {
	var passed []error
	for i, e := range entries {
		if !e.matches {
			continue
		}
		at = i
		var of []says
		for _, r := range e.repositories {
			of = append(of, all[r])
		}
		positions, reasons, conflict := naive(of, e.threshold)
		if reasons == nil {
			for _, p := range positions {
				vouchers = append(vouchers, e.repositories[p])
			}
			return i, vouchers, nil
		}
		absent := slices.Equal(reasons, []error{verify.ErrNoTarget})
		disagree := slices.Equal(reasons, []error{multirepo.ErrDisagreement}) && !conflict
		if !absent && passed == nil && disagree {
			passed = reasons
		}
		if !e.terminating && (absent || fall && disagree) {
			continue
		}
		if absent && passed != nil {
			return i, nil, passed
		}
		return i, nil, reasons
	}
	if passed != nil {
		return at, nil, passed
	}
	return at, nil, []error{verify.ErrNoTarget}
}

// ruled is a random entry.
type ruled struct {
	matches, terminating bool
	repositories         []int
	threshold            int
}

// Random maps over random repositories, against a decision by trying every
// subset.
func TestRandomMaps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	for n := range 400 {
		w := newWorld(t)
		w.options.FallThrough = random.IntN(2) == 0
		all := make([]says, 1+random.IntN(5))
		var names []string
		for i := range all {
			s := says{silent: random.IntN(6) == 0, absent: random.IntN(3) == 0, length: 1}
			const contents = "\x00aaab"
			s.h256, s.h512 = contents[random.IntN(len(contents))], contents[random.IntN(len(contents))]
			if random.IntN(8) == 0 {
				s.length = 2
			}
			all[i] = s
			name := string(rune('A' + i))
			names = append(names, name)
			repo := w.add(name, plain, nil)
			w.down[name] = s.silent
			if s.absent {
				continue
			}
			text := "md5:" + string("ab"[random.IntN(2)]) + " length:" + strings.Repeat("x", s.length)
			if s.h256 != 0 {
				text += " 256:" + string(s.h256)
			}
			if s.h512 != 0 {
				text += " 512:" + string(s.h512)
			}
			list(repo, text)
		}
		var entries []ruled
		for range 1 + random.IntN(3) {
			e := ruled{matches: random.IntN(5) > 0, terminating: random.IntN(3) == 0, repositories: random.Perm(len(all))[:1+random.IntN(len(all))]}
			e.threshold = 1 + random.IntN(len(e.repositories))
			var of []string
			for _, r := range e.repositories {
				of = append(of, names[r])
			}
			w.entry(map[bool]string{true: "y,[x]", false: "y"}[e.matches], strings.Join(of, ","), e.threshold, e.terminating)
			entries = append(entries, e)
		}
		at, want, reasons := naiveSearch(entries, all, w.options.FallThrough)
		target, l, err := w.find("x")
		text := fmt.Sprintf("%d: %+v\n%+v\n%s", n, entries, all, strings.Join(texts(l.Trail()), "\n"))
		if trail := l.Trail(); len(trail) > 0 {
			require.Equal(t, at, trail[len(trail)-1].Entry, text)
		}
		if reasons != nil {
			for _, kind := range []error{verify.ErrNoTarget, multirepo.ErrDisagreement, multirepo.ErrNoAnswer} {
				require.Equal(t, slices.Contains(reasons, kind), errors.Is(err, kind), text)
			}
			kinds[fmt.Sprint(reasons)]++
			continue
		}
		require.NoError(t, err, text)
		var vouchers []int
		for _, v := range target.Attestations {
			vouchers = append(vouchers, slices.Index(names, v.Repository))
		}
		require.Equal(t, want, vouchers, text)
		kinds[fmt.Sprint("found by ", len(want))]++
	}
	require.GreaterOrEqual(t, len(kinds), 7, "%v", kinds)
	t.Log(kinds)
}
