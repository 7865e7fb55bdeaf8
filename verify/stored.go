package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Stored is what earlier updates saved: for each of three roles the file under
// its fixed name (root.json, timestamp.json, snapshot.json), or several
// candidates, from a store that cannot replace a file. The stored version of a
// role is the highest one among the valid candidates, and a lower version is a
// rollback. A root is valid if its own keys signed it, a
// timestamp or snapshot if the keys of the update's last root did. The zero
// value is a first run. To give a stored version up on purpose, leave its files
// out.
//
// At most 16 candidates of a role are looked at. The slices remain the
// caller's.
type Stored struct {
	Root, Timestamp, Snapshot [][]byte

	failed map[string]error // by role: what could not be loaded
}

// of returns the stored files of a role, and why they could not be loaded.
func (s Stored) of(role string) ([][]byte, error) {
	switch role {
	case metadata.RoleRoot:
		return s.Root, s.failed[role]
	case metadata.RoleTimestamp:
		return s.Timestamp, s.failed[role]
	}
	return s.Snapshot, s.failed[role]
}

// firstRun says that nothing is stored at all.
func (s Stored) firstRun() bool {
	return len(s.Root)+len(s.Timestamp)+len(s.Snapshot) == 0
}

// maxCandidates bounds the stored files of a role that are looked at.
const maxCandidates = 16

// ErrStoredFile is returned (wrapped), as a warning, for a stored file that is
// not used.
var ErrStoredFile = errors.New("stored file is not used")

// StoredFileError says why a stored file is not used.
type StoredFileError struct {
	Role string
	Err  error
}

func (e *StoredFileError) Error() string {
	return fmt.Sprintf("%s: %v: %v", e.Role, ErrStoredFile, e.Err)
}

func (e *StoredFileError) Unwrap() []error { return []error{ErrStoredFile, e.Err} }

// StoredRootError says that the repository's roots end before the stored one.
// It wraps ErrRollback. A stored root is valid if its own keys signed it, so it
// is the one stored file that can stop an update when it is forged. To give it
// up, start with a Stored without Root.
type StoredRootError struct {
	// Name is the stored file.
	Name          string
	Stored, Found int64
}

func (e *StoredRootError) Error() string {
	return fmt.Sprintf("root: %v: stored file %s has version %d, the repository's newest root has version %d "+
		"(does the stored file belong to another repository?)", roles.ErrRollback, e.Name, e.Stored, e.Found)
}

func (e *StoredRootError) Unwrap() error { return roles.ErrRollback }

// storedFiles are what was trusted before: in earlier updates of this process,
// or of any other that shares the store.
type storedFiles struct {
	root      int64        // the highest version of a valid root
	savedRoot int64        // the same, among the files that are in the store
	roots     []storedRoot // those that have been looked at
	timestamp candidates[metadata.Timestamp]
	snapshot  candidates[metadata.Snapshot]

	unreadable map[string]bool // roles whose file could not be read when the update began
}

type storedRoot struct {
	raw     []byte
	version int64
	saved   bool // it is in the store under root.json
}

// candidates are the stored files of one role.
type candidates[T metadata.Content] struct {
	role  roles.Role // under the final root
	files []*storedFile[T]
	// best is what the update goes by: the one of the highest version that is
	// valid for the role, until a newer file is accepted; nil: none.
	best *storedFile[T]
}

// storedFile is a timestamp or a snapshot that was trusted before, or is now.
type storedFile[T metadata.Content] struct {
	raw      []byte // its bytes, as received
	saved    bool   // they are in the store
	envelope *metadata.Envelope[T]
	listed   metadata.MetaFile // what was listed for it when it was accepted; zero if it was not in this process

	// Whether it is valid under the final root:
	role  roles.Role       // whose signatures it was checked for
	file  roles.Trusted[T] // zero if it is not valid
	err   error            // why it is not
	byIDs bool             // its signatures name the role's keys, so that it may also serve again
}

