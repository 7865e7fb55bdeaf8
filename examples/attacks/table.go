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

	"github.com/tufwalk/tufwalk/examples/internal/cli"
)

// tableWidth is that of the terminal, within reason; 116 columns where there is none.
func tableWidth(out io.Writer) int {
	width := 116
	if file, ok := out.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			width = columns
		}
	}
	return min(max(width, 100), 160)
}

// printTable shows a row for each attack.
func printTable(out io.Writer, rows []row) {
	const frame, name = 16, 13 // columns for lines and blanks, and for the longest name without one
	free := tableWidth(out) - frame - name
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = true
	t.Style().Format.Header = text.FormatDefault
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, WidthMax: name, WidthMaxEnforcer: text.WrapSoft, AutoMerge: true},
		{Number: 2, WidthMax: free * 26 / 89, WidthMaxEnforcer: text.WrapSoft},
		{Number: 3, WidthMax: free * 20 / 89, WidthMaxEnforcer: text.WrapSoft},
		{Number: 4, WidthMax: free * 28 / 89, WidthMaxEnforcer: text.WrapSoft},
		{Number: 5, WidthMax: free * 15 / 89, WidthMaxEnforcer: text.WrapSoft},
	})
	t.AppendHeader(table.Row{"attack", "the attacker", "asked for, and sent", "its error", "left on disk"})
	for _, r := range rows {
		t.AppendRow(table.Row{r.name, r.by + ": " + r.how, r.saw, r.verdict(), r.left})
	}
	t.Render()
	fmt.Fprintln(out, "Sent is what the mirror handed to the system, whose sockets buffer megabytes; a client that stops at its limit has read less.")
	fmt.Fprintln(out, "wrong: keys, by the first 8 digits of their key IDs, whose signatures do not fit. Digests are shortened in the same way.")
}

// verdict is the client's error, or what is worse.
func (r row) verdict() string {
	switch {
	case r.broken != nil:
		return "NOT PLAYED: " + cli.Printable(r.broken.Error())
	case len(r.won) > 0:
		return "SUCCEEDED: " + strings.Join(r.won, ", ")
	}
	return cli.Printable(r.said) + r.repeated() + r.undoing()
}

// undoing says how that is undone which the client could not refuse: the last part of the attack showed that it is.
func (r row) undoing() string {
	if r.undone == "" {
		return ""
	}
	return "; " + r.undone
}

func (r row) repeated() string {
	if r.tries > 1 {
		return fmt.Sprintf(" (first of %d, all refused)", r.tries)
	}
	return ""
}

// printStories tells the attacks one by one.
func printStories(out io.Writer, rows []row) {
	for _, r := range rows {
		fmt.Fprintf(out, "\n%s\n%s: %s\n\n%s", strings.ToUpper(r.name), r.by, r.how, cli.Printable(r.story))
	}
	fmt.Fprintln(out)
}

// sum counts. Its error is nil only if the honest mirror, if it was asked, succeeded, and nobody else did.
func sum(out io.Writer, rows []row, took time.Duration) error {
	played, tries, succeeded, broken := 0, 0, 0, 0
	for _, r := range rows {
		switch {
		case r.broken != nil:
			broken++
		case len(r.won) > 0:
			succeeded++
		}
		if r.name != control {
			played++
			tries += r.tries
		}
	}
	fmt.Fprintf(out, "%s, %s under attack, %.0f s: %d succeeded.\n", count(played, "attack"), count(tries, "update"), took.Seconds(), succeeded)
	if succeeded > 0 || broken > 0 {
		return fmt.Errorf("%w: %d rows say SUCCEEDED, %d could not be played", errSucceeded, succeeded, broken)
	}
	fmt.Fprintln(out, "After each of them, an honest mirror brought the next release to the user.")
	return nil
}
