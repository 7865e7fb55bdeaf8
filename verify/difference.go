package verify

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// DifferenceOptions are the options of a difference.
type DifferenceOptions struct {
	// AtOnce is as in ListOptions.
	AtOnce int
	// Delegates says which roles delegate to others in the old view:
	// ListedRole.Delegates of its listing. An unchanged role for which it says
	// no is not asked for. If it is nil, all roles are asked for.
	Delegates func(role string) bool
}

// Change is a target with another answer in the new view than in the old one:
// another role, length, hash or custom data.
type Change struct {
	Path string
	// Old and New are the answers of the two views. If there is no Old, the
	// target has come; if there is no New, it has gone.
	Old, New *Target
}

// Difference compares the targets of two views of a repository. It lists only
// the roles that the two snapshots list differently, and looks their targets up
// in the other view. So it asks for those roles, for those that delegate, and
// for those that a search comes to before, and costs what has changed. If
// delegations have changed, or DifferenceOptions.Delegates is missing, it
// compares everything.
//
// The old view is a session too: one with the files of the last update, that
// answers by the time of that update. The caller answers the requests of both
// sessions, those of the old one from the files that it has saved:
//
//	d := s.Difference(old, verify.DifferenceOptions{Delegates: delegated})
//	for !d.Done() {
//		if err := old.Run(ctx, nil, saved); err != nil {
//			return err
//		}
//		if err := s.Run(ctx, store, mirror); err != nil {
//			return err
//		}
//		for change, err := range d.Changes() {
//			// use change, or report err
//		}
//	}
//	return d.Err()
//
// The files of changed roles may be asked for up to three times, since they
// are let go in between. The two sessions must have the same options.
//
// What the caller must see to: a role that has not changed is not judged again,
// so whether it has expired in the meantime is for the caller to know
// (ListedRole.Expires). If the snapshots list no hashes, roles with the same
// version count as unchanged.
//
// R-5.6.9c: it has what the lists of the two views do not have in common.
type Difference struct {
	old, new *Session
	options  DifferenceOptions
	shapes   [2]*Listing // of the old view and the new one: which delegations there are
	whole    bool
	passes   []*pass
	done     bool
	ready    []changed
	end      IncompleteError
	err      error
}

// pass compares what one view lists with the answers of the other.
type pass struct {
	list    *Listing
	other   *Session
	number  int
	targets []*Target // of one role
	lookups []*Lookup // of their paths, in the other view
}

type changed struct {
	change Change
	err    error
}

// Difference begins to compare the view of this session with an older one.
func (s *Session) Difference(old *Session, o DifferenceOptions) *Difference {
	d := &Difference{old: old, new: s, options: o}
	if d.whole = o.Delegates == nil; d.whole {
		d.compare()
		return d
	}
	enter := func(role string) (enter, list bool) { return d.delegates(role) || d.changed(role), false }
	d.shapes = [2]*Listing{old.list(o.AtOnce, enter), s.list(o.AtOnce, enter)}
	return d
}

func (d *Difference) delegates(role string) bool { return d.options.Delegates(role) }

// changed says whether the snapshots list a role differently.
func (d *Difference) changed(role string) bool {
	before, was := d.old.trusted.snapshot.Content().File(role)
	now, is := d.new.trusted.snapshot.Content().File(role)
	return was != is || before != now
}

// compare begins the two passes: what the new view lists, and what the old one
// does.
func (d *Difference) compare() {
	only := func(role string) (enter, list bool) {
		list = d.whole || d.changed(role)
		return list || d.delegates(role), list
	}
	for _, v := range [2][2]*Session{{d.new, d.old}, {d.old, d.new}} {
		v[1].lookups.count++
		d.passes = append(d.passes, &pass{list: v[0].list(d.options.AtOnce, only), other: v[1], number: v[1].lookups.count})
	}
}

// Changes yields what is different, as far as it is known: each path once, or a
// *LeftOutError for a path that one view lists and the other has no answer for.
// Then it asks for the files that come next. It is used like Listing.Targets.
func (d *Difference) Changes() iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for {
			for len(d.ready) > 0 {
				next := d.ready[0]
				if d.ready = d.ready[1:]; !yield(next.change, next.err) {
					return
				}
			}
			if !d.step() {
				return
			}
		}
	}
}

// Done says that there is no more to come: Err has the result.
func (d *Difference) Done() bool { return !errors.Is(d.Err(), ErrPending) }

// Err returns ErrPending (wrapped) while the difference is not done, and at the
// end nil if it is whole, an *IncompleteError if something was left out, or
// what ended the update of one of the views.
func (d *Difference) Err() error {
	for _, s := range []*Session{d.old, d.new} {
		if s.update.broken != nil {
			return s.update.broken
		}
	}
	switch {
	case d.err != nil:
		return d.err
	case !d.done || len(d.ready) > 0:
		return fmt.Errorf("difference: %w: answer the requests of both sessions (Run), then call Changes", ErrPending)
	case d.end.First != nil:
		end := d.end
		return &end
	}
	return nil
}

