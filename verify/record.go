package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// Record is a file that is trusted now and must be stored, under its name and
// in the place of an older one.
//
// Names are safe on every file system: lower-case letters, digits and %-_.=
// only, at most 200 bytes, and none that a system reserves. They are not the
// wire's names.
type Record struct {
	Role      string // whose file it is
	Version   int64  // of the file
	StoreName string // to store it under
	Data      []byte // to store: exactly as provided, and the caller's from now on
}

// Store keeps records for later runs: a folder, say. Each repository needs one
// of its own.
type Store interface {
	// Load returns what was saved under a name, or an error: one that wraps
	// fs.ErrNotExist if there is nothing, as os.ReadFile's does. What it
	// returns need not be right, since it is verified. It should bound what it
	// reads; no file that a session takes is longer than the largest of its
	// Limits.
	Load(name string) ([]byte, error)
	// Save stores a record durably and in one piece: after a crash either the
	// old or the new one is there. For a folder that means a temporary file,
	// fsync, rename, and fsync of the folder.
	Save(Record) error
}

// The fixed names. Roots are also kept one by one, under rootName.
const (
	nameRoot      = "root.json"
	nameTimestamp = "timestamp.json"
	nameSnapshot  = "snapshot.json"
	nameTargets   = "targets.json"
)

func rootName(version int64) string { return strconv.FormatInt(version, 10) + ".root.json" }

// maxName bounds the names of records in bytes.
const maxName = 200

// roleName is the saved name of a targets role: injective, also where case does
// not count.
func roleName(role string) string {
	if role == metadata.RoleTargets {
		return nameTargets
	}
	const hexadecimal = "0123456789abcdef"
	var b strings.Builder
	for i := range len(role) {
		if c := role[i]; 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	name := b.String()
	if len("role."+name+".json") > maxName { // no short name has an equals sign
		sum := sha256.Sum256([]byte(role))
		name = "=" + hex.EncodeToString(sum[:])
	}
	return "role." + name + ".json"
}

// Stored is what an earlier run saved under root.json, timestamp.json and
// snapshot.json: the floors below which the repository may not go. The zero
// value is a first run. To give a floor up on purpose, leave it out.
type Stored struct {
	Root, Timestamp, Snapshot []byte

	failed []error
}

// LoadStored loads the three files. A file that does not exist is left out; one
// that cannot be read is too, and the session's Warnings say so.
func LoadStored(load func(name string) ([]byte, error)) Stored {
	var s Stored
	for _, f := range []struct {
		name string
		data *[]byte
	}{{nameRoot, &s.Root}, {nameTimestamp, &s.Timestamp}, {nameSnapshot, &s.Snapshot}} {
		data, err := load(f.name)
		switch {
		case err == nil:
			*f.data = data
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNotAtSource):
			role := strings.TrimSuffix(f.name, ".json")
			s.failed = append(s.failed, &StoredFileError{role, err})
		}
	}
	return s
}

// ErrStoredFile is what reports about saved files that do not count wrap.
var ErrStoredFile = errors.New("saved file does not count")

// StoredFileError says why a saved file is no floor.
type StoredFileError struct {
	Role string
	Err  error
}

func (e *StoredFileError) Error() string {
	return fmt.Sprintf("%s: %v: %v", e.Role, ErrStoredFile, e.Err)
}
func (e *StoredFileError) Unwrap() []error { return []error{ErrStoredFile, e.Err} }

// StoredRootError says that the repository's roots end before the one that was
// saved: it wraps roles.ErrRollback. A saved root counts if its own keys signed
// it, so it is the one saved file that can stop a cycle when it is forged.
// Whoever gives it up starts with a Stored without Root.
type StoredRootError struct {
	// Name is the saved file.
	Name          string
	Stored, Found int64
}

func (e *StoredRootError) Error() string {
	return fmt.Sprintf("root: %v: saved file %s has version %d, the repository's roots end at version %d (does the file belong to another repository? to give it up on purpose, start without it)", roles.ErrRollback, e.Name, e.Stored, e.Found)
}

func (e *StoredRootError) Unwrap() error { return roles.ErrRollback }

// floors are what was trusted before: read from Stored, or taken in this
// session.
type storedFiles struct {
	root      int64 // the version that was stored; newer ones that were taken are in the session
	rootFile  []byte
	damaged   []error // told in the first cycle
	timestamp storedFile[metadata.Timestamp]
	snapshot  storedFile[metadata.Snapshot]
}

