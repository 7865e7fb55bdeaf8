package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// flight is what all wait for that ask for one file at the same time.
type flight struct {
	wanted wanted
	fill   Fill
	ctx    context.Context
	cancel context.CancelCauseFunc
	part   part // as far as it has come

	waiting   int  // guarded by Files.mu, like the next ones
	abandoned bool // nobody waits any more: it is ending
	finished  bool

	done    chan struct{}
	content *content // when it is done, and err is nil
	err     error
}

var errAbandoned = errors.New("nobody waits for the file any more")

// join returns the flight for a file, and begins one if there is none. Who has
// joined must leave.
func (f *Files) join(ctx context.Context, w wanted, fill Fill) (*flight, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f.mu.Lock()
		fl := f.flights[w]
		switch {
		case f.closed:
			f.mu.Unlock()
			return nil, fmt.Errorf("bucket: %w", fs.ErrClosed)
		case fl == nil:
			fl = f.begin(w, fill)
		case fl.abandoned:
			f.mu.Unlock()
			select {
			case <-fl.done:
			case <-ctx.Done():
			}
			continue
		}
		fl.waiting++
		f.mu.Unlock()
		return fl, nil
	}
}

// begin begins a flight. The caller holds the lock.
func (f *Files) begin(w wanted, fill Fill) *flight {
	fl := &flight{wanted: w, fill: fill, done: make(chan struct{})}
	fl.ctx, fl.cancel = context.WithCancelCause(f.ctx)
	f.flights[w] = fl
	f.goes(func() { f.run(fl) })
	return fl
}

// leave ends the waiting. When all have left, the flight is cancelled.
func (f *Files) leave(fl *flight) {
	f.mu.Lock()
	fl.waiting--
	last := fl.waiting == 0
	fl.abandoned = fl.abandoned || last && !fl.finished
	release := last && fl.finished && fl.content != nil
	f.mu.Unlock()
	if last {
		fl.cancel(errAbandoned)
	}
	if release {
		fl.content.release()
	}
}

// wait waits for the file. It returns nil without an error if the file was
// closed already.
func (fl *flight) wait(ctx context.Context) (*File, error) {
	select {
	case <-fl.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if fl.err != nil {
		return nil, fl.err
	}
	return fl.content.file(), nil
}

func (f *Files) run(fl *flight) {
	c, upload, err := f.fetch(fl)
	if upload != nil {
		c.retain()
	}
	f.mu.Lock()
	fl.content, fl.err, fl.finished = c, err, true
	delete(f.flights, fl.wanted)
	release := c != nil && fl.waiting == 0
	f.mu.Unlock()
	close(fl.done)
	if release {
		c.release()
	}
	if upload != nil {
		upload()
		c.release()
	}
	if err == nil {
		f.makeRoom()
	}
}

// fetch opens what is in the bucket, or fills it. What is to be uploaded then
// is verified already.
func (f *Files) fetch(fl *flight) (c *content, upload func(), err error) {
	c, err = f.load(fl.ctx, fl.wanted)
	if err == nil {
		return c, nil, nil
	}
	if fl.ctx.Err() != nil {
		return nil, nil, context.Cause(fl.ctx)
	}
	other := errors.Is(err, errOtherLength)
	if !errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(*DamagedError)) && !other {
		f.report(err)
	}
	file, err := f.spool.open(fl.wanted)
	if err != nil {
		return nil, nil, err
	}
	fl.part.begin(file)
	if err := f.filled(fl, file); err != nil {
		return nil, nil, err
	}
	if other {
		f.report(&DamagedError{fl.wanted.key(), fmt.Sprintf("%d bytes", fl.wanted.length), "another length"})
	}
	if f.folder != nil {
		return f.addToFolder(fl, file), nil, nil
	}
	c, upload, err = f.addToRemote(fl.wanted, file)
	return c, upload, err
}

// filled has the file filled, and compares it with its digest.
func (f *Files) filled(fl *flight, file *spoolFile) error {
	if err := fl.fill(fl.ctx, &fl.part); err != nil {
		f.spool.leave(file)
		if fl.ctx.Err() != nil {
			return context.Cause(fl.ctx)
		}
		return err
	}
	if err := fl.wanted.copyChecked(discard{}, io.NewSectionReader(file, 0, fl.wanted.length+1)); err != nil {
		file.remove()
		f.report(err)
		return err
	}
	return nil
}

// addToFolder moves the file into the folder. If that fails, it is used from
// where it is.
func (f *Files) addToFolder(fl *flight, file *spoolFile) *content {
	w, now := fl.wanted, time.Now()
	if w.length > f.options.MaxBytes {
		return f.inSpool(w, file, now)
	}
	if err := f.objects.add(fl.ctx, w.key(), file.File); err != nil {
		f.report(err)
		return f.inSpool(w, file, now)
	}
	var checked identity
	if info, err := file.Stat(); err == nil {
		checked, now = identityOf(info), info.ModTime()
	}
	file.unlink() // it was moved, or copied
	f.isAdded(w)
	return f.inFolder(w, checked, &content{ReaderAt: file, size: w.length, modTime: now,
		close: func() { file.Close() }})
}

// addToRemote returns the content, and what adds it to the bucket: that may
// take long, and nobody has to wait for it.
func (f *Files) addToRemote(w wanted, file *spoolFile) (c *content, upload func(), err error) {
	write := func() error { return f.objects.add(f.ctx, w.key(), file.File) }
	if w.length <= smallBytes {
		data := make([]byte, w.length)
		if _, err := file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
			file.remove()
			return nil, nil, err
		}
		file.remove()
		c = f.inMemory(w, data, time.Now())
		write = func() error { return f.objects.write(f.ctx, w.key(), data, false) }
	} else {
		c = f.inSpool(w, file, time.Now())
	}
	if w.length > f.options.MaxBytes {
		return c, nil, nil
	}
	return c, func() {
		f.uploads <- struct{}{}
		defer func() { <-f.uploads }()
		if err := write(); err != nil {
			f.report(err)
			return
		}
		f.inBucket(w)
		f.isAdded(w)
	}, nil
}
