package verify

import (
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// stepTimestamp returns the request for the timestamp. (5.4.1)
func (s *Session) stepTimestamp() *task {
	return &task{Request: Request{
		Role: metadata.RoleTimestamp, Delegator: metadata.RoleRoot,
		Path: metadata.FileName(metadata.RoleTimestamp, 0), MaxBytes: s.limits.MaxTimestampBytes,
	}}
}

// checkTimestamp returns the timestamp to go on with: that of the body, or the
// stored one if the versions are equal.
func (s *Session) checkTimestamp(body []byte) (*storedFile[metadata.Timestamp], error) {
	next, err := verifyTopLevel(s, &s.stored.timestamp, body)
	if err != nil {
		return nil, err
	}
	newer, err := roles.NewerTimestamp(s.stored.timestamp.trusted(), next.file) // R-5.4.3.1a, R-5.4.3.2
	if err != nil {
		return nil, err
	}
	if err := roles.CheckExpiry(metadata.RoleTimestamp, newer.Header(), s.now); err != nil {
		return nil, err
	}
	if best := s.stored.timestamp.best; best != nil && newer == best.file { // R-5.4.3.1c: the update goes on with it
		return best, nil
	}
	return next, nil
}

func (s *Session) acceptTimestamp(a answer, next *storedFile[metadata.Timestamp]) {
	s.saveFirstRoot()
	s.saveNewestRoot()
	s.trusted.timestamp = next.file
	if next != s.stored.timestamp.best {
		next.saved = a.saved
		s.stored.timestamp.best = next
	}
	if !next.saved {
		s.queue.save(Record{
			Role: metadata.RoleTimestamp, Version: next.version(), Path: metadata.FileName(metadata.RoleTimestamp, 0),
			StoreName: nameTimestamp, Data: next.raw,
		})
	}
	s.update.phase = phaseSnapshot
}
