package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/gofrs/flock"
)

// ownPrefix begins the names of all files that are not targets.
const ownPrefix = ".tufwalk-"

// part is the unfinished file of a target, in the directory of the target. Its
// name comes from the target's name and digests. So a later run finds it, and a
// later version of the target does not.
type part struct {
	dir  *os.Root
	name string // of the unfinished file
	file *os.File
	lock *flock.Flock
	own  string // begins the names of all files for this name
}

// openPart opens or creates the unfinished file, alone. It removes those of
// other versions, which killed processes left.
func openPart(ctx context.Context, dir *os.Root, name string, t Target) (*part, error) {
	p := &part{dir: dir, own: fmt.Sprintf("%s%.8x-", ownPrefix, sha256.Sum256([]byte(name)))}
	p.name = p.own + fmt.Sprintf("%.8x.part", sha256.Sum256([]byte(t.Path+"\n"+t.digests)))
	if err := p.claim(ctx); err != nil {
		return nil, err
	}
	p.sweep()
	if err := p.open(); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// claim waits for the lock: another process must not write to a file that this
// one has verified.
func (p *part) claim(ctx context.Context) error {
	name, missing := p.own+"lock", 0
	for {
		listed, err := p.dir.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // O_EXCL creates nothing through a link
			f, err := p.dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				continue // another process was faster
			}
			if err != nil {
				return err
			}
			f.Close()
		case err != nil:
			return err
		case !listed.Mode().IsRegular():
			return fmt.Errorf("%s (%v) %w", name, listed.Mode().Type(), ErrInTheWay)
		}
		p.lock = flock.New(filepath.Join(p.dir.Name(), name), flock.SetFlag(os.O_RDWR))
		if _, err := p.lock.TryLockContext(ctx, lockPoll); err != nil {
			_ = p.lock.Close()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			// Another process has just removed it, or the path of the directory
			// does not lead to it any more.
			if missing++; errors.Is(err, fs.ErrNotExist) && missing < lockTries {
				continue
			}
			return err
		}
		held, err := p.lock.Stat()
		if listed, e := p.dir.Lstat(name); err == nil && e == nil && os.SameFile(held, listed) {
			return nil
		}
		_ = p.lock.Close() // of a file that another process has removed
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
	}
}

// release gives the lock back. Its file goes while it is held: who waits for it
// looks again. (Windows keeps the file, which harms nobody.)
func (p *part) release() {
	_ = p.dir.Remove(p.own + "lock")
	_ = p.lock.Close()
}

// leftover matches the ends of the names of files that may be swept.
var leftover = regexp.MustCompile(`^([0-9a-f]{16}\.part|[A-Z2-7]{26}\.old)$`)

// sweep removes the unfinished files of other versions, and old programs that
// were still running when they were replaced.
func (p *part) sweep() {
	entries, _ := fs.ReadDir(p.dir.FS(), ".")
	for _, e := range entries {
		name := e.Name()
		if len(name) > len(p.own) && name[:len(p.own)] == p.own && leftover.MatchString(name[len(p.own):]) &&
			name != p.name && e.Type().IsRegular() {
			_ = p.dir.Remove(name)
		}
	}
}

// open opens the file. One that is not ours alone is removed, not written to.
func (p *part) open() error {
	for range 2 {
		listed, err := p.dir.Lstat(p.name)
		if errors.Is(err, fs.ErrNotExist) {
			p.file, err = p.dir.OpenFile(p.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
			return err
		}
		if err != nil {
			return err
		}
		if listed.Mode().IsRegular() && !shared(listed) {
			f, err := p.dir.OpenFile(p.name, os.O_RDWR, 0)
			if err == nil {
				if opened, err := f.Stat(); err == nil && os.SameFile(listed, opened) {
					p.file = f
					return nil
				}
				f.Close()
			}
		}
		if err := p.dir.Remove(p.name); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", p.name, errChanged)
}

// close closes the file, and removes it if there is nothing in it.
func (p *part) close() {
	if p.file != nil {
		info, err := p.file.Stat()
		p.file.Close()
		if err == nil && info.Size() == 0 {
			_ = p.dir.Remove(p.name)
		}
	}
	p.release()
}

// place gives the finished file its name, durably. If aside is set, the old one
// is renamed first: Windows does not replace a program that runs.
func (p *part) place(name string, perm fs.FileMode, aside bool) error {
	file := p.file
	p.file = nil
	err := file.Chmod(perm)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	old := ""
	if aside {
		old = p.own + rand.Text() + ".old"
		err := disk{}.rename(p.dir, name, old)
		if errors.Is(err, fs.ErrNotExist) {
			old, err = "", nil
		}
		if err != nil {
			return err
		}
	}
	if err := (disk{}).rename(p.dir, p.name, name); err != nil {
		if old != "" {
			err = errors.Join(err, p.dir.Rename(old, name))
		}
		return err
	}
	if old != "" {
		_ = p.dir.Remove(old) // fails while it runs: the next Install sweeps it
	}
	return disk{}.syncDir(p.dir, ".")
}

// verifyFile says whether a file has the right content.
func verifyFile(dir *os.Root, name string, info fs.FileInfo, t Target) bool {
	if info.Size() != t.Length {
		return false
	}
	f, err := dir.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	v := t.verifier()
	_, err = io.Copy(v, f)
	return err == nil && v.Verify() == nil
}
