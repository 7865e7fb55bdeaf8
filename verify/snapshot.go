package verify

import (
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// stepSnapshot returns the request for the snapshot that the timestamp names,
// unless it is at hand from an earlier update.
func (s *Session) stepSnapshot() *task {
	listed := s.trusted.timestamp.Content().Snapshot()
	if f := s.stored.snapshot.best; f != nil && f.byIDs && f.listed == listed && s.checkAgainst(f.file, listed) == nil {
		s.acceptSnapshot(answer{}, f)
		return nil
	}
	t := &task{listed: listed, Request: Request{
		Role: metadata.RoleSnapshot, Delegator: metadata.RoleRoot, StoreName: nameSnapshot,
		MaxBytes: s.limits.MaxSnapshotBytes,
	}}
	if err := s.address(t); err != nil {
		s.update.fail(err)
		return nil
	}
	return t
}

// checkSnapshot judges a body for the snapshot.
//
// a saved copy goes the same way as any other.
func (s *Session) checkSnapshot(t *task, body []byte) (*storedFile[metadata.Snapshot], error) {
	if err := roles.CheckFile(metadata.RoleSnapshot, body, t.listed, s.options.Policy); err != nil {
		return nil, err
	}
	next, err := verifyTopLevel(s, &s.stored.snapshot, body)
	if err != nil {
		return nil, err
	}
	if err := s.checkAgainst(next.file, t.listed); err != nil {
		return nil, err
	}
	next.listed = t.listed
	return next, nil
}

// checkAgainst compares a snapshot with what is listed for it and with the
// stored one, and judges its expiry.
func (s *Session) checkAgainst(next roles.Trusted[metadata.Snapshot], listed metadata.MetaFile) error {
	if err := roles.CheckSnapshot(s.stored.snapshot.trusted(), next, listed); err != nil { // R-5.5.5a
		return err
	}
	return roles.CheckExpiry(metadata.RoleSnapshot, next.Header(), s.now)
}

func (s *Session) acceptSnapshot(a answer, next *storedFile[metadata.Snapshot]) {
	s.trusted.snapshot = next.file
	next.saved = next.saved || a.saved
	s.stored.snapshot.best = next
	if !next.saved {
		version := next.version()
		s.queue.save(Record{
			Role: metadata.RoleSnapshot, Version: version, Path: s.fileName(metadata.RoleSnapshot, version),
			StoreName: nameSnapshot, Data: next.raw,
		})
	}
	s.files.forgetUnlisted(next.file.Content())
	s.update.phase = phaseTargets
}
