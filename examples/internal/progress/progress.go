// Package progress shows how downloads go on, with one bar for each: on a
// terminal only.
package progress

import (
	"context"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bars are shown one below the other.
type Bars struct{ progress *mpb.Progress }

// New writes bars to w, if that is a terminal. They end with the context.
func New(ctx context.Context, w io.Writer) Bars {
	return Bars{mpb.NewWithContext(ctx, mpb.WithOutput(w), mpb.WithWidth(64))}
}

// Wait waits until all bars have ended.
func (b Bars) Wait() { b.progress.Wait() }

// Bar is one download's. Its end is told, never guessed from the bytes: all of
// them may come, and be the wrong ones.
type Bar struct{ bar *mpb.Bar } // nil if it came after the end

// Add adds a bar for so many bytes. Bars are in the order of their places. One
// that is added when the context has ended is not shown.
func (b Bars) Add(name string, length int64, place int) *Bar {
	state := decor.OnAbort(decor.OnComplete(decor.CountersKibiByte("% .1f of % .1f"), "verified"), "failed")
	mb, err := b.progress.Add(0, mpb.BarStyle().Build(), mpb.BarPriority(place), mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)), mpb.AppendDecorators(state))
	if err != nil {
		return new(Bar)
	}
	mb.SetTotal(length, false)
	return &Bar{mb}
}

// Reader counts from the start again: another mirror's copy replaces the last
// one's. (ProxyReader would take the end of the body for success.)
func (b *Bar) Reader(r io.Reader) io.Reader {
	if b.bar == nil {
		return r
	}
	b.bar.SetCurrent(0)
	return io.TeeReader(r, b)
}

// Write counts.
func (b *Bar) Write(p []byte) (int, error) {
	b.bar.IncrBy(len(p))
	return len(p), nil
}

// Finish ends the bar as verified.
func (b *Bar) Finish() {
	if b.bar != nil {
		b.bar.SetTotal(-1, true)
	}
}

// Abort ends the bar as failed. It empties the bar first, because a full one
// that is aborted counts as completed.
func (b *Bar) Abort() {
	if b.bar == nil {
		return
	}
	b.bar.SetTotal(1, false)
	b.bar.SetCurrent(0)
	b.bar.Abort(false)
}
