package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Store saves records for later updates. It may be a folder. Each repository
// needs one of its own. Several processes may share it (Session.Save), with
// certainty only if it is a Locker or a CandidateStore. A Store around another
// one must offer what that one does: Locker, CandidateStore.
type Store interface {
	// Load returns what was saved under a name, or an error: one that wraps
	// fs.ErrNotExist if there is nothing. What it returns need not be right,
	// since it is verified. It should bound what it reads; no file that a
	// session accepts is longer than the largest of its Limits.
	Load(ctx context.Context, name string) ([]byte, error)
	// Save stores a record durably and atomically: after a crash either the old
	// or the new one is there. For a folder that means a temporary file, fsync,
	// rename, and fsync of the folder.
	Save(ctx context.Context, rec Record) error
}

// A Locker is a Store that several processes share and that can be locked:
// Session.Save compares and writes under its lock.
type Locker interface {
	Store
	// Lock waits until nobody else holds the lock.
	Lock(ctx context.Context) (unlock func(), err error)
}

// CandidateStore is a Store that cannot replace a file, such as an object
// store without locks: Save adds a file next to those of the same name, and
// LoadAll returns them. Load returns the one that was saved last, as far as the
// store knows. Session.Save writes first and compares after.
type CandidateStore interface {
	Store
	// LoadAll returns all files that were saved under a name and have not been
	// removed, in any order: none is no error. The store should remove those
	// that a newer one has replaced: a session looks at 16 of them at most.
	LoadAll(ctx context.Context, name string) ([][]byte, error)
}

var (
	// ErrSave is returned (wrapped) when a trusted file could not be saved.
	ErrSave = errors.New("a trusted file could not be saved")
	// ErrSuperseded is returned (wrapped) when another process has saved
	// something newer: see SupersededError.
	ErrSuperseded = errors.New("superseded")
)

// SupersededError says that another process has stored something that this
// update may not follow, so that its own files must not be saved. It
// wraps ErrSuperseded. The session has ended. Begin again from the store, by
// Renew or New with LoadStored, and give up after a few times.
type SupersededError struct {
	// Role is the role whose stored file is newer, Stored its version, and Own
	// the version that this update trusts.
	Role        string
	Stored, Own int64
	// Err is a *RollbackError if the rollback would be in a version that the
	// stored file lists; nil if it would be in the stored version itself.
	Err error
}

func (e *SupersededError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v: version %d may not follow version %d, which another process has stored: %v "+
			"(begin again from the store)", e.Role, ErrSuperseded, e.Own, e.Stored, e.Err)
	}
	return fmt.Sprintf("%s: %v: another process has stored version %d, this update has version %d "+
		"(begin again from the store)", e.Role, ErrSuperseded, e.Stored, e.Own)
}

func (e *SupersededError) Unwrap() error { return ErrSuperseded }

// LoadStored loads what earlier updates saved. A file that does not exist is
// left out; one that cannot be read is too, and the session's Warnings say so.
// The store may be nil.
func LoadStored(ctx context.Context, store Store) (s Stored) {
	if store == nil {
		return s
	}
	s.failed = map[string]error{}
	load := func(role, name string) [][]byte {
		files, err := loadAll(ctx, store, name)
		if err != nil {
			s.failed[role] = fromOutside(err)
		}
		return files
	}
	s.Root = load(metadata.RoleRoot, nameRoot)
	s.Timestamp = load(metadata.RoleTimestamp, nameTimestamp)
	s.Snapshot = load(metadata.RoleSnapshot, nameSnapshot)
	return s
}

// loadAll loads the file with a name, or all of them.
func loadAll(ctx context.Context, store Store, name string) ([][]byte, error) {
	if c, ok := store.(CandidateStore); ok {
		return c.LoadAll(ctx, name)
	}
	data, err := store.Load(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrNotAtSource):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return [][]byte{data}, nil
}

// Save saves the records of a Batch, in order. It compares them with what is
// stored by the rules between versions, since another process may
// have saved something meanwhile: under the store's lock if it is a Locker;
// otherwise it compares before it writes and, in a CandidateStore, after.
//
// A record is not written if that very file is stored, or if another process
// has stored the same version. While the chain of roots goes on, root.json is
// not written over a newer one either: the chain may still reach that one.
//
// If something newer is stored, Save returns a *SupersededError; if the store
// fails, or the context ends, an error that wraps ErrSave. Either one ends the
// session: everything reports it from then on. The store may be nil: then
// nothing is saved.
func (s *Session) Save(ctx context.Context, store Store, records []Record) error {
	if s.update.broken != nil {
		return s.update.broken
	}
	if store == nil || len(records) == 0 {
		return nil
	}
	err := s.saveLocked(ctx, store, records)
	superseded := new(SupersededError)
	switch {
	case errors.As(err, &superseded):
		s.breakOff(superseded)
	case err != nil:
		s.Abandon(err)
	}
	return s.update.broken
}

