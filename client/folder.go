package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/tufwalk/tufwalk/verify"
)

// MaxFolderFile bounds a file that a Folder loads, in bytes, and so the memory
// that a damaged one can fill.
const MaxFolderFile = 64 << 20

const (
	lockName = ".lock" // no record has such a name
	// lockPoll is the pause before a lock that another process holds is tried
	// again.
	lockPoll = 20 * time.Millisecond
	// lockTries is how often a lock file may turn out to have been replaced
	// while it was locked.
	lockTries = 10
)

// A Folder stores trusted metadata in a directory, one file per record. It is a
// verify.Locker: several goroutines and processes may use one folder, and each
// repository needs one of its own (see Adopt).
//
// The next update succeeds after a crash at any moment, after a full disk, with
// several processes at once, and with files that are damaged, missing, swapped
// or another repository's. A file is written under another name, synced and
// renamed, and the folder is synced. Files have mode 0600, and a folder that is
// created has 0700. Bad files are reported by verify.Session.Warnings and
// replaced. What is no file, such as a link or a directory, is not followed
// (ErrNotAFile): a link is replaced, and a directory is reported until somebody
// removes it. A file that has a second name, a hard link, is read like any
// other. It is never written to: the second name keeps the old file.
//
// How far the stored files protect against rollback:
//
//   - Any one file may be lost. The stored timestamp refuses an older timestamp
//     or snapshot. The stored snapshot refuses a snapshot that lists an older
//     targets role, or no longer lists one, even if the timestamp is lost.
//   - Each root is stored as 7.root.json, and the newest also as root.json.
//     Either file stops a mirror from hiding that root.
//   - Files of targets roles give no rollback protection. Losing them costs
//     requests.
//   - If timestamp.json and snapshot.json are both lost, which is reported, a
//     mirror can show an older state of the repository until that state's
//     timestamp expires. If the folder is lost, the next update is a first one.
//
// Anyone who can write to the folder can lock the user out and undo this
// protection, but cannot make a session trust anything that the trusted root
// does not lead to.
//
// The folders of go-tuf and python-tuf can be used on. Their root, timestamp
// and snapshot have the same names; python-tuf's root.json is a link into
// root_history, the one kind of link that is followed.
//
// The path of a folder must not be made from something that a mirror or the
// configuration can change, such as the first of several URLs: the same
// repository would begin anew without rollback protection.
//
// Errors are *FolderError.
type Folder struct {
	path string
	disk disk
	turn chan struct{} // held by the goroutine of this process that has the lock

	mu     sync.RWMutex // writers change what is below; readers use held
	held   *os.Root     // the folder while it is locked; nil: it is not
	swept  bool
	closed bool
	owner  *owner // the repository of Adopt; nil: not known
}

// OpenFolder returns the folder at a path, and creates it if necessary, with
// those above it. A folder that is there need not be writable: then Load works,
// and what writes returns ErrReadOnly (wrapped).
func OpenFolder(path string) (*Folder, error) { return openFolder(path, disk{}) }

func openFolder(path string, d disk) (*Folder, error) {
	f, err := newFolder(path, d)
	if err != nil {
		return nil, err
	}
	if err := d.makeDir(f.path); err != nil {
		return nil, f.notWritten("opened", "", err)
	}
	return f, nil
}

var errNoPath = errors.New("the path is empty")

func newFolder(path string, d disk) (*Folder, error) {
	if path == "" { // which would be the working directory
		return nil, &FolderError{Op: "opened", Err: errNoPath}
	}
	abs, err := filepath.Abs(path) // the program may change its working directory
	if err != nil {
		return nil, &FolderError{Folder: path, Op: "opened", Err: err}
	}
	return &Folder{path: abs, disk: d, turn: make(chan struct{}, 1)}, nil
}

// Path returns where the folder is, as an absolute path.
func (f *Folder) Path() string { return f.path }

// Close ends the use of the folder: everything that is called afterwards
// returns fs.ErrClosed (wrapped). It waits for a Save that is under way. A lock
// that is held must still be unlocked.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *Folder) isClosed() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.closed
}

// isRecord matches the names of records, those of verify.Record.StoreName.
var isRecord = regexp.MustCompile(`^(?:root|[0-9]{1,19}\.root|timestamp|snapshot|targets|role\.[a-z0-9%_.=-]+)\.json$`)

const maxRecordName = 200 // bytes, as verify.Record has it

func checkRecordName(name string) error {
	if len(name) > maxRecordName || !isRecord.MatchString(name) {
		return fmt.Errorf("%q is not the name of a record", name)
	}
	return nil
}

// Load returns what was saved under a name. The error wraps fs.ErrNotExist if
// nothing was. It does not look at the context: a missing file would be taken
// for one that was never saved.
func (f *Folder) Load(_ context.Context, name string) (data []byte, err error) {
	if err = checkRecordName(name); err == nil {
		err = f.use(func(root *os.Root) error {
			data, err = loadRecord(root, name)
			return err
		})
	}
	if err != nil {
		return nil, f.failed("loaded", name, err)
	}
	return data, nil
}

// use calls a function with the folder: the one that is locked, if it is.
func (f *Folder) use(do func(root *os.Root) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.closed:
		return fs.ErrClosed
	case f.held != nil:
		return do(f.held)
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return err
	}
	defer root.Close()
	return do(root)
}

// Save stores a record atomically and durably. A crash between two saves does
// no harm: a session orders them so that each file helps the next update.
//
// The caller should hold Lock, as verify.Session.Save does. Otherwise Save
// takes it for itself.
func (f *Folder) Save(ctx context.Context, rec verify.Record) error {
	err := checkRecordName(rec.StoreName)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return f.failed("saved", rec.StoreName, err)
	}
	done, err := f.saveLocked(rec)
	if !done {
		unlock, e := f.Lock(ctx)
		if e != nil {
			return e
		}
		defer unlock()
		_, err = f.saveLocked(rec)
	}
	return err
}

