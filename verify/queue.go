package verify

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
)

// queue holds the requests of a session, and what is to be handed out by Next.
// It judges nothing.
type queue struct {
	repository string
	update     uint64 // of the session: see RequestID
	lastNumber uint64

	open    map[RequestID]*task
	dropped map[RequestID]bool // handed out, not needed any more, and not answered
	fetch   []*task            // to be handed out
	batch   Batch              // the rest of what is

	early     []*task // roots and timestamp asked for ahead whose turn has not come, answered or not
	aheadOpen int     // requests ahead that are open
	heldBytes int64   // of the answers to them
	lookahead int     // how many requests may be open ahead
	maxHeld   int64   // bytes of all answers held back
}

// task is a request, and what the session knows about it.
type task struct {
	Request
	listed metadata.MetaFile // what is listed for the file, if anything is
	edge   *edge             // of a targets file
	handed bool              // it has been handed out by Next
	answer *answer           // to a request ahead, until its turn comes
}

// answer is what a caller said to a request.
type answer struct {
	body    []byte
	saved   bool    // the body is a saved copy (ProvideSaved)
	absent  bool    // NotFound
	said    []error // what the sources said then, as far as the caller tells
	cause   error   // Fail
	dropped bool    // there was no room to hold the body back
}

// mustWait says whether an answer has to wait for its turn. What an answer for
// a root or the timestamp means is not known before: keys may change on the
// way. Targets files asked for ahead can be judged as soon as they come.
func (t *task) mustWait() bool { return t.Ahead && t.edge == nil }

// ask has a request handed out.
func (q *queue) ask(t *task) {
	q.lastNumber++
	t.ID = RequestID{q.repository, q.update, q.lastNumber}
	t.Repository = q.repository
	q.open[t.ID] = t
	if t.Ahead {
		q.aheadOpen++
	}
	q.fetch = append(q.fetch, t)
}

// mayAhead says whether one more file may be asked for ahead.
func (q *queue) mayAhead() bool { return q.aheadOpen < q.lookahead }

// askAhead asks for a root or the timestamp before its turn.
func (q *queue) askAhead(t *task) {
	t.Ahead = true
	q.ask(t)
	q.early = append(q.early, t)
}

// askedAhead says whether a file has been asked for ahead, and its turn has not
// come.
func (q *queue) askedAhead(path string) bool {
	return slices.ContainsFunc(q.early, func(t *task) bool { return t.Path == path })
}

// take returns the request ahead for a file whose turn has come, or nil: if it
// is still open, it is needed from now on; otherwise it comes with its answer.
func (q *queue) take(path string) *task {
	i := slices.IndexFunc(q.early, func(t *task) bool { return t.Path == path })
	if i < 0 {
		return nil
	}
	t := q.early[i]
	q.early = slices.Delete(q.early, i, i+1)
	if t.answer == nil {
		q.need(t)
	} else {
		q.heldBytes -= int64(len(t.answer.body))
	}
	return t
}

// need marks an open request as one that is not ahead any more.
func (q *queue) need(t *task) {
	if t.Ahead {
		t.Ahead = false
		q.aheadOpen--
	}
}

// hold holds back the answer to a request ahead until its turn. The body is
// dropped if there is no room for it.
func (q *queue) hold(t *task, a answer) {
	q.close(t)
	if q.heldBytes+int64(len(a.body)) > q.maxHeld {
		a = answer{dropped: true}
	}
	a.body = bytes.Clone(a.body)
	q.heldBytes += int64(len(a.body))
	t.answer = &a
}

// dropEarly gives up the roots that were asked for ahead or, with all, the
// timestamp too. The caller may be fetching them: an answer that comes later is
// no error, and has no effect.
func (q *queue) dropEarly(all bool) {
	q.early = slices.DeleteFunc(q.early, func(t *task) bool {
		dropped := all || t.Role == metadata.RoleRoot
		if dropped {
			q.drop(t)
		}
		return dropped
	})
}

func (q *queue) drop(t *task) {
	if t.answer != nil {
		q.heldBytes -= int64(len(t.answer.body))
		return
	}
	q.close(t)
	if t.handed {
		q.dropped[t.ID] = true
		return
	}
	q.fetch = slices.DeleteFunc(q.fetch, func(o *task) bool { return o == t })
}

// close removes a request from the open ones.
func (q *queue) close(t *task) {
	delete(q.open, t.ID)
	if t.Ahead {
		q.aheadOpen--
	}
}

// forget says whether a request was dropped, and forgets it then.
func (q *queue) forget(id RequestID) bool {
	dropped := q.dropped[id]
	delete(q.dropped, id)
	return dropped
}

// find returns the open request with an ID.
func (q *queue) find(id RequestID) (*task, error) {
	switch t := q.open[id]; {
	case t != nil && t.handed:
		return t, nil
	case id.Number == 0 || id.Repository != q.repository || id.Update != q.update:
		return nil, &RequestError{id, "is not one of this session"}
	case t != nil || id.Number > q.lastNumber:
		return nil, &RequestError{id, "has not been handed out"}
	}
	return nil, &RequestError{id, "is done"}
}

// busy says whether a request is open whose answer is needed.
func (q *queue) busy() bool {
	for _, t := range q.open {
		if !t.Ahead {
			return true
		}
	}
	return false
}

// outstanding returns the open requests that have been handed out, in the order
// of their IDs.
func (q *queue) outstanding() []Request {
	var list []Request
	for _, t := range q.open {
		if t.handed {
			list = append(list, t.Request)
		}
	}
	slices.SortFunc(list, func(a, b Request) int { return cmp.Compare(a.ID.Number, b.ID.Number) })
	return list
}

// handOut returns what there is to do, and begins another batch.
func (q *queue) handOut() Batch {
	b := q.batch
	q.batch = Batch{}
	for _, t := range q.fetch {
		t.handed = true
		b.Fetch = append(b.Fetch, t.Request)
	}
	q.fetch = nil
	for _, l := range b.Done {
		l.handed = true
	}
	return b
}

// reject notes that a body which was held back is bad.
func (q *queue) reject(r Request, err error) {
	q.batch.Rejected = append(q.batch.Rejected, &RejectError{r, err})
}

// save queues a record.
func (q *queue) save(rec Record) {
	rec.Repository = q.repository
	q.batch.Save = append(q.batch.Save, rec)
}
