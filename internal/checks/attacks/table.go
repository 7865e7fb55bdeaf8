package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/tufwalk/tufwalk/internal/cli"
)

// tableWidth is the width of the terminal, but at least 100 and at most 160
// columns; 116 if there is no terminal.
func tableWidth(out io.Writer) int {
	width := 116
	if file, ok := out.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			width = columns
		}
	}
	return min(max(width, 100), 160)
}

// The widths of the columns: narrowest is for a table of 100 columns, in which
// no usual word is broken. What a wider table has more is shared out in parts
// of ten.
var narrowest, parts = []int{13, 15, 16, 16, 12, 9}, []int{0, 3, 2, 4, 1, 0}

func columns(width int) (list []table.ColumnConfig) {
	for i, n := range narrowest {
		n += (width - 100) * parts[i] / 10
		list = append(list, table.ColumnConfig{
			Number: i + 1, WidthMax: n, WidthMaxEnforcer: text.WrapSoft, AutoMerge: i == 0,
		})
	}
	return list
}

// printTable shows a row for each attack.
func printTable(out io.Writer, width int, rows []row) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = true
	t.Style().Format.Header = text.FormatDefault
	t.SetColumnConfigs(columns(width))
	t.AppendHeader(table.Row{
		"attack", "the attacker", "asked for, and sent", "the client's error", "left on disk", "outcome",
	})
	for _, r := range rows {
		t.AppendRow(table.Row{r.name, r.by + ": " + r.how, r.saw, r.ending(), r.left, r.outcome()})
	}
	t.Render()
	for _, line := range legend {
		for wrapped := range strings.SplitSeq(text.WrapSoft(line, width), "\n") {
			fmt.Fprintln(out, strings.TrimRight(wrapped, " "))
		}
	}
}

// legend explains the table.
var legend = []string{
	"An attack succeeds if it removes an installed file or installs anything but the newest release, " +
		"if a version that the operators' files have in the cache gets lower, if it is not refused where it must be, " +
		"if the client hangs, crashes or is sent more than " + size(mostBytes) +
		", or if it lasts beyond the next update from an honest mirror.",
	"What has come of a download and lies under a hidden name of the client's own is not installed, " +
		"and must be gone after that update.",
	"refused: the client ended with an error. " +
		"repaired: it did not, and what the attacker had put into its cache is gone. " +
		"harmless: it did not, and everything on its disk comes from the operators.",
	"Sent is what the mirror handed to the system, whose sockets buffer megabytes. " +
		"A client that stops at its limit has read less.",
	"wrong: keys whose signatures do not verify, by the first 8 digits of their key IDs. " +
		"Digests are shortened in the same way.",
}

// ending is the client's error, if any, with what else decides the outcome.
func (r row) ending() string {
	switch {
	case r.broken != nil:
		return cli.Printable(r.broken.Error())
	case len(r.won) > 0:
		return cli.Printable(r.said) + "; but " + strings.Join(r.won, ", ")
	}
	return cli.Printable(r.said) + r.repeated() + r.repairs.String()
}

func (r row) repeated() string {
	if r.tries > 1 && r.refused == r.tries {
		return fmt.Sprintf(" (first of %d, all refused)", r.tries)
	}
	return ""
}

// printStories prints each attack step by step.
func printStories(out io.Writer, rows []row) {
	for _, r := range rows {
		fmt.Fprintf(out, "\n%s\n%s: %s\n\n%s  Outcome: %s.\n",
			strings.ToUpper(r.name), r.by, r.how, cli.Printable(r.story), r.outcome())
	}
	fmt.Fprintln(out)
}

// sum prints how many attacks had which outcome. It returns nil only if no
// attack succeeded and the honest mirror did, if it was among the rows.
func sum(out io.Writer, rows []row, took time.Duration) error {
	played, tries, outcomes := 0, 0, map[string]int{}
	for _, r := range rows {
		outcomes[r.outcome()]++
		if r.name != control {
			played++
			tries += r.tries
		}
	}
	fmt.Fprintf(out, "%s, %s under attack, %.0f s: ", count(played, "attack"), count(tries, "update"), took.Seconds())
	for _, outcome := range []string{wasRefused, wasRepaired, wasHarmless} {
		fmt.Fprintf(out, "%d %s, ", outcomes[outcome], outcome)
	}
	fmt.Fprintf(out, "%d succeeded.\n", outcomes[hasSucceeded])
	if outcomes[hasSucceeded]+outcomes[hasFailed]+outcomes[notPlayed] > 0 {
		return fmt.Errorf("%w: %d attacks succeeded, %d could not be played, and the honest mirror failed in %d rows",
			errSucceeded, outcomes[hasSucceeded], outcomes[notPlayed], outcomes[hasFailed])
	}
	fmt.Fprintln(out, "After each attack, the user got the next release from an honest mirror.")
	return nil
}
