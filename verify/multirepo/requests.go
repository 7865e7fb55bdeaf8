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

// Record is a file that is trusted now. The caller must save it in the
// repository's own store.
type Record struct {
	Repository string
	verify.Record
}

// Rejection is a body that was accepted ahead, and rejected when its turn came.
type Rejection struct {
	Repository string
	*verify.RejectError
}

// Batch is what the caller has to do for a group, as verify.Batch is for a
// session. The caller must handle the fields in their order.
type Batch struct {
	Save     []Record
	Rejected []Rejection
	Fetch    []Request
	Done     []*Lookup
}

// Next hands out what there is to do for all repositories, and says whether
// there is anything. It may be called at any time and any number of times.
func (g *Group) Next() (b Batch, ok bool) {
	for g.collect(&b) {
		g.decideAnswered()
	}
	b.Done = g.handOut()
	return b, len(b.Save)+len(b.Rejected)+len(b.Fetch)+len(b.Done) > 0
}

// collect adds what the sessions have to do, and says whether there was
// anything.
func (g *Group) collect(into *Batch) (found bool) {
	for _, x := range g.members {
		b, ok := x.session.Next()
		found = found || ok
		for _, r := range b.Save {
			into.Save = append(into.Save, Record{x.name, r})
		}
		for _, r := range b.Rejected {
			into.Rejected = append(into.Rejected, Rejection{x.name, g.rejectError(x, r)})
		}
		for _, r := range b.Fetch {
			into.Fetch = append(into.Fetch, g.request(x, r))
		}
		for _, l := range b.Done {
			g.noteAnswer(l)
		}
	}
	return found
}

// handOut returns the lookups that are done, and lets the caller see their
// results.
func (g *Group) handOut() []*Lookup {
	g.doneNow, g.queue = g.queue, nil
	for _, l := range g.doneNow {
		l.handed = true
	}
	return g.doneNow
}

// request makes a session's request one of the group's. The IDs of the n
// repositories take turns: ID k of a session becomes one of n*(k-1)+1 to n*k.
func (g *Group) request(x *member, r verify.Request) Request {
	r.ID = (r.ID-1)*verify.RequestID(len(g.members)) + x.index + 1
	return Request{x.name, r}
}

// find returns the repository that a request of the group went to, and the
// request's ID in its session. ID 0 belongs to no request, and stays 0.
func (g *Group) find(id verify.RequestID) (*member, verify.RequestID) {
	if id == 0 {
		return g.members[0], 0
	}
	n := verify.RequestID(len(g.members))
	return g.members[(id-1)%n], (id-1)/n + 1
}

// Provide answers a request with a body, as verify.Session.Provide does. It
// returns a *verify.RejectError, whose request has the group's ID, or a
// *verify.RequestError.
func (g *Group) Provide(id verify.RequestID, body []byte) error {
	x, inner := g.find(id)
	return g.answerError(x, id, x.session.Provide(inner, body))
}

// NotFound answers a request: every live source of the repository says that the
// file does not exist.
func (g *Group) NotFound(id verify.RequestID) error {
	x, inner := g.find(id)
	return g.answerError(x, id, x.session.NotFound(inner))
}

// Fail gives a request up. If it is for a top-level role, the repository gives
// no answer in this update.
func (g *Group) Fail(id verify.RequestID, cause error) error {
	x, inner := g.find(id)
	return g.answerError(x, id, x.session.Fail(inner, cause))
}

// answerError puts the group's ID into what a session returned for an answer.
func (g *Group) answerError(x *member, id verify.RequestID, err error) error {
	var (
		reject  *verify.RejectError
		request *verify.RequestError
	)
	switch {
	case g.broken != nil:
		return g.broken
	case errors.As(err, &reject):
		return g.rejectError(x, reject)
	case errors.As(err, &request):
		return &verify.RequestError{ID: id, Reason: request.Reason}
	}
	return err
}

func (g *Group) rejectError(x *member, err *verify.RejectError) *verify.RejectError {
	return &verify.RejectError{Request: g.request(x, err.Request).Request, Err: err.Err}
}

// fetchError puts the group's ID into a session's error about a request that
// was given up. Other errors stay as they are.
func (g *Group) fetchError(x *member, err error) error {
	if fetch, ok := err.(*verify.FetchError); ok {
		return &verify.FetchError{Request: g.request(x, fetch.Request).Request, Err: fetch.Err}
	}
	return err
}

// Outstanding returns the open requests that have been handed out, sorted by
// their IDs. The slice is the caller's.
func (g *Group) Outstanding() (list []Request) {
	for _, x := range g.members {
		for _, r := range x.session.Outstanding() {
			list = append(list, g.request(x, r))
		}
	}
	slices.SortFunc(list, func(a, b Request) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
