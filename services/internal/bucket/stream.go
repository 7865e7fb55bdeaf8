package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// ErrStreamBroken is returned (wrapped) by a Stream when bytes that it has
// returned turned out to be wrong. The file itself may have come right after
// that: Get has it then.
var ErrStreamBroken = errors.New("the bytes that were sent are not those of the verified file")

var errTakenBack = errors.New("taken back")

// Stream reads a file that may still be under way. It is for one goroutine.
type Stream struct {
	// Size is the length of the file in bytes.
	Size int64

	ctx      context.Context
	flight   *flight
	leave    func()
	holdBack int64
	file     *File // the verified file, once it is there

	offset   int64 // of the next byte
	sum      hash.Hash
	restarts int
	torn     bool // what was sent may be wrong
}

// Follow is like Get, for what may be sent before it is verified: reading waits
// for more of the file. The last FilesOptions.HoldBack bytes come only after
// the whole file is verified, and none of them if it is wrong: then Read
// returns the error of Get in place of io.EOF, or ErrStreamBroken (wrapped),
// and the caller must break the transfer off. A file that is in the bucket is
// verified before its first byte.
//
// Follow returns when there is a byte to read, or with the error of Get. The
// context is for all of the reading.
func (f *Files) Follow(ctx context.Context, digest multirepo.Hash, length int64, fill Fill) (*Stream, error) {
	w, err := newWanted(digest, length)
	if err != nil {
		return nil, err
	}
	s := &Stream{Size: length, ctx: ctx, holdBack: f.options.HoldBack, sum: sha256.New(), leave: func() {}}
	for {
		if s.file = f.opened(w); s.file != nil {
			return s, nil
		}
		if s.flight, err = f.join(ctx, w, fill); err != nil {
			return nil, err
		}
		s.leave = sync.OnceFunc(func() { f.leave(s.flight) })
		err := s.await()
		if err == nil {
			return s, nil
		}
		s.Close()
		if !errors.Is(err, errTakenBack) { // the file was closed before it was opened
			return nil, err
		}
	}
}

// Close ends the reading. If nobody else waits for the file, its fill is
// cancelled.
func (s *Stream) Close() error {
	s.leave()
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}

// Read returns what has come.
func (s *Stream) Read(p []byte) (int, error) {
	for {
		if len(p) == 0 {
			return 0, nil
		}
		if err := s.await(); err != nil {
			return 0, err
		}
		if s.file != nil {
			return s.file.Read(p)
		}
		n := min(int64(len(p)), s.ready())
		got, err := s.flight.part.readAt(p[:n], s.offset, s.restarts)
		switch {
		case errors.Is(err, errTakenBack):
			continue
		case got == 0: // the fill has ended: wait for its result
			s.torn = true
			continue
		}
		s.sum.Write(p[:got])
		s.offset += int64(got)
		return got, nil
	}
}

// ready is how many bytes can be read now.
func (s *Stream) ready() int64 {
	have, restarts, _ := s.flight.part.state()
	if restarts != s.restarts {
		s.restarts = restarts
		s.torn = s.torn || s.offset > 0
	}
	if s.torn { // nothing more before it is known what is right
		return 0
	}
	return max(0, min(have, s.Size-s.holdBack)-s.offset)
}

// await waits until there is a byte to read, or the end.
func (s *Stream) await() error {
	for s.file == nil {
		_, _, changed := s.flight.part.state()
		select {
		case <-s.flight.done:
			return s.finish()
		default:
		}
		if s.ready() > 0 {
			return nil
		}
		select {
		case <-s.flight.done:
		case <-changed:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
	return nil
}

// finish opens the verified file behind what was returned already, which is
// compared if it may be something else.
func (s *Stream) finish() error {
	if s.flight.err != nil {
		return s.flight.err
	}
	file := s.flight.content.file()
	if file == nil {
		return errTakenBack
	}
	if _, restarts, _ := s.flight.part.state(); restarts != s.restarts || s.torn {
		h := sha256.New()
		_, err := io.CopyN(h, file, s.offset)
		if err == nil && !bytes.Equal(h.Sum(nil), s.sum.Sum(nil)) {
			err = ErrStreamBroken
		}
		if err != nil {
			file.Close()
			return err
		}
	}
	_, err := file.Seek(s.offset, io.SeekStart)
	if err != nil {
		file.Close()
		return err
	}
	s.file = file
	return nil
}
