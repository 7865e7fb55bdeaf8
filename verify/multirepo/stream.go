package multirepo

import (
	"cmp"
	"errors"
	"slices"

	"github.com/tufwalk/tufwalk/verify"
)

// Request asks the caller for one metadata file of one repository. Its ID is
// unique in the group and never reused.
type Request struct {
	Repository string
	verify.Request
}

// Record is a file that is trusted now and must be stored, in the repository's
// own store.
type Record struct {
	Repository string
	verify.Record
}

// Rejection is a body that had been accepted ahead and proved bad when its turn
// came.
type Rejection struct {
	Repository string
	*verify.RejectError
}

// Batch is what a group wants done, as verify.Batch. The caller must go through
// the fields in their order.
type Batch struct {
	Save     []Record
	Rejected []Rejection
	Fetch    []Request
	Done     []*Lookup
}

// Next hands out what there is to do for all repositories, and says whether
// there is anything. Calling it late or often loses nothing.
func (g *Group) Next() (b Batch, ok bool) {
	for g.collect(&b) {
		g.decide()
	}
	b.Done, g.queue = g.queue, nil
	g.doneNow = b.Done
	for _, l := range b.Done {
		l.handed = true
	}
	return b, len(b.Save)+len(b.Rejected)+len(b.Fetch)+len(b.Done) > 0
}

// collect takes what the sessions have to say, and says whether there was
// anything.
func (g *Group) collect(into *Batch) (any bool) {
	for _, x := range g.members {
		b, ok := x.session.Next()
		any = any || ok
		for _, r := range b.Save {
			into.Save = append(into.Save, Record{x.name, r})
		}
		for _, r := range b.Rejected {
			tagged := &verify.RejectError{Request: g.tag(x, r.Request).Request, Err: r.Err}
			into.Rejected = append(into.Rejected, Rejection{x.name, tagged})
		}
		for _, r := range b.Fetch {
			into.Fetch = append(into.Fetch, g.tag(x, r))
		}
		for _, l := range b.Done {
			g.heard(l)
		}
	}
	return any
}

// tag makes a session's request one of the group's. The IDs of n repositories
// take turns: k becomes n*(k-1)+1 and so on up to n*k.
func (g *Group) tag(x *member, r verify.Request) Request {
	r.ID = (r.ID-1)*verify.RequestID(len(g.members)) + x.index + 1
	return Request{x.name, r}
}

// to finds the repository that a request went to, and its ID there. ID 0 is
// nobody's, and stays 0.
func (g *Group) to(id verify.RequestID) (*member, verify.RequestID) {
	if id == 0 {
		return g.members[0], 0
	}
	n := verify.RequestID(len(g.members))
	return g.members[(id-1)%n], (id-1)/n + 1
}

// Provide answers a request with a body, as verify.Session.Provide does. Errors
// are *verify.RejectError, whose request has the group's ID, and
// *verify.RequestError.
func (g *Group) Provide(id verify.RequestID, body []byte) error {
	x, inner := g.to(id)
	return g.translate(x, id, x.session.Provide(inner, body))
}

// NotFound answers a request with the word of every live source of the
// repository that the file does not exist.
func (g *Group) NotFound(id verify.RequestID) error {
	x, inner := g.to(id)
	return g.translate(x, id, x.session.NotFound(inner))
}

// Fail gives a request up. If it is for one of the top-level roles, the
// repository is silent in this cycle.
func (g *Group) Fail(id verify.RequestID, cause error) error {
	x, inner := g.to(id)
	return g.translate(x, id, x.session.Fail(inner, cause))
}

// translate puts the group's IDs into a session's error.
func (g *Group) translate(x *member, id verify.RequestID, err error) error {
	var (
		reject  *verify.RejectError
		request *verify.RequestError
	)
	switch {
	case g.broken != nil:
		return g.broken
	case errors.As(err, &reject):
		return &verify.RejectError{Request: g.tag(x, reject.Request).Request, Err: reject.Err}
	case errors.As(err, &request):
		return &verify.RequestError{ID: id, Reason: request.Reason}
	}
	return err
}

// own puts the group's ID into what a session says of a request that was given
// up.
func (g *Group) own(x *member, err error) error {
	if fetch, ok := err.(*verify.FetchError); ok {
		return &verify.FetchError{Request: g.tag(x, fetch.Request).Request, Err: fetch.Err}
	}
	return err
}

// Outstanding returns the open requests that have been handed out, in the order
// of their IDs.
func (g *Group) Outstanding() (list []Request) {
	for _, x := range g.members {
		for _, r := range x.session.Outstanding() {
			list = append(list, g.tag(x, r))
		}
	}
	slices.SortFunc(list, func(a, b Request) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Run goes through everything that there is to do, one repository after the
// other, each with its store and its sources, as verify.Session.Run does. It
// returns Err at the end. Run it again after more calls of Find, or after
// Refresh.
//
// Stores may be missing; a repository without a source is silent. Callers who
// want to ask several repositories at the same time use Next.
func (g *Group) Run(stores map[string]verify.Store, live map[string][]verify.Source) error {
	for g.broken == nil {
		for _, x := range g.members {
			if err := x.session.Run(stores[x.name], live[x.name]...); errors.Is(err, verify.ErrSave) {
				g.broken = &RepositoryError{x.name, err}
				g.Abandon(err)
				return g.Err()
			}
		}
		for l := range g.waiting {
			if _, err := l.Target(); !errors.Is(err, verify.ErrPending) {
				g.heard(l)
			}
		}
		if !g.decide() {
			break
		}
	}
	g.doneNow, g.queue = g.queue, nil
	for _, l := range g.doneNow {
		l.handed = true
	}
	return g.Err()
}
