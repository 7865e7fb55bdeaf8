package message

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tufwalk/tufwalk/verify"
)

// calls are the calls by name.
var calls = map[string]func(*Host, *call) (*answer, [][]byte, error){
	"versions": versions,
	"open":     open,
	"close":    inSession(closeSession),

	"find":   inSession(find),
	"drop":   inSession(drop),
	"target": inSession(target),

	"next":        inSession(next),
	"save":        inSession(save),
	"abandon":     inSession(abandon),
	"outstanding": inSession(outstanding),
	"wanted":      inSession(wanted),

	"provide":       inSession(provide),
	"provide_saved": inSession(provideSaved),
	"not_found":     inSession(notFound),
	"fail":          inSession(fail),

	"list":   inSession(beginList),
	"listed": inSession(listed),

	"verifier": inSession(verifier),
	"write":    inSession(write),
	"verify":   inSession(check),

	"status": inSession(status),
	"renew":  inSession(renew),
	"copy":   inSession(copySession),
}

// inSession makes a call of one that needs a session.
func inSession(f func(*Host, *session, *call) (*answer, [][]byte, error),
) func(*Host, *call) (*answer, [][]byte, error) {
	return func(h *Host, m *call) (*answer, [][]byte, error) {
		s := h.sessions[m.Session]
		if s == nil {
			return nil, nil, mistakef("no open session %d", m.Session)
		}
		return f(h, s, m)
	}
}

func versions(*Host, *call) (*answer, [][]byte, error) {
	return &answer{Versions: []int64{Version}}, nil, nil
}

func open(h *Host, m *call) (*answer, [][]byte, error) {
	if err := h.room(); err != nil {
		return nil, nil, err
	}
	options, err := m.Options.options()
	if err != nil {
		return nil, nil, err
	}
	if m.TrustedRoot < 0 || m.TrustedRoot > int64(len(m.body)) {
		return nil, nil, mistake{text: "body is shorter than the trusted root",
			expected: m.TrustedRoot, found: int64(len(m.body))}
	}
	root := m.body[:m.TrustedRoot]
	stored, err := m.stored(m.body[m.TrustedRoot:])
	if err != nil {
		return nil, nil, err
	}
	s, err := verify.New(root, stored.load(), m.Time, options)
	if err != nil {
		return nil, nil, err
	}
	return h.add(s)
}

func renew(h *Host, s *session, m *call) (*answer, [][]byte, error) {
	if err := h.room(); err != nil {
		return nil, nil, err
	}
	stored, err := m.stored(m.body)
	if err != nil {
		return nil, nil, err
	}
	next, err := s.Renew(stored.load(), m.Time)
	if err != nil {
		return nil, nil, err
	}
	return h.add(next)
}

func copySession(h *Host, s *session, _ *call) (*answer, [][]byte, error) {
	if err := h.room(); err != nil {
		return nil, nil, err
	}
	other, err := s.Copy()
	if err != nil {
		return nil, nil, err
	}
	return h.add(other)
}

func closeSession(h *Host, _ *session, m *call) (*answer, [][]byte, error) {
	delete(h.sessions, m.Session)
	return nil, nil, nil
}

func find(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	if err := s.room(); err != nil {
		return nil, nil, err
	}
	l := s.Lookup(m.Path)
	s.last++
	s.lookups[s.last], s.numbers[l] = l, s.last
	return &answer{Lookup: s.last}, nil, nil
}

func drop(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	l, err := s.lookup(m.Lookup)
	if err != nil {
		return nil, nil, err
	}
	s.Drop(l)
	delete(s.lookups, m.Lookup)
	delete(s.numbers, l)
	return nil, nil, nil
}

func target(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	l, err := s.lookup(m.Lookup)
	if err != nil {
		return nil, nil, err
	}
	a := new(answer)
	t, err := l.Target()
	if m.Trail && !errors.Is(err, verify.ErrPending) {
		a.Trail = list(l.Trail(), stepOf)
	}
	if err == nil {
		a.Target = targetOf(t)
	}
	return a, nil, err
}

