package delegation

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Options are the options of a search. The zero value gives the defaults.
type Options struct {
	// MaxDelegations limits the roles that one search visits, including the
	// top-level targets role. The default is 32.
	MaxDelegations int
	// MaxMatchSteps limits the work of comparing the path with patterns, in all
	// roles that one search visits together. It counts bytes: for each pattern
	// that is compared its length and that of the path, and the bytes of the
	// pattern that are compared with a character of the path, each time again
	// . Patterns with a beginning that the path does not have cost
	// nothing, and neither do hash prefixes. The default is 250,000,000, about
	// ten times as much as 100,000 patterns need that all begin with a star.
	MaxMatchSteps int64
	// SuccinctFallThrough makes succinct bins non-terminating, as the text of
	// TAP 15 says. By default they are terminating, as in every deployed client
	// (R-T15.5).
	SuccinctFallThrough bool
}

const (
	defaultMaxDelegations = 32
	defaultMaxMatchSteps  = 250_000_000
)

var (
	// ErrNoTarget is returned (wrapped) when a search is complete and no role
	// lists the target.
	ErrNoTarget = errors.New("no such target")
	// ErrLimit is returned (wrapped) when a limit ended a search. Whether the
	// target exists is then unknown.
	ErrLimit = errors.New("limit reached")
	// ErrUnfinished is returned (wrapped) when a search is not over.
	ErrUnfinished = errors.New("search is not over")
)

// Walk is the search for one path. It is a pre-order depth-first search. The
// delegations of each role are visited in listed order (R-5.6.7a).
//
// A search visits each role name once (R-5.6.7b), for the first delegation that
// it reaches. A Walk is not safe for concurrent use.
type Walk struct {
	path    targetPath
	options Options
	stack   []Pending // the roles to visit, the next one last
	visited map[string]bool
	parents []int // of the visited roles, in order: the position of the one that delegated to it
	ended   Delegation
	steps   int64 // left of MaxMatchSteps
	info    metadata.TargetFile
	found   bool
	err     error
}

// Pending is a delegation that a search has not visited yet.
type Pending struct {
	Delegation
	// By is the file of the delegator. It has no content for the first
	// delegation, whose delegator is root.
	By roles.Trusted[metadata.Targets]

	parent int // position of the delegator among the visited roles; -1: root
}

// NewWalk starts a search for a target path.
func NewWalk(path string, o Options) *Walk {
	if o.MaxDelegations == 0 {
		o.MaxDelegations = defaultMaxDelegations
	}
	if o.MaxMatchSteps == 0 {
		o.MaxMatchSteps = defaultMaxMatchSteps
	}
	w := &Walk{options: o, visited: make(map[string]bool)}
	w.Restart(path)
	return w
}

// Restart starts another search, with the same options, in the memory of this
// one, which must not be used any more.
func (w *Walk) Restart(path string) {
	first := Delegation{Delegator: metadata.RoleRoot, Role: metadata.RoleTargets, Position: -1}
	clear(w.visited)
	*w = Walk{
		path:    newPath(path),
		options: w.options,
		stack:   append(w.stack[:0], Pending{Delegation: first, parent: -1}),
		visited: w.visited,
		parents: w.parents[:0],
		steps:   max(w.options.MaxMatchSteps, -1),
	}
}

// Next returns the delegation to visit now. It returns the same one until Visit
// is called, and false if the search is over.
func (w *Walk) Next() (Pending, bool) {
	if w.err != nil || w.found {
		return Pending{}, false
	}
	// R-5.6.7b: no role is visited twice in a search.
	for len(w.stack) > 0 && w.visited[w.top().Role] {
		w.stack = w.stack[:len(w.stack)-1]
	}
	switch {
	case len(w.stack) == 0:
		w.err = fmt.Errorf("%q: %w", w.path.name, ErrNoTarget)
	case len(w.visited) >= w.options.MaxDelegations: // R-5.6.7c
		w.err = fmt.Errorf("%q: %w: not found among the first %d roles, and there are more",
			w.path.name, ErrLimit, w.options.MaxDelegations)
	default:
		return w.top(), true
	}
	return Pending{}, false
}

