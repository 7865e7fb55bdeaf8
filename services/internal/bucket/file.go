package bucket

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// File is an open verified file. It is for one goroutine, and its owner closes
// it.
type File struct {
	io.ReadSeekCloser
	Size    int64
	ModTime time.Time
}

// SyscallConn lets the system send the file, if it is one of the system's.
func (f *File) SyscallConn() (syscall.RawConn, error) {
	if c, ok := f.ReadSeekCloser.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// openFile is a file in the bucket's folder.
type openFile struct {
	*os.File
	release func()
}

func (f *openFile) Close() error {
	err := f.File.Close()
	if !errors.Is(err, os.ErrClosed) {
		f.release()
	}
	return err
}

// content is a verified body that several readers share.
type content struct {
	io.ReaderAt
	size    int64
	modTime time.Time

	mu    sync.Mutex
	refs  int
	close func() // when nobody uses it any more; nil: nothing
}

// retain counts one user more. It fails if there is none left.
func (c *content) retain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs == 0 {
		return false
	}
	c.refs++
	return true
}

func (c *content) release() {
	c.mu.Lock()
	c.refs--
	last := c.refs == 0
	c.mu.Unlock()
	if last && c.close != nil {
		c.close()
	}
}

// file returns a reader, or nil if the content is closed.
func (c *content) file() *File {
	if !c.retain() {
		return nil
	}
	return &File{
		&reader{io.NewSectionReader(c, 0, c.size), sync.OnceFunc(c.release)}, c.size, c.modTime,
	}
}

type reader struct {
	*io.SectionReader
	release func()
}

func (r *reader) Close() error {
	r.release()
	return nil
}
