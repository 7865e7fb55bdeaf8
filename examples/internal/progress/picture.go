package progress

import (
	"fmt"
	"strings"

	"golang.org/x/text/width"
)

// The parts of a row, in columns.
const (
	countColumns = len("1023.9 of 1023.9 KiB")
	leastBar     = 10
	mostBar      = 40
)

// picture returns the rows for bars, each with its end of line. None is wider
// than the columns. If there are more bars than rows, the last row says so.
func picture(bars []*Bar, columns, rows int) (lines []string) {
	shown := bars
	if len(bars) > rows {
		shown = bars[:max(rows-1, 0)]
	}
	names := 0
	for _, bar := range shown {
		names = max(names, columnsOf(bar.name))
	}
	names = max(min(names, columns-countColumns-leastBar-4), 0)
	for _, bar := range shown {
		lines = append(lines, bar.row(names, columns)+"\n")
	}
	if hidden := len(bars) - len(shown); hidden > 0 && rows > 0 {
		lines = append(lines, cut(fmt.Sprintf("and %d more", hidden), columns)+"\n")
	}
	return lines
}

func (bar *Bar) row(names, columns int) string {
	name := cut(bar.name, names)
	cells := min(max(columns-names-countColumns-4, 0), mostBar)
	full := cells
	if bar.total > 0 {
		full = int(min(bar.done, bar.total) * int64(cells) / bar.total)
	}
	row := fmt.Sprintf("%s%s [%s%s] %s", name, strings.Repeat(" ", names-columnsOf(name)),
		strings.Repeat("=", full), strings.Repeat(" ", cells-full), counts(bar.done, bar.total))
	return cut(row, columns)
}

// counts says how many bytes there are of how many.
func counts(done, total int64) string {
	unit, size := "B", int64(1)
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if total/size < 1024 {
			break
		}
		unit, size = next, size*1024
	}
	in := func(n int64) string {
		if size == 1 {
			return fmt.Sprint(n)
		}
		return fmt.Sprintf("%.1f", float64(n)/float64(size))
	}
	return fmt.Sprintf("%s of %s %s", in(done), in(total), unit)
}

// cut leaves out the beginning of a text that is too wide: files of one
// directory differ at the end of their paths.
func cut(text string, columns int) string {
	const dots = "..."
	if columnsOf(text) <= columns {
		return text
	}
	if columns < len(dots) {
		return dots[:max(columns, 0)]
	}
	runes := []rune(text)
	for columnsOf(string(runes)) > columns-len(dots) {
		runes = runes[1:]
	}
	return dots + string(runes)
}

// columnsOf is how many columns a text has on a terminal, or a few more.
func columnsOf(text string) (columns int) {
	for _, r := range text {
		columns++
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			columns++
		}
	}
	return columns
}
