package bucket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// FilesOptions may be left zero.
type FilesOptions struct {
	// MaxBytes bounds all files together; default 10 GiB. What is open is not
	// removed, so it may be more for a while. Each replica removes what it has
	// not used for the longest time.
	MaxBytes int64
	// MemoryBytes bounds the small files of a bucket that is no folder which
	// are retained in memory; default 64 MiB.
	MemoryBytes int64
	// HoldBack is how many bytes at its end a Stream holds back until the file
	// is verified; default 64 KiB.
	HoldBack int64
	// Spool is a local folder for unfinished files, and for large files of a
	// bucket that is no folder while they are open. Several processes may share
	// it. The default is in the bucket's folder, and otherwise a temporary one
	// that ends with the process, so that it does not go on with a fill that a
	// killed process began.
	Spool string
	// Report is called with what went wrong and was made good: *DamagedError
	// for a file that was removed and is filled again, and errors of the
	// bucket. It must be safe for many goroutines. Nil: nothing.
	Report func(error)
}

// Fill writes a file to dst, and verifies it. When it returns nil, dst holds
// the file and nothing else. What dst holds at the beginning may be a part that
// an earlier fill left: nobody has verified it. client.Mirrors.Download does
// all that. The context ends when nobody waits any more.
type Fill func(ctx context.Context, dst client.Partial) error

// smallBytes is the length up to which a file of a bucket that is no folder is
// read into memory.
const smallBytes = 4 << 20

// Files are verified files by their digest. It is safe for many goroutines.
type Files struct {
	objects objects
	folder  *folder // nil: the bucket is no folder
	options FilesOptions
	spool   *spool
	ctx     context.Context
	cancel  context.CancelCauseFunc
	uploads chan struct{} // bounds them

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
	index   lru[entry]          // what is in the bucket, as far as is known
	memory  lru[*content]       // small files of a bucket that is no folder
	shared  map[wanted]*content // large ones that are open
	flights map[wanted]*flight
	added   int64 // bytes since the last listing
	listing bool
}

// entry is what is known of a file in the bucket.
type entry struct {
	checked identity // as it was when its digest was compared; zero: it was not
	used    time.Time
}

// Files returns the files of the bucket. What an earlier process left is listed
// in the background. There should be one Files for a bucket in a process.
func (b *Bucket) Files(o FilesOptions) *Files {
	o.MaxBytes = cmp.Or(o.MaxBytes, 10<<30)
	o.MemoryBytes = cmp.Or(o.MemoryBytes, 64<<20)
	o.HoldBack = cmp.Or(o.HoldBack, 64<<10)
	f := &Files{
		objects: b.objects, options: o, uploads: make(chan struct{}, 8),
		shared: map[wanted]*content{}, flights: map[wanted]*flight{},
	}
	f.ctx, f.cancel = context.WithCancelCause(context.Background())
	if in, ok := b.objects.(*folder); ok {
		f.folder = in
		o.Spool = cmp.Or(o.Spool, filepath.Join(in.path, spoolDir))
	}
	f.spool = &spool{base: o.Spool, most: o.MaxBytes / 8}
	b.mu.Lock()
	b.files = append(b.files, f)
	b.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.relist()
	if o.Spool != "" { // what a killed process left; the first fill has the error
		f.goes(func() { _ = f.spool.start() })
	}
	return f
}

// Get opens the file that has a digest (sha256 or sha512, in lower-case
// hexadecimal) and a length. If it is not in the bucket, fill is called, once
// for all that ask at the same time. One that gives up does not stop the
// others. The error is that of the fill, the context's cause, or wraps
// ErrDigest, or fs.ErrClosed after Bucket.Close. If the bucket fails, that is
// reported, and the file is filled as if it were not there.
func (f *Files) Get(ctx context.Context, digest multirepo.Hash, length int64, fill Fill) (*File, error) {
	w, err := newWanted(digest, length)
	if err != nil {
		return nil, err
	}
	for {
		if file := f.opened(w); file != nil {
			return file, nil
		}
		fl, err := f.join(ctx, w, fill)
		if err != nil {
			return nil, err
		}
		file, err := fl.wait(ctx)
		f.leave(fl)
		if file != nil || err != nil {
			return file, err
		}
	}
}

// Has says whether a file is in the bucket, as far as is known.
func (f *Files) Has(digest multirepo.Hash) bool {
	w, err := newWanted(digest, 0)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.index.get(w.key()) != nil
}

// Usage returns how many files are in the bucket, and their bytes, as far as is
// known.
func (f *Files) Usage() (files int, bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.index.items), f.index.bytes
}

