package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxTurns bounds how often versions are chosen anew from what is known.
const maxTurns = 100

// errCircles is returned for requirements that undo each other's choices.
var errCircles = errors.New("the requirements' choices go in circles: pin a version with NAME==VERSION")

// missing is what has to be known before more can be said.
type missing struct {
	pages    []string
	metadata []*release
}

func (m missing) any() bool { return len(m.pages)+len(m.metadata) > 0 }

// resolve chooses a release of each project that is required, directly or not,
// from what is known so far. It is final if nothing is missing. Each time it
// begins anew, so what a version required that is not chosen any more leaves no
// trace. It does not go back and try an older version when requirements
// conflict; that is reported.
func resolve(asked []requirement, projects map[string]*project) (chosen map[string]*release, m missing, err error) {
	for range maxTurns {
		next := make(map[string]*release)
		for name, demands := range demanded(asked, chosen) {
			p := projects[name]
			if p == nil {
				m.pages = append(m.pages, name)
				continue
			}
			r, err := p.pick(demands)
			if err != nil {
				return nil, missing{}, err
			}
			if !r.known {
				m.metadata = append(m.metadata, r)
			}
			next[name] = r
		}
		if m.any() || maps.Equal(next, chosen) {
			slices.Sort(m.pages)
			slices.SortFunc(m.metadata, func(a, b *release) int { return strings.Compare(a.name, b.name) })
			return next, m, nil
		}
		chosen = next
	}
	return nil, missing{}, errCircles
}

// demanded collects who demands what, from the packages asked for and on
// through the chosen releases.
func demanded(asked []requirement, chosen map[string]*release) map[string][]requirement {
	demands := make(map[string][]requirement)
	for queue := asked; len(queue) > 0; queue = queue[1:] {
		r := queue[0]
		if c := chosen[r.name]; c != nil && demands[r.name] == nil {
			queue = slices.Concat(queue, c.requires)
		}
		demands[r.name] = append(demands[r.name], r)
	}
	return demands
}

// pick returns the newest release that all demands allow. Pre-releases are for
// those who have no choice.
func (p *project) pick(demands []requirement) (*release, error) {
	pinned := slices.ContainsFunc(demands, func(d requirement) bool { return d.pinned })
	var pre *release
	for _, r := range p.releases { // newest first
		if r.file.yanked() && !pinned || slices.ContainsFunc(demands, func(d requirement) bool { return !d.allows(r.version) }) {
			continue
		}
		if !r.version.IsPreRelease() {
			return r, nil
		}
		if pre == nil {
			pre = r
		}
	}
	if pre != nil {
		return pre, nil
	}
	var texts, versions []string
	for _, d := range demands {
		texts = append(texts, d.String())
	}
	for _, r := range p.releases {
		versions = append(versions, r.version.String())
	}
	return nil, fmt.Errorf("no version of %s will do: wanted %s; there are wheels of %s", p.name, strings.Join(texts, ", "),
		strings.Join(append(versions, "no other version")[:max(1, len(versions))], ", "))
}
