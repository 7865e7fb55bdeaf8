package multirepo

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tufwalk/tufwalk/internal/foreign"
	"github.com/tufwalk/tufwalk/verify"
)

var _ verify.Updater = (*Group)(nil)

// Next hands out what there is to do for all repositories, and says whether
// there is anything. Requests and records name their repository. Calling it
// late or often loses nothing.
//
// Requests of repositories that no lookup waits for are Ahead: they may become
// needed, and nothing waits for them. Where there is no lookup, all are
// needed.
//
// The lookups of the group that are done are those of Done. Batch.Done is
// empty.
func (g *Group) Next() (b verify.Batch, ok bool) {
	for g.broken == nil && g.collect(&b) {
		g.decideAnswered()
	}
	g.handOut()
	g.markAhead(b.Fetch)
	return b, len(b.Save)+len(b.Rejected)+len(b.Fetch)+len(g.doneNow) > 0
}

// Done returns the lookups that the last call of Next handed out. The slice is
// the caller's.
func (g *Group) Done() []*Lookup { return slices.Clone(g.doneNow) }

// collect takes what the sessions have to say, and says whether there was
// anything.
func (g *Group) collect(into *verify.Batch) (found bool) {
	for _, x := range g.members {
		for _, session := range x.sessions() {
			b, ok := session.Next()
			found = found || ok
			into.Save = append(into.Save, b.Save...)
			into.Rejected = append(into.Rejected, b.Rejected...)
			into.Fetch = append(into.Fetch, b.Fetch...)
			for _, l := range b.Done {
				g.noteAnswer(l)
			}
		}
	}
	return found
}

func (g *Group) handOut() {
	g.doneNow, g.queue = g.queue, nil
	for _, l := range g.doneNow {
		l.handed = true
	}
}

// markAhead marks the requests of repositories that have no say.
func (g *Group) markAhead(list []verify.Request) {
	for i, req := range list {
		list[i].Ahead = req.Ahead || !g.hasSay(g.named[req.Repository])
	}
}

// sessions are those of a repository: its update, and the earlier view.
func (x *member) sessions() []*verify.Session {
	if x.earlier == nil {
		return []*verify.Session{x.session}
	}
	return []*verify.Session{x.session, x.earlier}
}

// find returns the session that a request is of: if it is of none, any one,
// which says so.
func (g *Group) find(id verify.RequestID) *verify.Session {
	x := g.named[id.Repository]
	switch {
	case x == nil:
		return g.members[0].session
	case x.earlier != nil && x.earlier.Wanted(id):
		return x.earlier
	}
	return x.session
}

// Provide answers a request with a body, as verify.Session.Provide does.
func (g *Group) Provide(id verify.RequestID, body []byte) error {
	if g.broken != nil {
		return g.broken
	}
	return g.find(id).Provide(id, body)
}

// ProvideSaved answers a request with a saved copy, as
// verify.Session.ProvideSaved does.
func (g *Group) ProvideSaved(id verify.RequestID, body []byte) error {
	if g.broken != nil {
		return g.broken
	}
	return g.find(id).ProvideSaved(id, body)
}

// NotFound answers a request with the word of live sources of the repository
// that the file does not exist, as verify.Session.NotFound does.
func (g *Group) NotFound(id verify.RequestID, said ...error) error {
	if g.broken != nil {
		return g.broken
	}
	return g.find(id).NotFound(id, foreign.Causes(said, verify.ErrNotAtSource, ownErrors...)...)
}

// Fail gives a request up, as verify.Session.Fail does. If it is for one of the
// top-level roles, the repository's update has failed.
func (g *Group) Fail(id verify.RequestID, cause error) error {
	if g.broken != nil {
		return g.broken
	}
	return g.find(id).Fail(id, fromOutside(cause))
}

// Outstanding returns the open requests that have been handed out, in the order
// of the numbers of their IDs, and those with the same number by repository.
func (g *Group) Outstanding() (list []verify.Request) {
	if g.broken != nil {
		return nil
	}
	for _, x := range g.members {
		for _, session := range x.sessions() {
			list = append(list, session.Outstanding()...)
		}
	}
	slices.SortStableFunc(list, func(a, b verify.Request) int { return cmp.Compare(a.ID.Number, b.ID.Number) })
	g.markAhead(list)
	return list
}

// Wanted says whether a request is open: whether an answer to it still means
// anything.
func (g *Group) Wanted(id verify.RequestID) bool {
	return g.broken == nil && g.find(id).Wanted(id)
}

// Save saves records in a store, as verify.Session.Save does. All of them must
// be of one repository, and the store must be that repository's. The error is a
// *RepositoryError. If it wraps verify.ErrSave or, because another process has
// saved something newer, a *verify.SupersededError, the group has ended.
// Records of a repository that is not in the map are the caller's mistake, and
// are not saved.
func (g *Group) Save(ctx context.Context, store verify.Store, records []verify.Record) error {
	if g.broken != nil || len(records) == 0 {
		return g.broken
	}
	x := g.named[records[0].Repository]
	if x == nil {
		return &RepositoryError{records[0].Repository, &sentinel{"it is not in the map", verify.KindMistake}}
	}
	for _, rec := range records {
		if rec.Repository != x.name {
			text := fmt.Sprintf("its records do not belong in the store of %q", x.name)
			return &RepositoryError{rec.Repository, &sentinel{text, verify.KindMistake}}
		}
	}
	if err := x.session.Save(ctx, store, records); err != nil {
		g.breakOff(&RepositoryError{x.name, err})
	}
	return g.broken
}