// check finds out whether a file is valid for a role.
//
// not if the role's keys have been rotated away; it is valid if those
// that are left still reach the threshold, under any key IDs.
func (f *storedFile[T]) check(role roles.Role) {
	if role.Same(f.role) { // it was checked for these keys already
		return
	}
	f.role = role
	f.file, f.err = roles.Verify(f.envelope, role)
	if f.byIDs = f.err == nil; !f.byIDs {
		f.file, f.err = roles.VerifyAnyKeyID(f.envelope, role)
	}
}

func (f *storedFile[T]) version() int64 { return f.file.Header().Version }

// choose finds the best candidate for the role. If none is valid, it returns
// why not.
//
// its expiry does not matter.
func (c *candidates[T]) choose() error {
	var errs []error
	for _, f := range c.files {
		f.check(c.role)
		switch {
		case f.err != nil:
			errs = append(errs, f.err)
		case c.best == nil || f.version() > c.best.version(),
			f.version() == c.best.version() && f.saved && !c.best.saved: // what is stored stays
			c.best = f
		}
	}
	if c.best != nil {
		return nil
	}
	return errors.Join(errs...)
}

// chooseStored finds the stored version of a role under the final root.
// (5.3.11)
func chooseStored[T metadata.Content](s *Session, name string, c *candidates[T]) {
	var err error
	if c.role, err = roles.TopLevel(s.trusted.root, name, s.policy); err != nil {
		s.update.fail(err)
		return
	}
	if err := c.choose(); err != nil {
		s.update.warn(&StoredFileError{name, err})
	}
}

// trusted returns the content of the best candidate; the zero value if none is
// valid.
func (c *candidates[T]) trusted() (file roles.Trusted[T]) {
	if c.best != nil {
		file = c.best.file
	}
	return file
}

// find returns the candidate with these bytes, or nil.
func (c *candidates[T]) find(raw []byte) *storedFile[T] {
	for _, f := range c.files {
		if bytes.Equal(f.raw, raw) {
			return f
		}
	}
	return nil
}

// verifyTopLevel reads a timestamp or a snapshot and verifies its signatures. A
// stored one, byte for byte, was verified when it was found to be valid.
func verifyTopLevel[T metadata.Content](s *Session, stored *candidates[T], body []byte) (*storedFile[T], error) {
	if f := stored.find(body); f != nil && f.byIDs {
		again := *f
		return &again, nil
	}
	envelope, err := parse[T](s, body)
	if err != nil {
		return nil, err
	}
	file, err := roles.Verify(envelope, stored.role)
	return &storedFile[T]{raw: own(envelope, body), envelope: envelope, role: stored.role, file: file, byIDs: true}, err
}

// renewed returns what the next update takes over: the best candidate or, if
// none was chosen, all of them.
func (c *candidates[T]) renewed() (next candidates[T]) {
	files := c.files
	if c.best != nil {
		files = []*storedFile[T]{c.best}
	}
	for _, f := range files[:min(len(files), maxCandidates)] {
		copied := *f
		copied.saved = false // until it is seen in the store
		next.files = append(next.files, &copied)
	}
	return next
}

// noteRoot remembers a valid root. The bytes must be the session's own.
func (s *storedFiles) noteRoot(raw []byte, version int64) {
	if len(s.roots) >= maxCandidates {
		s.roots = slices.Delete(s.roots, 0, 1)
	}
	s.roots = append(s.roots, storedRoot{raw: raw, version: version})
}

// noteSavedRoot notes that a root is in the store.
func (s *storedFiles) noteSavedRoot(raw []byte, version int64) {
	s.savedRoot = max(s.savedRoot, version)
	for i := range s.roots {
		if bytes.Equal(s.roots[i].raw, raw) {
			s.roots[i].saved = true
		}
	}
}

// hasSavedRoot says whether a root is in the store, byte for byte.
func (s *storedFiles) hasSavedRoot(raw []byte) bool {
	return slices.ContainsFunc(s.roots, func(r storedRoot) bool { return r.saved && bytes.Equal(r.raw, raw) })
}

