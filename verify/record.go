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

// Record is a file that is trusted now and must be stored under its StoreName,
// in place of an older one.
//
// These names are safe on every file system: they consist of lower-case
// letters, digits and the characters %-_.= only, have at most 200 bytes, and
// are not reserved by a system. They differ from the names on a mirror.
type Record struct {
	Role      string // the role whose file it is
	Version   int64  // of the file
	StoreName string // the name to store it under
	Data      []byte // the file exactly as it was provided; the caller's from now on
}

// Store saves records for later runs, in a folder for example. Each repository
// needs a Store of its own.
type Store interface {
	// Load returns what was saved under a name. If there is nothing, it returns
	// an error that wraps fs.ErrNotExist, as os.ReadFile does. What it returns
	// is verified, so it need not be right. Load should limit how much it
	// reads: no file that a session accepts is longer than the largest of its
	// Limits.
	Load(name string) ([]byte, error)
	// Save stores a record durably and atomically: after a crash either the old
	// or the new file is there. For a folder that means a temporary file,
	// fsync, rename, and fsync of the folder.
	Save(Record) error
}

// The fixed names. Each root is also saved under its own name (rootName).
const (
	nameRoot      = "root.json"
	nameTimestamp = "timestamp.json"
	nameSnapshot  = "snapshot.json"
	nameTargets   = "targets.json"
)

func rootName(version int64) string { return strconv.FormatInt(version, 10) + ".root.json" }

// maxName is the limit for the names of records, in bytes.
const maxName = 200

// roleName returns the StoreName of a targets role. No two roles have the same
// name, even on a file system that ignores case.
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
	if len("role."+name+".json") > maxName { // only these names have an equals sign
		sum := sha256.Sum256([]byte(role))
		name = "=" + hex.EncodeToString(sum[:])
	}
	return "role." + name + ".json"
}

// Stored is what an earlier run saved under root.json, timestamp.json and
// snapshot.json. The repository must not fall behind these versions. The zero
// value is a first run. To give up the rollback protection of a file on
// purpose, leave it out.
type Stored struct {
	Root, Timestamp, Snapshot []byte

	failed []error
}

// LoadStored loads the three files. A file that does not exist is left out. One
// that cannot be read is left out too, and the session's Warnings say so.
func LoadStored(load func(name string) ([]byte, error)) Stored {
	var s Stored
	s.Root = s.load(metadata.RoleRoot, nameRoot, load)
	s.Timestamp = s.load(metadata.RoleTimestamp, nameTimestamp, load)
	s.Snapshot = s.load(metadata.RoleSnapshot, nameSnapshot, load)
	return s
}

func (s *Stored) load(role, name string, load func(name string) ([]byte, error)) []byte {
	data, err := load(name)
	if err == nil {
		return data
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNotAtSource) {
		s.failed = append(s.failed, &StoredFileError{role, err})
	}
	return nil
}

// ErrStoredFile is returned (wrapped) by Warnings for a stored file that is not
// used.
var ErrStoredFile = errors.New("stored file is not used")

// StoredFileError says why a stored file is not used: it does not protect
// against rollback.
type StoredFileError struct {
	Role string
	Err  error
}

func (e *StoredFileError) Error() string {
	return fmt.Sprintf("%s: %v: %v", e.Role, ErrStoredFile, e.Err)
}

func (e *StoredFileError) Unwrap() []error { return []error{ErrStoredFile, e.Err} }

// StoredRootError says that the repository's newest root is older than the
// stored one. It wraps ErrRollback. A stored root is used if its own keys
// signed it, so it is the one stored file that can stop an update when it is
// forged. To give it up on purpose, start with a Stored without Root.
type StoredRootError struct {
	// Name is the StoreName of the stored file.
	Name          string
	Stored, Found int64
}

func (e *StoredRootError) Error() string {
	return fmt.Sprintf("root: %v: stored file %s has version %d, the repository's newest root has version %d "+
		"(does the stored file belong to another repository?)", roles.ErrRollback, e.Name, e.Stored, e.Found)
}

func (e *StoredRootError) Unwrap() error { return roles.ErrRollback }

// storedFiles holds what was trusted before: read from Stored, or accepted
// earlier in this session.
type storedFiles struct {
	rootVersion int64 // of the root in Stored; newer ones that were accepted are in the session
	rootFile    []byte
	warnings    []error // for the first update
	timestamp   storedFile[metadata.Timestamp]
	snapshot    storedFile[metadata.Snapshot]
}

