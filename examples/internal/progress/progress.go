// Package progress shows a progress bar for each download that is under way, on
// a terminal only. What has ended becomes a line of text.
package progress

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// longest is the longest name in a bar, in columns: the bar needs room, too.
const longest = 24

// Bars are shown one below another.
type Bars struct {
	progress *mpb.Progress
	lines    io.Writer
	terminal bool
}

// New writes bars to w if that is a terminal. They end with the context.
func New(ctx context.Context, w io.Writer) Bars {
	b := Bars{progress: mpb.NewWithContext(ctx, mpb.WithOutput(w)), lines: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.lines, b.terminal = b.progress, true // above the bars
	}
	return b
}

// Wait waits until all bars have ended.
func (b Bars) Wait() { b.progress.Wait() }

// Print prints a line. It may be called until Wait is.
func (b Bars) Print(line string) { _, _ = fmt.Fprintln(b.lines, line) }

// ended prints a line in the place of a bar.
func (b Bars) ended(line string) {
	if b.terminal {
		b.Print(line)
	}
}

// Bar is the bar of one download. It ends with Finish or Abort, never with the
// last byte: a download may be complete and wrong.
type Bar struct {
	name string
	bars Bars
	bar  *mpb.Bar // nil if it was added after the end
}

// Add adds a bar for a download of length bytes. Bars are sorted by place. A
// bar that is added after the context has ended is not shown.
func (b Bars) Add(name string, length int64, place int) *Bar {
	short := []rune(name)
	if len(short) > longest {
		short = append([]rune("..."), short[len(short)-longest+3:]...)
	}
	mb, err := b.progress.Add(0, mpb.BarStyle().Build(), mpb.BarPriority(place), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(string(short), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.CountersKibiByte("% .1f/% .1f")))
	if err != nil {
		return &Bar{name: name, bars: b}
	}
	mb.SetTotal(length, false)
	return &Bar{name, b, mb}
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
		b.bars.ended(b.name + ": verified")
		b.bar.SetTotal(-1, true)
	}
}

// Abort ends the bar as failed. It empties the bar first: mpb completes a full
// bar that is aborted.
func (b *Bar) Abort() {
	if b.bar == nil {
		return
	}
	b.bars.ended(b.name + ": failed")
	b.bar.SetTotal(1, false)
	b.bar.SetCurrent(0)
	b.bar.Abort(true)
}
