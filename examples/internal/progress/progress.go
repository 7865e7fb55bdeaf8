// Package progress shows a bar for each download that runs, on a terminal only.
// What has ended becomes a plain line above the bars.
package progress

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// pause is the least time between two pictures of the same bars.
const pause = 100 * time.Millisecond

// Bars are shown one below another, as many as the terminal has room for. They
// may be used by several goroutines.
type Bars struct {
	mu    sync.Mutex
	out   io.Writer
	size  func() (columns, rows int) // nil: not a terminal
	bars  []*Bar
	rows  int // of them on the terminal
	drawn time.Time
}

// New returns bars for an output. They are shown only if it is a terminal.
func New(out io.Writer) *Bars {
	b := &Bars{out: out}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) && understands(f) {
		b.size = func() (columns, rows int) {
			columns, rows, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80, 24
			}
			return columns, rows
		}
	}
	return b
}

// Print prints a text above the bars. It may be for another output, such as
// standard output, which often is the same terminal.
func (b *Bars) Print(out io.Writer, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	_, _ = io.WriteString(out, text)
	b.draw()
}

// Bar is the bar of one download. It ends with End, never with the last byte: a
// download may be complete and wrong.
type Bar struct {
	of          *Bars
	name        string
	done, total int64
}

// Add adds a bar for a download of so many bytes.
func (b *Bars) Add(name string, total int64) *Bar {
	b.mu.Lock()
	defer b.mu.Unlock()
	bar := &Bar{of: b, name: name, total: total}
	b.bars = append(b.bars, bar)
	b.draw()
	return bar
}

// Set says how many bytes have come. It may go back.
func (bar *Bar) Set(done int64) {
	bar.of.mu.Lock()
	defer bar.of.mu.Unlock()
	bar.set(done)
}

func (bar *Bar) set(done int64) {
	bar.done = done
	if time.Since(bar.of.drawn) >= pause {
		bar.of.draw()
	}
}

// Write counts bytes.
func (bar *Bar) Write(p []byte) (int, error) {
	bar.of.mu.Lock()
	defer bar.of.mu.Unlock()
	bar.set(bar.done + int64(len(p)))
	return len(p), nil
}

// End removes the bar. Another call does nothing.
func (bar *Bar) End() {
	b := bar.of
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bars = slices.DeleteFunc(b.bars, func(other *Bar) bool { return other == bar })
	b.draw()
}

// erase removes the bars from the terminal.
func (b *Bars) erase() {
	if b.rows > 0 {
		fmt.Fprintf(b.out, "\x1b[%dA\x1b[J", b.rows)
	}
	b.rows = 0
}

// draw draws the bars, in place of those that are there.
func (b *Bars) draw() {
	if b.size == nil {
		return
	}
	columns, rows := b.size()
	lines := picture(b.bars, columns-1, rows-2)
	b.erase()
	_, _ = io.WriteString(b.out, strings.Join(lines, ""))
	b.rows, b.drawn = len(lines), time.Now()
}