// renewed returns what the next update takes over. Which of it is in the store
// is found out anew, and a root that was only stored is valid only as long as
// it is.
func (s *storedFiles) renewed() storedFiles {
	roots := slices.Clone(s.roots)
	for i := range roots {
		roots[i].saved = false
	}
	return storedFiles{
		roots: roots, unreadable: map[string]bool{},
		timestamp: s.timestamp.renewed(), snapshot: s.snapshot.renewed(),
	}
}

// loadStored looks at what is stored.
//
// a damaged file is not used. It has no other effect than a warning.
func (s *Session) loadStored(stored Stored) {
	for _, role := range []string{metadata.RoleRoot, metadata.RoleTimestamp, metadata.RoleSnapshot} {
		files, err := stored.of(role)
		s.stored.unreadable[role] = err != nil
		switch {
		case len(files) > maxCandidates:
			err = &LimitError{role, "candidates", maxCandidates, int64(len(files))}
			files = s.newestFirst(role, files)[:maxCandidates]
		case len(files) == 0 && err == nil && !stored.firstRun():
			err = fs.ErrNotExist
		}
		if err != nil {
			s.update.warn(&StoredFileError{role, err})
		}
		for _, raw := range files {
			if err := s.addStored(role, raw); err != nil {
				s.update.warn(&StoredFileError{role, err})
			}
		}
	}
}

// newestFirst sorts stored files by the versions that are in them. Nobody has
// to have signed them: of too many files, the newest are looked at.
func (s *Session) newestFirst(role string, files [][]byte) [][]byte {
	version := func(raw []byte) int64 {
		switch role {
		case metadata.RoleTimestamp:
			return unverifiedVersion[metadata.Timestamp](s, raw)
		case metadata.RoleSnapshot:
			return unverifiedVersion[metadata.Snapshot](s, raw)
		}
		return unverifiedVersion[metadata.Root](s, raw)
	}
	versions := make(map[string]int64, len(files))
	for _, raw := range files {
		versions[string(raw)] = version(raw)
	}
	return slices.SortedStableFunc(slices.Values(files), func(a, b []byte) int {
		return cmp.Compare(versions[string(b)], versions[string(a)])
	})
}

// addStored adds a stored file to the candidates.
func (s *Session) addStored(role string, raw []byte) error {
	limit, size := s.limits.maxBytes(role), int64(len(raw))
	switch {
	case size > limit:
		return &LimitError{role, "bytes", limit, size}
	case role == metadata.RoleTimestamp:
		return addCandidate(s, &s.stored.timestamp, raw)
	case role == metadata.RoleSnapshot:
		return addCandidate(s, &s.stored.snapshot, raw)
	}
	version, err := s.rootVersion(raw)
	if err == nil {
		s.stored.root = max(s.stored.root, version)
		s.stored.noteSavedRoot(raw, version)
	}
	return err
}

func addCandidate[T metadata.Content](s *Session, c *candidates[T], raw []byte) error {
	f := c.find(raw)
	if f == nil {
		envelope, err := parse[T](s, raw)
		if err != nil {
			return err
		}
		f = &storedFile[T]{raw: own(envelope, raw), envelope: envelope}
		c.files = append(c.files, f)
	}
	f.saved = true
	return nil
}

// rootVersion returns the version of a stored root, which is valid if its own
// keys signed it. Each one is checked once, and the trusted root is not checked
// again.
func (s *Session) rootVersion(raw []byte) (int64, error) {
	for _, r := range s.stored.roots {
		if bytes.Equal(r.raw, raw) {
			return r.version, nil
		}
	}
	root, own := s.trusted.root, s.trusted.rootFile
	if !bytes.Equal(raw, own) {
		var err error
		if root, err = s.initialRoot(raw); err != nil {
			return 0, err
		}
		own = bytes.Clone(raw)
	}
	s.stored.noteRoot(own, root.Header().Version)
	return root.Header().Version, nil
}
