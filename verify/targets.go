package verify

import (
	"bytes"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// stepTargets asks for the top-level targets role. With it, the update is
// ready. (5.6)
func (s *Session) stepTargets() *task {
	e := s.topLevelEdge()
	if !e.asked() {
		if t := s.start(e); t != nil {
			return t
		}
	}
	if e.err != nil {
		s.update.fail(e.err)
		return nil
	}
	s.update.phase = phaseReady
	s.startLookups()
	return nil
}

func (s *Session) checkTargets(e *edge, body []byte) (file roles.Trusted[metadata.Targets], err error) {
	if err := roles.CheckFile(e.Role, body, e.listed, s.options.Policy); err != nil {
		return file, err
	}
	envelope, err := parse[metadata.Targets](s, body)
	if err != nil {
		return file, err
	}
	if file, err = roles.Verify(envelope, e.role); err != nil {
		return file, err
	}
	return file, s.checkListed(file, e.listed)
}

func (s *Session) acceptTargets(t *task, a answer, file roles.Trusted[metadata.Targets]) {
	e := t.edge
	e.file = s.files.retain(e, file, int64(len(a.body)))
	if !a.saved {
		s.queue.save(Record{
			Role: e.Role, Version: file.Header().Version, Path: t.Path, StoreName: t.StoreName, Data: bytes.Clone(a.body),
		})
	}
	s.wake(e, nil)
}

func (s *Session) topLevelEdge() *edge {
	first, _ := delegation.NewWalk("", delegation.Options{}).Next()
	return s.files.edge(first)
}
