package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// row compares clients on one repository. The yardstick comes first, if there
// is one.
type row struct {
	title string
	bytes int64 // of the files that a client needs
	lines []line
	turns int // that all clients had
	of    int // that they should have had
}

type line struct {
	client string
	sample
}

const (
	yardstickName = "yardstick"
	walkName      = "tufwalk"
	aheadName     = "tufwalk, ahead"
	renewedName   = "tufwalk, renewed"
	goTUFName     = "go-tuf"
	tableFormat   = "  %-26s %10s %11s %11s %12s %8s %9s\n"
)

// newRow measures a row.
func newRow(title string, bytes int64, t turns, contenders []contender) (row, error) {
	samples, done, err := inTurn(t, contenders)
	if err != nil {
		return row{}, err
	}
	r := row{title: title, bytes: bytes, turns: done, of: t.times}
	for i, c := range contenders {
		r.lines = append(r.lines, line{c.name, samples[i]})
	}
	return r, nil
}

// ratio is the time of a line in multiples of the row's yardstick. It is 0 for
// a session that continues: the yardstick is for a cold start.
func (r row) ratio(l line) float64 {
	if r.lines[0].client != yardstickName || l.err != nil || l.client == renewedName {
		return 0
	}
	return float64(l.time) / float64(r.lines[0].time)
}

// printHead begins a table. The last columns are for rounds and requests, or
// for the peak.
func printHead(w io.Writer, title, last, requests string) {
	heads := fmt.Sprintf(tableFormat, "", "time", "x yardstick", "allocated", "allocations", last, requests)
	fmt.Fprintf(w, "\n%s\n%s\n", title, strings.TrimRight(heads, " \n"))
}

func (r row) print(w io.Writer) {
	fmt.Fprintf(w, "%s (%s)\n", r.title, size(uint64(r.bytes)))
	for _, l := range r.lines {
		ratio, last, requests := "", "", ""
		if x := r.ratio(l); x > 0 {
			ratio = fmt.Sprintf("%.1f", x)
		}
		switch {
		case l.rounds > 0:
			last, requests = strconv.Itoa(l.rounds), strconv.Itoa(l.requests)
		case l.peak > 0:
			last = size(l.peak)
		}
		text := fmt.Sprintf(tableFormat,
			l.client, duration(l.time), ratio, size(l.bytes), grouped(l.allocs), last, requests)
		fmt.Fprintln(w, strings.TrimRight(text, " \n"))
		if l.err != nil {
			printFailure(w, l.err)
		}
	}
	if r.turns < r.of {
		fmt.Fprintf(w, "    for lack of time %s instead of %d for those that took over %s\n",
			turnsText(r.turns), r.of, quick)
	}
	if y := r.lines[0]; y.client == yardstickName && y.unsteady() {
		fmt.Fprintf(w, "    unsteady: the yardstick took between %s and %s; is the machine busy?\n",
			duration(y.least), duration(y.most))
	}
}

func printFailure(w io.Writer, err error) {
	if known := (base64Fault{}); errors.As(err, &known) {
		fmt.Fprintf(w, "    %v\n    in its own words: %v\n", known, known.said)
		return
	}
	fmt.Fprintf(w, "    could not: %v\n", err)
}

// duration rounds to three digits or so.
func duration(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return grouped(uint64(ms+0.5)) + " ms"
}

// size writes a number of bytes in kB or MB, with 1 kB = 1,000 bytes.
func size(n uint64) string {
	switch {
	case n < 100_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return grouped((n+500_000)/1_000_000) + " MB"
}

// grouped writes a number with commas.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
