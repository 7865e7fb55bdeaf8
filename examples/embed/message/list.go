package message

import (
	"errors"

	"github.com/tufwalk/tufwalk/verify"
)

// maxListed is how many targets one answer has.
const maxListed = 1000

// beginList begins a list of every target.
func beginList(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	if err := s.room(); err != nil {
		return nil, nil, err
	}
	if m.AtOnce < 0 || m.AtOnce > MaxHandles {
		return nil, nil, mistake{text: "at_once is out of range", expected: MaxHandles, found: int64(m.AtOnce)}
	}
	s.last++
	s.lists[s.last] = s.List(verify.ListOptions{AtOnce: m.AtOnce})
	return &answer{List: s.last}, nil, nil
}

// listed returns what has been listed since the last call, some of it. A list
// that is done is closed.
func listed(_ *Host, s *session, m *call) (*answer, [][]byte, error) {
	l := s.lists[m.List]
	if l == nil {
		return nil, nil, mistakef("no open list %d", m.List)
	}
	a := new(listAnswer)
	for t, err := range l.Targets() {
		out := new(verify.LeftOutError)
		switch {
		case errors.As(err, &out):
			a.LeftOut = append(a.LeftOut, leftOut{out.Path, out.Role, errorOf(out.Err)})
		case err != nil:
			return nil, nil, err
		default:
			a.Targets = append(a.Targets, targetOf(t))
		}
		if len(a.Targets)+len(a.LeftOut) == maxListed {
			break
		}
	}
	if a.Done = l.Done(); a.Done {
		if err := l.Err(); err != nil {
			a.Error = errorOf(err)
		}
		delete(s.lists, m.List)
	}
	return &answer{Listed: a}, nil, nil
}
