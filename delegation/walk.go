package delegation

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Options change how a search goes. The zero value is the default.
type Options struct {
	// MaxRoles bounds the roles that one search visits, the top-level targets
	// role included. Zero means 32.
	MaxDelegations int
	// SuccinctFallThrough makes succinct bins non-terminating, as the text of
	// TAP 15 has it. Every deployed client lets them end the search, and so
	// does the default (R-T15.5).
	SuccinctFallThrough bool
}

const defaultMaxRoles = 32

var (
	// ErrNoTarget says that a search is complete and no role lists the target.
	ErrNoTarget = errors.New("no such target")
	// ErrLimit is what errors about limits wrap: the question was not decided.
	ErrLimit = errors.New("limit reached")
	// ErrUnfinished says that a search is not over.
	ErrUnfinished = errors.New("search is not over")
)

// Walk is the search for one path: pre-order, depth first, each role's
// delegations in listed order (R-5.6.7a).
//
// Within one walk a role is known by its name (R-5.6.7b): one that was visited
// on behalf of a delegator with a higher priority is not visited again for
// another. It is not safe for concurrent use.
type Walk struct {
	path    targetPath
	options Options
	stack   []Pending // to be asked, the next one last
	visited map[string]bool
	info    metadata.TargetFile
	found   bool
	err     error
}

// Pending is an edge together with the content that makes it: the delegator's,
// or nothing for the first one.
type Pending struct {
	Delegation
	By roles.Trusted[metadata.Targets]
}

// NewWalk begins a search.
func NewWalk(path string, o Options) *Walk {
	if o.MaxDelegations == 0 {
		o.MaxDelegations = defaultMaxRoles
	}
	first := Pending{Delegation: Delegation{Delegator: metadata.RoleRoot, Role: metadata.RoleTargets, Position: -1}}
	return &Walk{path: newPath(path), options: o, stack: []Pending{first}, visited: make(map[string]bool)}
}

// Next returns the role to be asked now, and the same one until Visit is
// called. It is not ok when the search is over.
func (w *Walk) Next() (Pending, bool) {
	if w.err != nil || w.found {
		return Pending{}, false
	}
	// R-5.6.7b: a role that was visited in this search is not visited again.
	for len(w.stack) > 0 && w.visited[w.top().Role] {
		w.stack = w.stack[:len(w.stack)-1]
	}
	switch {
	case len(w.stack) == 0:
		w.err = fmt.Errorf("%q: %w", w.path.name, ErrNoTarget)
	case len(w.visited) >= w.options.MaxDelegations: // R-5.6.7c
		w.err = fmt.Errorf("%q: %w: not found among the first %d roles, and there are more", w.path.name, ErrLimit, w.options.MaxDelegations)
	default:
		return w.top(), true
	}
	return Pending{}, false
}

func (w *Walk) top() Pending { return w.stack[len(w.stack)-1] }

// Visit answers Next with the content of the role: a file signed by the keys
// that the edge gives the role. A role that cannot be had ends the search
// (R-5.6.7f); the caller then has no more to do here.
func (w *Walk) Visit(t roles.Trusted[metadata.Targets]) error {
	next, ok := w.Next()
	if !ok || t.Content() == nil || t.Name() != next.Role {
		return fmt.Errorf("visit of %q: %w", t.Name(), roles.ErrUntrusted)
	}
	w.visited[next.Role] = true
	w.stack = w.stack[:len(w.stack)-1]
	// R-5.6.7d: what the role itself lists comes before what its delegations
	// list. And the role was reached by edges each of which covers the path
	//
	if w.info, w.found = t.Content().File(w.path.name); w.found {
		return nil
	}
	w.push(next.Role, t)
	return nil
}

// push puts the roles that one role delegates the path to in front of all
// others.
func (w *Walk) push(delegator string, by roles.Trusted[metadata.Targets]) {
	var edges []Pending
	left := w.options.MaxDelegations - len(w.visited)
	for e := range rolesFor(delegator, by.Content().Delegations(), w.path) {
		if w.options.SuccinctFallThrough && e.Position < 0 {
			e.Terminating = false
		}
		if w.visited[e.Role] && !e.Terminating {
			continue
		}
		edges = append(edges, Pending{e, by})
		if len(edges) > left+1 { // the limit will be reached before the rest is asked
			break
		}
		if e.Terminating { // R-5.6.7e: nothing behind it, on this level or above, is asked any more.
			w.stack = w.stack[:0]
			break
		}
	}
	slices.Reverse(edges)
	w.stack = append(w.stack, edges...)
}

// Upcoming yields the edges that will be asked in this order unless a role
// before them lists the target or delegates further: a guess, for fetching
// ahead.
func (w *Walk) Upcoming() iter.Seq[Pending] {
	return func(yield func(Pending) bool) {
		if w.err != nil || w.found {
			return
		}
		for _, p := range slices.Backward(w.stack) {
			if !w.visited[p.Role] && !yield(p) {
				return
			}
		}
	}
}

// Result returns what the search found: the entry of the role visited last, or
// an error that wraps ErrNoTarget if the search is complete, ErrLimit if it was
// cut short, and ErrUnfinished if it is not over.
func (w *Walk) Result() (metadata.TargetFile, error) {
	switch {
	case w.found:
		return w.info, nil
	case w.err != nil:
		return metadata.TargetFile{}, w.err
	}
	return metadata.TargetFile{}, ErrUnfinished
}
