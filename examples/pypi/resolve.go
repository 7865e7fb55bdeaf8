package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxTurns is the limit for choosing versions anew.
const maxTurns = 100

// errCircles is returned for requirements that undo each other's choices.
var errCircles = errors.New("the requirements go in circles: choose a version with NAME==VERSION")

// missing is what has to be fetched before the next round.
type missing struct {
	pages    []string
	metadata []*release
}

func (m missing) any() bool { return len(m.pages)+len(m.metadata) > 0 }

// resolve chooses a release of each project that is required, directly or not,
// from what is known so far. The choice is final if nothing is missing. Each
// call begins anew, so requirements of a version that is no longer chosen have
// no effect. It does not try older versions when requirements conflict: that is
// an error.
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
			slices.SortFunc(m.metadata, byName)
			return next, m, nil
		}
		chosen = next
	}
	return nil, missing{}, errCircles
}

func byName(a, b *release) int { return strings.Compare(a.name, b.name) }

// demanded collects the requirements for each project: those of the command
// line and those of the chosen releases.
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

// pick returns the newest release that all demands allow. It returns a
// pre-release only if there is no other.
func (p *project) pick(demands []requirement) (*release, error) {
	exact := slices.ContainsFunc(demands, func(d requirement) bool { return d.exact })
	var pre *release
	for _, r := range p.releases { // newest first
		refuses := func(d requirement) bool { return !d.allows(r.version) }
		if r.file.yanked() && !exact || slices.ContainsFunc(demands, refuses) {
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
	if len(versions) == 0 {
		versions = []string{"no version"}
	}
	return nil, fmt.Errorf("no version of %s fits: want %s; there are wheels of %s",
		p.name, strings.Join(texts, ", "), strings.Join(versions, ", "))
}