// saveLocked saves a record if the folder is locked.
func (f *Folder) saveLocked(rec verify.Record) (locked bool, err error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.held == nil {
		return false, nil
	}
	return true, f.write(f.held, rec.StoreName, rec.Data)
}

func (f *Folder) write(root *os.Root, name string, data []byte) error {
	err := f.disk.write(root, name, data)
	if err == nil {
		return nil
	}
	if info, e := root.Lstat(name); e == nil && info.IsDir() {
		err = notAFile(info.Mode())
	}
	return f.notWritten("saved", name, err)
}

// Lock waits until no other process, and no other goroutine, holds the lock of
// the folder, or until the context ends. The first call removes the temporary
// files of killed processes. A folder that has been removed is created again.
//
// The error wraps ErrReadOnly if the folder cannot be written to,
// ErrOtherRepository if it belongs to another repository than that of Adopt,
// and otherwise what the system says: not every network file system has locks.
func (f *Folder) Lock(ctx context.Context) (unlock func(), err error) {
	f.mu.RLock()
	own := f.owner
	f.mu.RUnlock()
	return f.lockFor(ctx, own)
}

// lockFor locks the folder unless it is the store of another repository than
// the owner's; nil: any.
func (f *Folder) lockFor(ctx context.Context, own *owner) (unlock func(), err error) {
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, f.failed("locked", "", ctx.Err())
	}
	release, err := f.lockBetweenProcesses(ctx, own)
	if err != nil {
		<-f.turn
		return nil, err
	}
	return sync.OnceFunc(func() {
		release()
		<-f.turn
	}), nil
}

// lockBetweenProcesses locks the folder, and makes it the one that is held.
func (f *Folder) lockBetweenProcesses(ctx context.Context, own *owner) (release func(), err error) {
	root, file, err := f.lockFile(ctx)
	if err != nil {
		return nil, f.notWritten("locked", lockName, err)
	}
	release = func() {
		f.mu.Lock() // waits for a Save of another goroutine
		f.held = nil
		f.mu.Unlock()
		_ = file.Unlock()
		root.Close()
	}
	if err = own.check(f, root); err != nil {
		release()
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = root
	if !f.swept { // nobody else is writing
		f.disk.sweep(root)
		f.swept = true
	}
	return release, nil
}

var errLockReplaced = errors.New("the lock file was replaced again and again")

// lockFile opens the folder, and locks the lock file in it. If another one lies
// there now, somebody has removed it, or the folder, and begun a new one.
func (f *Folder) lockFile(ctx context.Context) (root *os.Root, file *flock.Flock, err error) {
	for range lockTries {
		if root, file, err = f.tryLockFile(ctx); err != nil {
			return nil, nil, err
		}
		locked, err1 := file.Stat()
		there, err2 := root.Lstat(lockName)
		if err1 == nil && err2 == nil && os.SameFile(locked, there) {
			return root, file, nil
		}
		_ = file.Unlock()
		root.Close()
	}
	return nil, nil, errLockReplaced
}

func (f *Folder) tryLockFile(ctx context.Context) (root *os.Root, file *flock.Flock, err error) {
	if f.isClosed() {
		return nil, nil, fs.ErrClosed
	}
	if _, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) {
		if err := f.disk.makeDir(f.path); err != nil {
			return nil, nil, err
		}
	}
	if root, err = os.OpenRoot(f.path); err != nil {
		return nil, nil, err
	}
	file = flock.New(filepath.Join(f.path, lockName),
		flock.SetFlag(os.O_CREATE|os.O_RDWR|noFollow|doNotWait), flock.SetPermissions(0o600))
	info, err := root.Lstat(lockName)
	switch {
	case err == nil && !info.Mode().IsRegular():
		err = notAFile(info.Mode())
	case err == nil || errors.Is(err, fs.ErrNotExist):
		if err = f.disk.before("lock", lockName); err == nil {
			_, err = file.TryLockContext(ctx, lockPoll)
		}
		if err == nil {
			err = f.disk.before("locked", lockName)
		}
	}
	if err != nil {
		_ = file.Unlock()
		root.Close()
		return nil, nil, err
	}
	return root, file, nil
}

// loadRecord reads a record. A link is not followed, but for root.json as
// python-tuf has it.
func loadRecord(root *os.Root, name string) ([]byte, error) {
	if name == nameRoot {
		if link, err := root.Readlink(name); err == nil && isRootHistory.MatchString(link) {
			return loadFile(root, filepath.ToSlash(link))
		}
	}
	return loadFile(root, name)
}

// nameRoot is the newest root, and rootHistory where python-tuf keeps all
// roots.
const nameRoot, rootHistory = "root.json", "root_history"

var isRootHistory = regexp.MustCompile(`^root_history[/\\][0-9]{1,19}\.root\.json$`)

var errTooLarge = fmt.Errorf("the file is larger than the limit of %d bytes", MaxFolderFile)

// loadFile reads a regular file, at most MaxFolderFile bytes.
func loadFile(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a pipe may block forever
		return nil, notAFile(info.Mode())
	case info.Size() > MaxFolderFile:
		return nil, errTooLarge
	}
	f, err := root.OpenFile(name, os.O_RDONLY|doNotWait, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFolderFile+1))
	if err == nil && len(data) > MaxFolderFile { // it has grown
		err = errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

func notAFile(mode fs.FileMode) error {
	what := "something else"
	switch {
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeSymlink != 0:
		what = "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	}
	return fmt.Errorf("%w: it is %s", ErrNotAFile, what)
}