// storedFile is a timestamp or a snapshot that was trusted before.
type storedFile[T metadata.Content] struct {
	envelope *metadata.Envelope[T]
	raw      []byte            // the bytes as they were stored, until the file is replaced
	listed   metadata.MetaFile // what was listed for the file, if it was accepted in this session

	// The result of verify under the last root of the current update:
	file     roles.Trusted[T] // zero if the file is not used
	err      error            // why it is not
	role     roles.Role       // whose signatures it has
	reusable bool             // its signatures have the role's key IDs: a snapshot may be trusted again
}

// verify decides whether a file is used under a role.
//
// it is not, if the role's keys have been replaced. It is, if the
// remaining keys still reach the threshold, under any key IDs.
func (f *storedFile[T]) verify(role roles.Role) {
	// R-5.5.5b: the expiry of the file does not matter.
	f.role = role
	f.file, f.err = roles.Verify(f.envelope, role)
	if f.reusable = f.err == nil; !f.reusable {
		f.file, f.err = roles.VerifyAnyKeyID(f.envelope, role)
	}
}

// loadStored reads what was saved.: a damaged file causes a warning and
// is not used.
func (s *Session) loadStored(stored Stored) {
	f := &s.stored
	f.warnings = slices.Clone(stored.failed)
	root := f.withinLimit(metadata.RoleRoot, stored.Root, s.limits.MaxRootBytes)
	timestamp := f.withinLimit(metadata.RoleTimestamp, stored.Timestamp, s.limits.MaxTimestampBytes)
	snapshot := f.withinLimit(metadata.RoleSnapshot, stored.Snapshot, s.limits.MaxSnapshotBytes)

	if root != nil {
		f.warn(metadata.RoleRoot, s.loadRoot(root))
	}
	var err error
	f.timestamp.envelope, err = parseStored[metadata.Timestamp](s, timestamp)
	f.warn(metadata.RoleTimestamp, err)
	f.snapshot.envelope, err = parseStored[metadata.Snapshot](s, snapshot)
	f.snapshot.raw = bytes.Clone(snapshot)
	f.warn(metadata.RoleSnapshot, err)

	if root == nil && timestamp == nil && snapshot == nil {
		return // a first run
	}
	f.warnIfMissing(metadata.RoleRoot, root)
	f.warnIfMissing(metadata.RoleTimestamp, timestamp)
	f.warnIfMissing(metadata.RoleSnapshot, snapshot)
}

// withinLimit returns a file, or nil if it is too long for any session to have
// accepted it.
func (f *storedFiles) withinLimit(role string, data []byte, limit int64) []byte {
	if got := int64(len(data)); got > limit {
		f.warn(role, &LimitError{role, "bytes", limit, got})
		return nil
	}
	return data
}

// warn adds a warning that a file is not used, if there is an error.
func (f *storedFiles) warn(role string, err error) {
	if err != nil {
		f.warnings = append(f.warnings, &StoredFileError{role, err})
	}
}

// warnIfMissing adds a warning for a file that is missing, unless there is one
// for it.
func (f *storedFiles) warnIfMissing(role string, data []byte) {
	warned := slices.ContainsFunc(f.warnings, func(err error) bool {
		unused := new(StoredFileError)
		return errors.As(err, &unused) && unused.Role == role
	})
	if data == nil && !warned {
		f.warn(role, fs.ErrNotExist)
	}
}

// takeWarnings returns the warnings about stored files, once.
func (f *storedFiles) takeWarnings() []error {
	warnings := f.warnings
	f.warnings = nil
	return warnings
}

// loadRoot sets the stored root if its own keys signed it.
func (s *Session) loadRoot(data []byte) error {
	env, err := parse[metadata.Root](s, data)
	if err != nil {
		return err
	}
	root, err := roles.VerifyInitialRoot(env, s.options.Policy)
	if err != nil {
		return err
	}
	s.stored.rootVersion, s.stored.rootFile = root.Content().Version, bytes.Clone(data)
	return nil
}

func parseStored[T metadata.Content](s *Session, data []byte) (*metadata.Envelope[T], error) {
	if data == nil {
		return nil, nil
	}
	return parse[T](s, data)
}

// Keep reports whether a record may be written to a store that several
// processes share. It may not if another process has stored a newer root than
// this session trusts, or a newer timestamp or snapshot that this session's
// root accepts. The caller must hold one lock while it compares and writes.
func (s *Session) Keep(rec Record, stored Stored) bool {
	other := &Session{options: s.options, limits: s.limits, root: s.root}
	other.loadStored(stored)
	other.verifyStored()
	if other.stored.rootVersion > s.root.Content().Version {
		return false
	}
	switch rec.StoreName {
	case nameRoot:
		return rec.Version >= other.stored.rootVersion
	case nameTimestamp:
		c := other.stored.timestamp.file.Content()
		return c == nil || c.Version <= rec.Version
	case nameSnapshot:
		c := other.stored.snapshot.file.Content()
		return c == nil || c.Version <= rec.Version
	}
	return true
}
