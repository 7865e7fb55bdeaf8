package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/tufwalk/tufwalk/internal/cli"
)

// bar is one bar for all downloads: files, bytes and the time left. How much
// there is to do becomes known while they run.
type bar struct {
	lines    io.Writer
	progress *mpb.Progress
	shown    *mpb.Bar
	begun    time.Time

	mu                 sync.Mutex
	files, bytes       int64 // wanted
	doneFiles, doneAll int64
}

// newBar writes to w if that is a terminal.
func newBar(ctx context.Context, w io.Writer) *bar {
	b := &bar{lines: w, begun: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.progress = mpb.NewWithContext(ctx, mpb.WithOutput(w))
		b.lines = b.progress
		b.shown = b.progress.New(0, mpb.BarStyle(), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return b.counts() })),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f/% .1f "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	return b
}

func (b *bar) counts() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%d/%d files ", b.doneFiles, b.files)
}

// wanted adds a file to download.
func (b *bar) wanted(length int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files, b.bytes = b.files+1, b.bytes+length
	if b.shown != nil {
		b.shown.SetTotal(b.bytes, false)
	}
}

// came says that bytes have come; below zero, they are to come again.
func (b *bar) came(n int64) {
	if b.shown != nil {
		b.shown.IncrInt64(n)
	}
}

// ended says that a file has come, or that none will.
func (b *bar) ended(length int64, good bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if good {
		b.doneFiles, b.doneAll = b.doneFiles+1, b.doneAll+length
	}
}

func (b *bar) warn(format string, args ...any) {
	_, _ = fmt.Fprintln(b.lines, cli.Printable("warning: "+fmt.Sprintf(format, args...)))
}

func (b *bar) end() {
	if b.shown != nil {
		b.shown.Abort(true)
		b.progress.Wait()
	}
}

// String is the line that stays.
func (b *bar) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	took := time.Since(b.begun).Round(10 * time.Millisecond)
	return fmt.Sprintf("%d files came, %s, in %s", b.doneFiles, size(b.doneAll), took)
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
