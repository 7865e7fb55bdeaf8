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

	"github.com/tufwalk/tufwalk/internal/checks/cli"
)

// tableWidth is that of the terminal, within reason; 116 columns where there is
// none.
func tableWidth(out io.Writer) int {
	width := 116
	if file, ok := out.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			width = columns
		}
	}
	return min(max(width, 100), 160)
}

// Widths of columns: narrowest is that of a table of 100, at which no usual
// word is broken; what there is beyond is shared out in these parts.
var narrowest, parts = []int{13, 15, 16, 16, 12, 9}, []int{0, 3, 2, 4, 1, 0}

func columns(width int) (list []table.ColumnConfig) {
	for i, n := range narrowest {
		n += (width - 100) * parts[i] / 10
		list = append(list, table.ColumnConfig{Number: i + 1, WidthMax: n, WidthMaxEnforcer: text.WrapSoft, AutoMerge: i == 0})
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
	t.AppendHeader(table.Row{"attack", "the attacker", "asked for, and sent", "the client's error", "left on disk", "verdict"})
	for _, r := range rows {
		t.AppendRow(table.Row{r.name, r.by + ": " + r.how, r.saw, r.ending(), r.left, r.verdict()})
	}
	t.Render()
	for _, line := range legend {
		for wrapped := range strings.SplitSeq(text.WrapSoft(line, width), "\n") {
			fmt.Fprintln(out, strings.TrimRight(wrapped, " "))
		}
	}
}

// legend says how to read the table.
var legend = []string{
	"An attack succeeds if it removes what is installed or installs anything but the newest release, sets a saved version back, is not refused where it must be, has the client hang, crash or be sent more than " +
		size(mostBytes) + ", or lasts beyond the next update from an honest mirror.",
	"refused: the client ended with an error. repaired: it did not, and what the attacker had put into its cache is gone. harmless: it did not, and all that is on its disk is the operators'.",
	"Sent is what the mirror handed to the system, whose sockets buffer megabytes; a client that stops at its limit has read less.",
	"wrong: keys, by the first 8 digits of their key IDs, whose signatures do not fit. Digests are shortened in the same way.",
}

// ending is the client's error, if any, with what else the verdict goes by.
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

// printStories tells the attacks one by one.
func printStories(out io.Writer, rows []row) {
	for _, r := range rows {
		fmt.Fprintf(out, "\n%s\n%s: %s\n\n%s  Verdict: %s.\n", strings.ToUpper(r.name), r.by, r.how, cli.Printable(r.story), r.verdict())
	}
	fmt.Fprintln(out)
}

// sum counts. Its error is nil only if the honest mirror, if it was asked,
// succeeded, and nobody else did.
func sum(out io.Writer, rows []row, took time.Duration) error {
	played, tries, verdicts := 0, 0, map[string]int{}
	for _, r := range rows {
		verdicts[r.verdict()]++
		if r.name != control {
			played++
			tries += r.tries
		}
	}
	fmt.Fprintf(out, "%s, %s under attack, %.0f s: ", count(played, "attack"), count(tries, "update"), took.Seconds())
	for _, verdict := range []string{wasRefused, wasRepaired, wasHarmless} {
		fmt.Fprintf(out, "%d %s, ", verdicts[verdict], verdict)
	}
	fmt.Fprintf(out, "%d succeeded.\n", verdicts[hasSucceeded])
	if verdicts[hasSucceeded]+verdicts[hasFailed]+verdicts[notPlayed] > 0 {
		return fmt.Errorf("%w: %d attacks succeeded, %d could not be played, and the honest mirror failed in %d rows",
			errSucceeded, verdicts[hasSucceeded], verdicts[notPlayed], verdicts[hasFailed])
	}
	fmt.Fprintln(out, "After each of them, an honest mirror brought the next release to the user.")
	return nil
}