// opened opens a file that needs no more checks; nil: there is none.
func (f *Files) opened(w wanted) *File {
	if f.folder != nil {
		return f.openedInFolder(w)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.shared[w]
	if it := f.memory.use(w.key()); it != nil && it.value.size == w.length {
		c = it.value
	}
	if c == nil {
		return nil
	}
	f.index.use(w.key())
	return c.file()
}

// openedInFolder opens a file that has not changed since its digest was
// compared.
func (f *Files) openedInFolder(w wanted) *File {
	f.mu.Lock()
	it := f.index.use(w.key())
	if it == nil || it.value.checked == (identity{}) {
		f.mu.Unlock()
		return nil
	}
	it.open++
	checked := it.value.checked
	f.mu.Unlock()
	file, info, err := openRegular(f.folder.name(w.key()))
	if err != nil || identityOf(info) != checked || info.Size() != w.length {
		if err == nil {
			file.Close()
		}
		f.release(it)
		return nil
	}
	return &File{&openFile{file, func() { f.release(it) }}, info.Size(), info.ModTime()}
}

// release notes that a file was closed.
func (f *Files) release(it *item[entry]) {
	f.mu.Lock()
	it.open--
	full := it.open == 0 && f.index.bytes > f.options.MaxBytes && !f.closed
	if full {
		f.goes(f.makeRoom)
	}
	f.mu.Unlock()
}

// goes calls a function in a goroutine that close waits for. The caller holds
// the lock, and f is not closed.
func (f *Files) goes(do func()) { f.running.Go(do) }

// load opens a file that is in the bucket, after its digest is compared. The
// error wraps fs.ErrNotExist if it is not there. One that is damaged is
// removed.
func (f *Files) load(ctx context.Context, w wanted) (c *content, err error) {
	if f.folder != nil {
		c, err = f.loadInFolder(w)
	} else {
		c, err = f.loadRemote(ctx, w)
	}
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, fs.ErrNotExist):
		f.forget(w)
	case errors.As(err, new(*DamagedError)):
		f.forget(w)
		f.report(err)
		if err := f.objects.remove(ctx, w.key()); err != nil {
			f.report(err)
		}
	}
	return nil, err
}

func (f *Files) forget(w wanted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index.drop(w.key())
}

// errOtherLength says that the object has another length. Whether it is damaged
// or the length is wrong is not known: it stays until the right one is there.
var errOtherLength = errors.New("the object has another length")

func (f *Files) loadInFolder(w wanted) (*content, error) {
	file, info, err := openRegular(f.folder.name(w.key()))
	if err != nil {
		return nil, err
	}
	if info.Size() != w.length {
		file.Close()
		return nil, errOtherLength
	}
	if err := w.copyChecked(discard{}, file); err != nil {
		file.Close()
		return nil, err
	}
	return f.inFolder(w, identityOf(info), &content{ReaderAt: file, size: w.length, modTime: info.ModTime(),
		close: func() { file.Close() }}), nil
}

// discard is io.Discard without a ReadFrom of its own, so that copies use large
// pieces.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// inFolder notes that a content is a file in the folder.
func (f *Files) inFolder(w wanted, checked identity, c *content) *content {
	f.mu.Lock()
	defer f.mu.Unlock()
	it := f.index.set(w.key(), w.length)
	it.value = entry{checked, time.Now()}
	it.open++
	c.refs = 1
	closeFile := c.close
	c.close = func() {
		closeFile()
		f.release(it)
	}
	return c
}

func (f *Files) loadRemote(ctx context.Context, w wanted) (*content, error) {
	b, err := f.objects.open(ctx, w.key())
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if b.size != w.length {
		return nil, errOtherLength
	}
	if w.length <= smallBytes {
		buf := bytes.NewBuffer(make([]byte, 0, w.length))
		if err := w.copyChecked(buf, b); err != nil {
			return nil, err
		}
		f.inBucket(w)
		return f.inMemory(w, buf.Bytes(), b.modTime), nil
	}
	file, err := f.spool.create()
	if err != nil {
		return nil, err
	}
	if err := w.copyChecked(file, b); err != nil {
		file.remove()
		return nil, err
	}
	f.inBucket(w)
	return f.inSpool(w, file, b.modTime), nil
}

// inBucket notes that a file is in the bucket.
func (f *Files) inBucket(w wanted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index.set(w.key(), w.length).value.used = time.Now()
}

// inMemory returns a small file's content, and retains it for later.
func (f *Files) inMemory(w wanted, data []byte, modTime time.Time) *content {
	c := &content{ReaderAt: bytes.NewReader(data), size: w.length, modTime: modTime, refs: 1}
	c.refs++ // the memory's, which is never given back: there is nothing to close
	f.mu.Lock()
	defer f.mu.Unlock()
	f.memory.set(w.key(), w.length).value = c
	f.memory.shrink(f.options.MemoryBytes)
	return c
}

// inSpool returns the content of a spool file, which is removed when nobody
// uses it any more.
func (f *Files) inSpool(w wanted, file *spoolFile, modTime time.Time) *content {
	file.unlink()
	c := &content{ReaderAt: file, size: w.length, modTime: modTime, refs: 1}
	c.close = func() {
		f.mu.Lock()
		if f.shared[w] == c {
			delete(f.shared, w)
		}
		f.mu.Unlock()
		file.remove()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shared[w] = c
	return c
}

func (f *Files) report(err error) {
	if f.options.Report != nil && err != nil {
		f.options.Report(err)
	}
}

// close cancels what is under way, and waits for it.
func (f *Files) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel(fs.ErrClosed)
	f.running.Wait()
	f.spool.close()
}