// Roles returns the roles of the new view that were compared, as Listing.Roles
// does: all of them, or those that have changed or delegate.
func (d *Difference) Roles() []ListedRole {
	if len(d.passes) == 0 {
		return nil
	}
	return d.passes[0].list.Roles()
}

// step takes the difference one role further, and says whether it need not
// wait.
func (d *Difference) step() bool {
	switch {
	case d.Done():
		return false
	case d.old.update.phase == phaseFailed, d.new.update.phase == phaseFailed:
		d.err = errors.Join(d.old.update.err, d.new.update.err)
		return false
	case d.old.update.phase != phaseReady, d.new.update.phase != phaseReady:
		return false
	case d.passes == nil:
		return d.stepShapes()
	}
	for _, p := range d.passes {
		switch more, err := p.step(d); {
		case err != nil:
			d.err = err
			return false
		case more:
			return true
		case !p.over():
			return false
		}
	}
	d.done = true
	return false
}

// stepShapes finds out whether delegations have changed.
//
// R-5.6.9c: if so, any target may have another answer.
func (d *Difference) stepShapes() bool {
	for _, l := range d.shapes {
		for l.step() { // it lists none; what it leaves out, the passes meet again
		}
	}
	if !d.shapes[0].Done() || !d.shapes[1].Done() {
		return false
	}
	d.whole = !slices.Equal(d.shapes[0].shape, d.shapes[1].shape)
	d.shapes = [2]*Listing{}
	d.compare()
	return true
}

func (p *pass) over() bool { return p.list.Done() && p.targets == nil }

// step compares the targets of one role, and says whether it need not wait.
func (p *pass) step(d *Difference) (more bool, err error) {
	if p.targets == nil {
		if more, err := p.next(d); !more || err != nil {
			return more, err
		}
	}
	if slices.ContainsFunc(p.lookups, func(k *Lookup) bool { return p.other.lookups.pending[k] }) ||
		len(p.other.queue.batch.Save) > 0 {
		return false, nil
	}
	for i, k := range p.lookups {
		d.add(p, p.targets[i], k)
	}
	for _, k := range p.lookups { // not before: they share roles
		if n := len(k.trail); n > 0 {
			if last := k.trail[n-1].edge; last != nil && !last.delegates() {
				p.other.letGo(last)
			}
		}
	}
	p.targets, p.lookups = nil, nil
	return true, nil
}

// next takes the targets of the next role, and looks their paths up in the
// other view.
func (p *pass) next(d *Difference) (more bool, err error) {
	if p.list.Done() {
		return false, nil
	}
	for len(p.list.ready) == 0 {
		if !p.list.step() {
			return false, p.finish(d)
		}
	}
	ready := p.list.ready
	p.list.ready = nil
	p.targets, p.lookups = []*Target{}, []*Lookup{}
	for _, line := range ready {
		if line.err != nil {
			d.leaveOut(line.err)
			continue
		}
		p.targets = append(p.targets, line.target)
		p.lookups = append(p.lookups, p.other.lookupFor(line.target.Path, p.number, nil))
	}
	return true, nil
}

// finish notes, once the list is done, which roles were not available, and
// returns why it cannot go on.
func (p *pass) finish(d *Difference) error {
	if !p.list.Done() {
		return nil
	}
	d.end.Roles += p.list.end.Roles
	if d.end.First == nil {
		d.end.First = p.list.end.First
	}
	return p.list.err
}

func (d *Difference) leaveOut(err error) {
	d.end.note(&d.end.Targets, err)
	d.ready = append(d.ready, changed{err: err})
}

// add notes the difference between a target of one view and the answer of the
// other. What both views have is noted once: in the pass of the new view, if
// that lists it.
func (d *Difference) add(p *pass, t *Target, k *Lookup) {
	c := Change{Path: t.Path, Old: k.target, New: t}
	if p.other == d.new {
		c.Old, c.New = t, k.target
	}
	switch {
	case k.err != nil && !errors.Is(k.err, ErrNoTarget):
		d.leaveOut(&LeftOutError{t.Path, t.Role, k.err})
	case p.other == d.new && c.New != nil && d.lists(c.New.Role):
	case c.Old == nil || c.New == nil || c.Old.Role != c.New.Role || c.Old.info != c.New.info:
		d.ready = append(d.ready, changed{change: c})
	}
}

// lists says whether the pass of the new view lists the targets of a role.
func (d *Difference) lists(role string) bool { return d.whole || d.changed(role) }
