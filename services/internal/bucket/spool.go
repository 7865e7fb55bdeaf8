package bucket

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// partAge is the age at which an unfinished file is removed.
const partAge = 24 * time.Hour

// partWorth is the length from which an unfinished file is worth a later try.
const partWorth = 64 << 10

const partSuffix, lockSuffix = ".part", ".lock"

// spool has the unfinished files of this process, in a folder of its own below
// base. Next to it lies its lock, and what lies below a lock that nobody holds
// was left by a killed process.
type spool struct {
	base string // empty: a temporary folder
	most int64  // bytes of unfinished files that nobody fills

	once sync.Once
	err  error
	dir  string
	lock *flock.Flock

	mu    sync.Mutex
	inUse map[string]bool
}

// start makes the folder when it is first needed.
func (s *spool) start() error {
	s.once.Do(func() {
		if s.err = s.makeDir(); s.err == nil {
			s.adopt()
			s.trim()
		}
	})
	return s.err
}

func (s *spool) makeDir() (err error) {
	s.inUse = map[string]bool{}
	if s.base == "" {
		s.dir, err = os.MkdirTemp("", "tufwalk-spool-*")
		return err
	}
	if err := os.MkdirAll(s.base, 0o700); err != nil {
		return err
	}
	s.dir = filepath.Join(s.base, rand.Text())
	s.lock = flock.New(s.dir+lockSuffix, flock.SetPermissions(0o600))
	if ok, err := s.lock.TryLock(); err != nil || !ok {
		return errors.Join(fmt.Errorf("%s: cannot be locked", s.dir+lockSuffix), err)
	}
	return os.Mkdir(s.dir, 0o700)
}

// adopt takes over what killed processes left, as far as it is young.
func (s *spool) adopt() {
	others, _ := os.ReadDir(s.base) // none: there is nothing to go on with
	for _, e := range others {
		dir := filepath.Join(s.base, strings.TrimSuffix(e.Name(), lockSuffix))
		if dir == s.dir {
			continue
		}
		lock := flock.New(dir + lockSuffix)
		if ok, err := lock.TryLock(); err != nil || !ok {
			continue // it is alive
		}
		parts, _ := os.ReadDir(dir)
		for _, p := range parts {
			if info, err := p.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) < partAge &&
				strings.HasSuffix(p.Name(), partSuffix) {
				_ = os.Rename(filepath.Join(dir, p.Name()), filepath.Join(s.dir, p.Name()))
			}
		}
		_ = os.RemoveAll(dir)
		_ = os.Remove(dir + lockSuffix)
		_ = lock.Close()
	}
}

// spoolFile is a file in the spool, open for reading and writing.
type spoolFile struct {
	*os.File
	of   *spool
	name string
	gone bool // it has no name any more
}

// open opens the unfinished file of what is wanted, or a new one.
func (s *spool) open(w wanted) (*spoolFile, error) {
	return s.openName(fmt.Sprintf("%s-%s-%d%s", w.Algorithm, w.Digest, w.length, partSuffix))
}

// create opens a new file that no later process uses.
func (s *spool) create() (*spoolFile, error) { return s.openName(rand.Text() + ".temp") }

func (s *spool) openName(name string) (*spoolFile, error) {
	if err := s.start(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.inUse[name] = true
	s.mu.Unlock()
	file, err := os.OpenFile(filepath.Join(s.dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		s.done(name)
		return nil, err
	}
	return &spoolFile{File: file, of: s, name: name}, nil
}

func (s *spool) done(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inUse, name)
}

// unlink takes the file's name away, where the system lets it while the file is
// open. It is also for one that was moved.
func (f *spoolFile) unlink() {
	if err := os.Remove(f.Name()); err == nil || errors.Is(err, fs.ErrNotExist) {
		f.gone = true
		f.of.done(f.name)
	}
}

// remove closes the file and removes it.
func (f *spoolFile) remove() {
	f.File.Close()
	if !f.gone {
		f.unlink()
		f.of.done(f.name)
	}
}

// leave closes an unfinished file, so that a later fill can go on with it.
func (s *spool) leave(f *spoolFile) {
	info, err := f.Stat()
	if err != nil || info.Size() < partWorth {
		f.remove()
		return
	}
	f.File.Close()
	s.done(f.name)
	s.trim()
}

// trim removes unfinished files, the oldest first, until the rest is not too
// much.
func (s *spool) trim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []fs.FileInfo
	var bytes int64
	entries, _ := os.ReadDir(s.dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !s.inUse[e.Name()] {
			parts, bytes = append(parts, info), bytes+info.Size()
		}
	}
	slices.SortFunc(parts, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range parts {
		if bytes > s.most || time.Since(info.ModTime()) > partAge {
			_ = os.Remove(filepath.Join(s.dir, info.Name()))
			bytes -= info.Size()
		}
	}
}

// close leaves unfinished files for the next process, if it can find them.
func (s *spool) close() {
	s.once.Do(func() { s.err = fs.ErrClosed })
	if s.err != nil {
		return
	}
	if s.lock == nil {
		_ = os.RemoveAll(s.dir)
		return
	}
	if os.Remove(s.dir) == nil { // there was nothing in it
		_ = os.Remove(s.dir + lockSuffix)
	}
	_ = s.lock.Close()
}
