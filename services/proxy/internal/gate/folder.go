package gate

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// Folder is a plain Files: a folder that one process uses, without a bound.
type Folder struct {
	path string

	mu      sync.Mutex
	checked map[string]int64 // the sizes of files whose digest was compared
	filling map[string]*filling
}

// OpenFolder returns the files in a folder, and creates it if necessary. What a
// killed process left behind is removed.
func OpenFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	left, _ := filepath.Glob(filepath.Join(path, ".part-*"))
	for _, name := range left {
		_ = os.Remove(name)
	}
	return &Folder{path: path, checked: map[string]int64{}, filling: map[string]*filling{}}, nil
}

// Get implements Files. A file may be removed as soon as it is there.
func (d *Folder) Get(ctx context.Context, digest multirepo.Hash, length int64, fill Fill) (*File, error) {
	for again := 0; ; again++ {
		f, err := d.open(digest, length)
		if !errors.Is(err, fs.ErrNotExist) || again == 10 {
			return f, err
		}
		if err := d.wait(ctx, d.fill(digest, length, fill)); err != nil {
			return nil, err
		}
	}
}

func (d *Folder) wait(ctx context.Context, p *filling) error {
	defer p.leave()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Follow implements Files.
func (d *Folder) Follow(
	_ context.Context, digest multirepo.Hash, length int64, fill Fill,
) (io.ReadCloser, error) {
	if f, err := d.open(digest, length); !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	return &follower{filling: d.fill(digest, length, fill)}, nil
}

// Has implements Files.
func (d *Folder) Has(digest multirepo.Hash) bool {
	_, err := os.Stat(d.name(digest))
	return err == nil
}

// Usage implements Files.
func (d *Folder) Usage() (files int, bytes int64) {
	entries, _ := os.ReadDir(d.path)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			files, bytes = files+1, bytes+info.Size()
		}
	}
	return files, bytes
}

func (d *Folder) name(digest multirepo.Hash) string {
	return filepath.Join(d.path, digest.Algorithm+"-"+digest.Digest)
}

// open opens a file. What an earlier process left is compared once.
func (d *Folder) open(digest multirepo.Hash, length int64) (*File, error) {
	name := d.name(digest)
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	d.mu.Lock()
	size, checked := d.checked[name]
	d.mu.Unlock()
	if !checked || size != info.Size() {
		if err := check(file, digest, length); err != nil {
			return nil, errors.Join(fs.ErrNotExist, err, file.Close(), os.Remove(name))
		}
		d.mu.Lock()
		d.checked[name] = info.Size()
		d.mu.Unlock()
	}
	return &File{file, info.Size(), info.ModTime()}, nil
}

var errDigest = errors.New("the file has another digest")

func check(file io.ReadSeeker, digest multirepo.Hash, length int64) error {
	var h hash.Hash
	switch digest.Algorithm {
	case "sha256":
		h = sha256.New()
	case "sha512":
		h = sha512.New()
	default:
		return fmt.Errorf("%w: %s", errDigest, digest.Algorithm)
	}
	n, err := io.Copy(h, file)
	if err == nil && (n != length || hex.EncodeToString(h.Sum(nil)) != digest.Digest) {
		err = errDigest
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return err
}

// filling is a file that comes, and those who wait for it.
type filling struct {
	of     *Folder
	name   string
	length int64
	part   *os.File
	cancel context.CancelFunc
	done   chan struct{}
	err    error

	mu      sync.Mutex
	waiting int
	more    chan struct{} // closed when there is more
	size    int64
	again   int // how often it has begun again
}

func (d *Folder) fill(digest multirepo.Hash, length int64, fill Fill) *filling {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := d.name(digest)
	p := d.filling[name]
	if p == nil {
		ctx, cancel := context.WithCancel(context.Background())
		p = &filling{
			of: d, name: name, length: length, cancel: cancel, done: make(chan struct{}), more: make(chan struct{}),
		}
		p.part, p.err = os.CreateTemp(d.path, ".part-*")
		d.filling[name] = p
		go p.run(ctx, fill, digest)
	}
	p.waiting++
	return p
}

// leave ends the download if nobody waits any more.
func (p *filling) leave() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	if p.waiting--; p.waiting == 0 {
		p.cancel()
		if p.of.filling[p.name] == p {
			delete(p.of.filling, p.name)
		}
	}
}

func (p *filling) run(ctx context.Context, fill Fill, digest multirepo.Hash) {
	if p.err == nil {
		p.err = fill(ctx, p)
	}
	if p.err == nil {
		if _, p.err = p.part.Seek(0, io.SeekStart); p.err == nil {
			p.err = check(p.part, digest, p.length)
		}
	}
	if p.err == nil {
		p.err = os.Rename(p.part.Name(), p.name)
	}
	p.of.mu.Lock()
	if p.err == nil {
		p.of.checked[p.name] = p.length
	}
	if p.of.filling[p.name] == p {
		delete(p.of.filling, p.name)
	}
	p.of.mu.Unlock()
	if p.part != nil && p.err != nil {
		_ = os.Remove(p.part.Name())
	}
	p.cancel()
	close(p.done)
}

// A filling is a client.Partial.

func (p *filling) Read(b []byte) (int, error)                   { return p.part.Read(b) }
func (p *filling) Seek(offset int64, whence int) (int64, error) { return p.part.Seek(offset, whence) }

func (p *filling) Write(b []byte) (int, error) {
	n, err := p.part.Write(b)
	p.changed(int64(n), false)
	return n, err
}

func (p *filling) Truncate(size int64) error {
	p.changed(0, true)
	return p.part.Truncate(size)
}

func (p *filling) changed(more int64, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size += more; again && p.size > 0 {
		p.size, p.again = 0, p.again+1
	}
	close(p.more)
	p.more = make(chan struct{})
}

// follower reads a file while it comes.
type follower struct {
	*filling
	at    int64
	begun int // the beginning that it has read from
}

var errBeganAgain = errors.New("the download began again from another mirror")

func (f *follower) Read(b []byte) (int, error) {
	for {
		f.mu.Lock()
		size, more, again := f.size, f.more, f.again
		f.mu.Unlock()
		select {
		case <-f.done:
			if f.err != nil {
				return 0, f.err
			}
			return f.readTo(b, f.length)
		default:
		}
		if f.at == 0 {
			f.begun = again
		}
		switch {
		case again != f.begun:
			return 0, errBeganAgain
		case size-HoldBack > f.at:
			return f.readTo(b, size-HoldBack)
		}
		select {
		case <-more:
		case <-f.done:
		}
	}
}

func (f *follower) readTo(b []byte, end int64) (int, error) {
	if f.at >= end {
		return 0, io.EOF
	}
	n, err := f.part.ReadAt(b[:min(int64(len(b)), end-f.at)], f.at)
	f.at += int64(n)
	return n, err
}

func (f *follower) Close() error {
	f.leave()
	return nil
}

var _ client.Partial = (*filling)(nil)