func next(_ *Host, s *session, _ *call) (*answer, [][]byte, error) {
	b, ok := s.Next()
	s.unsaved = b.Save
	a := &answer{Batch: &batch{
		More: ok,
		Save: list(b.Save, recordOf),
		Rejected: list(b.Rejected, func(r *verify.RejectError) rejected {
			return rejected{Request: requestOf(r.Request), Error: errorOf(r)}
		}),
		Fetch: list(b.Fetch, requestOf),
	}}
	for _, l := range b.Done {
		if n, ok := s.numbers[l]; ok {
			a.Batch.Done = append(a.Batch.Done, n)
		}
	}
	var body [][]byte
	for _, r := range b.Save {
		body = append(body, r.Data)
	}
	return a, body, nil
}

// save says which of the records of the last batch are to be written, given
// what is stored now.
func save(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	stored, err := m.stored(m.body)
	if err != nil {
		return nil, nil, err
	}
	records := s.unsaved
	s.unsaved = nil
	a := &answer{Write: []int{}}
	at := compared{files: stored, records: records, write: &a.Write}
	if err := s.Save(background, at, records); err != nil {
		return nil, nil, err
	}
	return a, nil, nil
}

func abandon(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	s.Abandon(errors.New(orElse(m.Text, "the host could not save a file")))
	return nil, nil, nil
}

func outstanding(_ *Host, s *session, _ *call) (*answer, [][]byte, error) {
	return &answer{Outstanding: list(s.Outstanding(), requestOf)}, nil, nil
}

func wanted(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	is := s.Wanted(requestID(m.ID))
	return &answer{Wanted: &is}, nil, nil
}

func provide(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	return nil, nil, s.judged(m.ID, s.Provide(requestID(m.ID), m.body))
}

func provideSaved(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	for _, r := range s.Outstanding() {
		if r.ID == requestID(m.ID) && r.StoreName == "" { // a saved timestamp would be a frozen one
			return nil, nil, mistakef("request %s has no store_name: only a live source may answer", m.ID)
		}
	}
	return nil, nil, s.judged(m.ID, s.ProvideSaved(requestID(m.ID), m.body))
}

func notFound(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	errs := s.said(m)
	return nil, nil, s.answered(m.ID, s.NotFound(requestID(m.ID), errs...))
}

func fail(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	errs := s.said(m)
	if m.Text != "" {
		errs = slices.Insert(errs, 0, errors.New(m.Text))
	}
	var cause error
	if len(errs) > 0 {
		cause = saidErrors(errs)
	}
	return nil, nil, s.answered(m.ID, s.Fail(requestID(m.ID), cause))
}

func verifier(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	if err := s.room(); err != nil {
		return nil, nil, err
	}
	l, err := s.lookup(m.Lookup)
	if err != nil {
		return nil, nil, err
	}
	t, err := l.Target()
	if err != nil {
		return nil, nil, err
	}
	s.last++
	s.verifiers[s.last] = t.Verifier()
	return &answer{Verifier: s.last}, nil, nil
}

func write(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	v := s.verifiers[m.Verifier]
	if v == nil {
		return nil, nil, mistakef("no open verifier %d", m.Verifier)
	}
	_, err := v.Write(m.body)
	return nil, nil, err
}

// check ends a verifier.
func check(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	v := s.verifiers[m.Verifier]
	if v == nil {
		return nil, nil, mistakef("no open verifier %d", m.Verifier)
	}
	delete(s.verifiers, m.Verifier)
	return nil, nil, v.Verify()
}

func status(_ *Host, s *session, _ *call) (*answer, [][]byte, error) {
	return &answer{Status: s.status()}, nil, nil
}

func mistakef(format string, args ...any) error { return mistake{text: fmt.Sprintf(format, args...)} }

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
