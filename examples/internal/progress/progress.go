// Package progress shows a progress bar for each download, on a terminal only.
package progress

import (
	"context"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bars are shown one below another.
type Bars struct{ progress *mpb.Progress }

// New writes bars to w if that is a terminal. They end with the context.
func New(ctx context.Context, w io.Writer) Bars {
	return Bars{mpb.NewWithContext(ctx, mpb.WithOutput(w), mpb.WithWidth(64))}
}

// Wait waits until all bars have ended.
func (b Bars) Wait() { b.progress.Wait() }

// Bar is the bar of one download. It ends with Finish or Abort, never with the
// last byte: a download may be complete and wrong.
type Bar struct{ bar *mpb.Bar } // nil if it was added after the end

// Add adds a bar for a download of length bytes. Bars are sorted by place. A
// bar that is added after the context has ended is not shown.
func (b Bars) Add(name string, length int64, place int) *Bar {
	state := decor.OnAbort(decor.OnComplete(decor.CountersKibiByte("% .1f of % .1f"), "verified"), "failed")
	mb, err := b.progress.Add(0, mpb.BarStyle().Build(), mpb.BarPriority(place),
		mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)), mpb.AppendDecorators(state))
	if err != nil {
		return new(Bar)
	}
	mb.SetTotal(length, false)
	return &Bar{mb}
}

// Reader counts from zero again: the copy of another mirror replaces the last
// one. (ProxyReader of mpb would take the end of the body for success.)
func (b *Bar) Reader(r io.Reader) io.Reader {
	if b.bar == nil {
		return r
	}
	b.bar.SetCurrent(0)
	return io.TeeReader(r, b)
}

// Write counts bytes.
func (b *Bar) Write(p []byte) (int, error) {
	b.bar.IncrBy(len(p))
	return len(p), nil
}

// Set says how many bytes have come. It may go back.
func (b *Bar) Set(done int64) {
	if b.bar != nil {
		b.bar.SetCurrent(done)
	}
}

// Finish ends the bar as verified.
func (b *Bar) Finish() {
	if b.bar != nil {
		b.bar.SetTotal(-1, true)
	}
}

// Abort ends the bar as failed. It empties the bar first: mpb completes a full
// bar that is aborted.
func (b *Bar) Abort() {
	if b.bar == nil {
		return
	}
	b.bar.SetTotal(1, false)
	b.bar.SetCurrent(0)
	b.bar.Abort(false)
}
