package client

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/tufwalk/tufwalk/verify"
)

// memoryFile is a Partial in memory. Once it holds as many bytes as fit, it is
// a full disk.
type memoryFile struct {
	data []byte
	at   int64
	fits int64 // 0: any number
	full error
}

func (f *memoryFile) Read(p []byte) (int, error) {
	if f.at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[f.at:])
	f.at += int64(n)
	return n, nil
}

func (f *memoryFile) Write(p []byte) (int, error) {
	if f.fits > 0 && f.at+int64(len(p)) > f.fits {
		return 0, f.full
	}
	f.data = append(f.data[:f.at], p...)
	f.at += int64(len(p))
	return len(p), nil
}

func (f *memoryFile) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart {
		return 0, errors.New("not needed")
	}
	f.at = offset
	return offset, nil
}

func (f *memoryFile) Truncate(size int64) error {
	f.data = f.data[:size]
	return nil
}

// plainSource is a Source that is no BodySource. It has no file if it is empty.
type plainSource string

func (s plainSource) Name() string { return "plain" }

func (s plainSource) Fetch(context.Context, verify.Request) ([]byte, error) {
	if s == "" {
		return nil, verify.ErrNotAtSource
	}
	return []byte(s), nil
}

// canceled returns a context that has ended.
func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
