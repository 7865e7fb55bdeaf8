package verify

import (
	"errors"
	"fmt"

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
	return file, s.checkFor(e, file)
}

func (s *Session) acceptTargets(t *task, a answer, file roles.Trusted[metadata.Targets]) {
	e := t.edge
	if t == e.confirmation {
		s.acceptConfirmation(t, a, file)
		return
	}
	e.file = s.files.retain(e, file, a)
	if !a.saved {
		s.saveTargets(t, a, file)
	}
	s.wake(e, nil)
}

func (s *Session) saveTargets(t *task, a answer, file roles.Trusted[metadata.Targets]) {
	s.queue.save(Record{
		Role: t.Role, Version: file.Header().Version, Path: t.Path, StoreName: roleName(t.Role), Data: own(file, a.body),
	})
}

// acceptConfirmation compares the file that a live source has sent with the one
// in use, which was saved or taken over.
//
// R-5.6.8c: if they differ, one of them is the file of another role. The saved
// copy is replaced, and what is in use is not taken over by the next update.
func (s *Session) acceptConfirmation(t *task, a answer, file roles.Trusted[metadata.Targets]) {
	e := t.edge
	if e.file.SameContent(file) {
		e.source.live = true
		s.wakeConfirming(e)
		return
	}
	s.update.warn(&StoredFileError{e.Role, fmt.Errorf("%w, version %d", errTwoFiles, file.Header().Version)})
	s.files.letGo(e.source)
	s.saveTargets(t, a, file)
	s.failConfirming(e)
}

var errTwoFiles = errors.New("a source sent another file that is signed as well")