func (w *Walk) top() Pending { return w.stack[len(w.stack)-1] }

// Visit continues the search with the file of the role that Next returned. The
// file must be verified with the keys of that delegation. For any other file,
// and if the search is over, the error wraps roles.ErrUntrusted.
//
// R-5.6.7f: if the file is not available, the search ends. The caller then
// discards the Walk.
func (w *Walk) Visit(t roles.Trusted[metadata.Targets]) error {
	next, ok := w.Next()
	if !ok || t.Content() == nil || t.Name() != next.Role {
		return fmt.Errorf("visit of %q: %w", t.Name(), roles.ErrUntrusted)
	}
	w.visited[next.Role] = true
	w.parents = append(w.parents, next.parent)
	w.stack = w.stack[:len(w.stack)-1]
	// R-5.6.7d: the role's own list comes before the lists of the roles that it
	// delegates to.: each delegation on the way to the role matches the
	// path.
	if w.info, w.found = t.Content().File(w.path.name); w.found {
		return nil
	}
	w.push(next.Role, t)
	return nil
}

// push adds the delegations of a role for the path. They are visited before all
// others.
func (w *Walk) push(delegator string, by roles.Trusted[metadata.Targets]) {
	var list []Pending
	left := w.options.MaxDelegations - len(w.visited)
	// only delegations that match the path
	for e, err := range rolesFor(delegator, by.Content().Delegations(), w.path, &w.steps) {
		if err != nil {
			w.err = w.tooManySteps(delegator)
			return
		}
		if w.options.SuccinctFallThrough && e.Position < 0 {
			e.Terminating = false
		}
		if w.visited[e.Role] && !e.Terminating {
			continue
		}
		list = append(list, Pending{e, by, len(w.parents) - 1})
		if len(list) > left+1 { // the limit is reached before the rest is visited
			break
		}
		if e.Terminating { // R-5.6.7e: no later role is visited, on this level or above.
			w.stack, w.ended = w.stack[:0], e
			break
		}
	}
	// the delegation that is listed first is visited first.
	slices.Reverse(list)
	w.stack = append(w.stack, list...)
}

// Passed returns the roles that the search has left behind on the way to the
// one that Next returns: those visited roles that do not lead to it, by their
// positions in the order of the visits, counted from 0. The search comes to the
// next role only because none of them lists the target (R-5.6.8d).
func (w *Walk) Passed() (list []int) {
	if len(w.stack) == 0 {
		return nil
	}
	leads := w.top().parent // the next one of those that lead there, from the last on
	for i := len(w.parents) - 1; i >= 0; i-- {
		if i == leads {
			leads = w.parents[i]
		} else {
			list = append(list, i)
		}
	}
	slices.Reverse(list)
	return list
}

// EndedBy returns the terminating delegation after which the search visits no
// later role, and false if there is none.
func (w *Walk) EndedBy() (Delegation, bool) { return w.ended, w.ended.Role != "" }

// tooManySteps is why a search ends whose path costs too much to compare.
func (w *Walk) tooManySteps(delegator string) error {
	return fmt.Errorf("%q: %w: comparing it with the path patterns of delegations takes more than %d steps "+
		"(the last ones in role %s; patterns with fewer stars and shorter sets take less, MaxMatchSteps allows more)",
		w.path.name, ErrLimit, w.options.MaxMatchSteps, metadata.Printable(delegator))
}

// Upcoming yields the delegations that the search knows of, in the order in
// which it will visit them. It will not visit them if an earlier role lists the
// target, and may visit others before. This is for asking for files ahead.
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

// Result returns the entry of the target in the role that was visited last. If
// the search has not found the target, the error wraps
//
//   - ErrNoTarget if the search is complete;
//   - ErrLimit if a limit ended the search;
//   - ErrUnfinished if the search is not over.
func (w *Walk) Result() (metadata.TargetFile, error) {
	switch {
	case w.found:
		return w.info, nil
	case w.err != nil:
		return metadata.TargetFile{}, w.err
	}
	return metadata.TargetFile{}, ErrUnfinished
}