// floor is a timestamp or a snapshot that was trusted before.
type storedFile[T metadata.Content] struct {
	envelope *metadata.Envelope[T]
	raw      []byte            // its bytes as they were stored, until it is replaced
	listed   metadata.MetaFile // what was listed for it, if it was taken in this session

	// What came of it under the final root of the current cycle:
	file   roles.Trusted[T] // zero if it does not count
	err    error            // why it does not
	role   roles.Role       // whose signatures it has
	opened bool             // they name its keys, so that the file (a snapshot) may not only be a floor, but serve again
}

// verify finds out whether a file counts for a role.
//
// not if the role's keys have been rotated away; it does if those
// that are left still reach the threshold, under whatever IDs.
func (f *storedFile[T]) verify(role roles.Role) {
	f.role = role
	f.file, f.err = roles.Verify(f.envelope, role)
	if f.opened = f.err == nil; !f.opened {
		f.file, f.err = roles.VerifyAnyKeyID(f.envelope, role)
	}
}

// loadStored reads what was saved.: what is damaged does not count, and
// that is all.
func (s *Session) loadStored(stored Stored) {
	stored = s.bound(stored)
	f := &s.stored
	f.damaged = stored.failed
	note := func(role string, err error) {
		if err != nil {
			f.damaged = append(f.damaged, &StoredFileError{role, err})
		}
	}
	if stored.Root != nil {
		note(metadata.RoleRoot, s.loadRoot(stored.Root))
	}
	var err error
	f.timestamp.envelope, err = parseStored[metadata.Timestamp](s, stored.Timestamp)
	note(metadata.RoleTimestamp, err)
	f.snapshot.envelope, err = parseStored[metadata.Snapshot](s, stored.Snapshot)
	f.snapshot.raw = bytes.Clone(stored.Snapshot)
	note(metadata.RoleSnapshot, err)
	if stored.Root == nil && stored.Timestamp == nil && stored.Snapshot == nil {
		return // a first run
	}
	for _, saved := range []struct {
		role string
		data []byte
	}{{metadata.RoleRoot, stored.Root}, {metadata.RoleTimestamp, stored.Timestamp}, {metadata.RoleSnapshot, stored.Snapshot}} {
		if saved.data == nil && !failed(f.damaged, saved.role) {
			note(saved.role, fs.ErrNotExist)
		}
	}
}

// loadRoot takes a saved root as a floor if its own keys signed it.
func (s *Session) loadRoot(data []byte) error {
	env, err := parse[metadata.Root](s, data)
	if err != nil {
		return err
	}
	root, err := roles.VerifyInitialRoot(env, s.options.Policy)
	if err != nil {
		return err
	}
	s.stored.root, s.stored.rootFile = root.Content().Version, bytes.Clone(data)
	return nil
}

// bound drops files that no session would have taken.
func (s *Session) bound(stored Stored) Stored {
	for _, f := range []struct {
		role  string
		data  *[]byte
		limit int64
	}{{metadata.RoleRoot, &stored.Root, s.limits.MaxRootBytes}, {metadata.RoleTimestamp, &stored.Timestamp, s.limits.MaxTimestampBytes}, {metadata.RoleSnapshot, &stored.Snapshot, s.limits.MaxSnapshotBytes}} {
		if got := int64(len(*f.data)); got > f.limit {
			*f.data = nil
			stored.failed = append(slices.Clone(stored.failed), &StoredFileError{f.role, &LimitError{f.role, "bytes", f.limit, got}})
		}
	}
	return stored
}

func failed(list []error, role string) bool {
	return slices.ContainsFunc(list, func(err error) bool {
		stored := new(StoredFileError)
		return errors.As(err, &stored) && stored.Role == role
	})
}

func parseStored[T metadata.Content](s *Session, data []byte) (*metadata.Envelope[T], error) {
	if data == nil {
		return nil, nil
	}
	return parse[T](s, data)
}

// reports returns what is to be said about damaged floors, once.
func (f *storedFiles) warnings() []error {
	r := f.damaged
	f.damaged = nil
	return r
}

// Keep says whether a record may be written where several processes share a
// store: not if another process has stored a newer root than this session
// knows, nor if a newer timestamp or snapshot lies there that is signed by this
// session's root. Comparing and writing must happen under one lock.
func (s *Session) Keep(rec Record, stored Stored) bool {
	other := &Session{options: s.options, limits: s.limits, root: s.root}
	other.loadStored(stored)
	other.verifyStored()
	if other.stored.root > s.root.Content().Version {
		return false
	}
	switch rec.StoreName {
	case nameRoot:
		return rec.Version >= other.stored.root
	case nameTimestamp:
		c := other.stored.timestamp.file.Content()
		return c == nil || c.Version <= rec.Version
	case nameSnapshot:
		c := other.stored.snapshot.file.Content()
		return c == nil || c.Version <= rec.Version
	}
	return true
}
