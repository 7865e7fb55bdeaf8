package message

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// session is one of package verify with what its host knows by number.
type session struct {
	*verify.Session
	last      int64 // number of a lookup or a verifier
	lookups   map[int64]*verify.Lookup
	numbers   map[*verify.Lookup]int64
	verifiers map[int64]*verify.Verifier
	lists     map[int64]*verify.Listing
	unsaved   []verify.Record    // of the last batch
	rejected  map[string][]error // by the ID of an open request: a *RejectError each
}

// maxRejections bounds what is remembered of the bodies for one request.
const maxRejections = 64

func newSession(s *verify.Session) *session {
	return &session{
		Session:   s,
		lookups:   make(map[int64]*verify.Lookup),
		numbers:   make(map[*verify.Lookup]int64),
		verifiers: make(map[int64]*verify.Verifier),
		lists:     make(map[int64]*verify.Listing),
		rejected:  make(map[string][]error),
	}
}

func (s *session) room() error {
	if n := len(s.lookups) + len(s.verifiers) + len(s.lists); n >= MaxHandles {
		return mistake{text: "too many lookups, verifiers and lists", expected: MaxHandles, found: int64(n + 1)}
	}
	return nil
}

func (s *session) lookup(number int64) (*verify.Lookup, error) {
	l := s.lookups[number]
	if l == nil {
		return nil, mistakef("no lookup %d in the session", number)
	}
	return l, nil
}

// requestID reads what RequestID.String wrote: "3", or "2.3" in the second
// update. For any other text it is an ID that no request has.
func requestID(text string) verify.RequestID {
	update, number, ok := strings.Cut(text, ".")
	if !ok {
		update, number = "1", text
	}
	u, err := strconv.ParseUint(update, 10, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	id := verify.RequestID{Update: u, Number: n}
	if err != nil || err2 != nil || id.String() != text {
		return verify.RequestID{}
	}
	return id
}

// rejection is a body that was rejected, with its number among those of its
// request, by which the host can name it; 0 if it is not remembered.
type rejection struct {
	*verify.RejectError
	number int
}

func (r rejection) Unwrap() error { return r.RejectError }

// judged remembers what became of a body.
func (s *session) judged(id string, err error) error {
	reject := new(verify.RejectError)
	if !errors.As(err, &reject) {
		return s.answered(id, err)
	}
	number := 0
	if len(s.rejected[id]) < maxRejections {
		s.rejected[id] = append(s.rejected[id], reject)
		number = len(s.rejected[id])
	}
	return rejection{reject, number}
}

// answered forgets the rejected bodies of a request that is done.
func (s *session) answered(id string, err error) error {
	if err == nil {
		delete(s.rejected, id)
	}
	return err
}

// said makes errors of what the sources said to a request.
func (s *session) said(m *call) (errs []error) {
	for i, x := range m.Said {
		err := errors.New(orElse(x.Text, "no answer"))
		switch remembered := s.rejected[m.ID]; {
		case x.Rejection > 0 && x.Rejection <= len(remembered):
			err = remembered[x.Rejection-1]
		case x.Absent && x.Text == "":
			err = verify.ErrNotAtSource
		case x.Absent:
			err = fmt.Errorf("%s: %w", x.Text, verify.ErrNotAtSource)
		}
		errs = append(errs, &verify.SourceError{Source: i + 1, Of: len(m.Said), Name: x.Name, Err: err})
	}
	return errs
}

func (s *session) status() *statusAnswer {
	a := &statusAnswer{
		State: "succeeded", Time: s.Time(), NewestRoot: s.NewestRoot(), Warnings: list(s.Warnings(), errorOf),
	}
	err := s.Err()
	switch {
	case errors.Is(err, verify.ErrInProgress):
		a.State = "in progress"
	case err != nil:
		a.State, a.Error = "failed", errorOf(err)
	default:
		expires := s.Expires()
		a.Expires = &expires
	}
	if end := s.ChainEnd(); end.Version > 0 {
		a.ChainEnd = &chainEnd{Version: end.Version, Next: end.Next, Text: end.String()}
	}
	add := func(role string, h metadata.Header) {
		a.Roles = append(a.Roles, trusted{Role: role, Version: h.Version, Expires: h.Expires})
	}
	add(metadata.RoleRoot, s.Root().Header)
	if t := s.Timestamp(); t != nil {
		add(metadata.RoleTimestamp, t.Header)
	}
	if t := s.Snapshot(); t != nil {
		add(metadata.RoleSnapshot, t.Header)
	}
	if v := s.Version(metadata.RoleTargets); v > 0 {
		add(metadata.RoleTargets, s.Targets().Header)
	}
	return a
}