// saveLocked saves records, under the lock if there is one. An error of the
// store has lost what only a session may say of itself.
func (s *Session) saveLocked(ctx context.Context, store Store, records []Record) error {
	if locker, ok := store.(Locker); ok {
		unlock, err := locker.Lock(ctx)
		if err != nil {
			return fromOutside(err)
		}
		defer unlock()
	}
	for _, rec := range records {
		write, err := s.mayWrite(ctx, store, rec)
		if err != nil {
			return err
		}
		if !write {
			continue
		}
		if err := store.Save(ctx, rec); err != nil {
			return fromOutside(err)
		}
		if _, ok := store.(CandidateStore); ok {
			if _, err := s.mayWrite(ctx, store, rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayWrite says whether a record is to be written, or why it must not be. In
// the root phase it raises the version that the chain of roots has to reach.
//
// a root under its version is always written, and a file of a targets
// role is not compared; but once the root phase is over, no other file is
// written by a session whose root is older than the stored one.
func (s *Session) mayWrite(ctx context.Context, store Store, rec Record) (write bool, err error) {
	if rec.Role == metadata.RoleRoot && rec.StoreName != nameRoot {
		return true, nil
	}
	newest, same, err := s.newestRootIn(ctx, store, rec.Data)
	if err != nil {
		return false, err
	}
	own := s.trusted.root.Header().Version
	switch {
	case s.update.phase == phaseRoot: // the chain of roots may still reach it
		s.stored.root = max(s.stored.root, newest)
	case newest > own:
		return false, &SupersededError{Role: metadata.RoleRoot, Stored: newest, Own: own}
	}
	switch rec.StoreName {
	case nameRoot:
		return newest <= rec.Version && !same, nil
	case nameTimestamp:
		return compareFiles(ctx, s, store, rec, &s.stored.timestamp, s.checkTimestampAfter)
	case nameSnapshot:
		return compareFiles(ctx, s, store, rec, &s.stored.snapshot, s.checkSnapshotAfter)
	}
	return true, nil
}

// loadToCompare loads what is stored for a role. A file that could not be read
// when the update began is replaced; another one that cannot be read now may be
// newer.
func (s *Session) loadToCompare(ctx context.Context, store Store, role, name string) ([][]byte, error) {
	files, err := loadAll(ctx, store, name)
	if err != nil && !s.stored.unreadable[role] {
		return nil, fromOutside(err)
	}
	return files, nil
}

// newestRootIn returns the highest version among the valid stored roots, 0 if
// there is none, and whether this very file is stored.
func (s *Session) newestRootIn(ctx context.Context, store Store, file []byte) (newest int64, same bool, err error) {
	files, err := s.loadToCompare(ctx, store, metadata.RoleRoot, nameRoot)
	for _, raw := range files {
		same = same || bytes.Equal(raw, file)
		if version, err := s.rootVersion(raw); err == nil {
			newest = max(newest, version)
		}
	}
	return newest, same, err
}

var errNotOurs = errors.New("the record is not of this session")

// compareFiles compares a timestamp or a snapshot that is to be saved with the
// files that other processes have stored since the update began, as far as they
// are valid under its root.
func compareFiles[T metadata.Content](ctx context.Context, s *Session, store Store, rec Record, known *candidates[T],
	checkAfter func(stored roles.Trusted[T]) error,
) (write bool, err error) {
	if known.best == nil || !bytes.Equal(known.best.raw, rec.Data) {
		return false, errNotOurs
	}
	files, err := s.loadToCompare(ctx, store, rec.Role, rec.StoreName)
	write = err == nil
	for _, raw := range files {
		if bytes.Equal(raw, rec.Data) {
			write = false
			continue
		}
		if known.find(raw) != nil { // it was there when the update began, and was judged
			continue
		}
		envelope, err := parse[T](s, raw)
		if err != nil {
			continue
		}
		f := &storedFile[T]{envelope: envelope}
		if f.check(known.role); f.err != nil {
			continue
		}
		switch version := f.version(); {
		case version > rec.Version:
			return false, &SupersededError{Role: rec.Role, Stored: version, Own: rec.Version}
		case version == rec.Version: // R-5.4.3.1b: an equal version is not replaced
			write = false
		}
		if err := checkAfter(f.file); err != nil {
			return false, &SupersededError{rec.Role, f.version(), rec.Version, err}
		}
	}
	return write, err
}

func (s *Session) checkTimestampAfter(stored roles.Trusted[metadata.Timestamp]) error {
	_, err := roles.NewerTimestamp(stored, s.trusted.timestamp)
	return err
}

func (s *Session) checkSnapshotAfter(stored roles.Trusted[metadata.Snapshot]) error {
	return roles.CheckSnapshot(stored, s.trusted.snapshot, s.stored.snapshot.best.listed)
}
