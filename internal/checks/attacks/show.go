package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// errSucceeded says that some row of the table is not as it must be.
var errSucceeded = errors.New("the installer failed")

// show plays the attacks and prints their outcomes.
func show(ctx context.Context, chosen []attack, verbose bool, c client, dir string, out io.Writer) error {
	begin := time.Now()
	rows := playAll(ctx, chosen, c, dir)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if verbose {
		printStories(out, rows)
	}
	printTable(out, tableWidth(out), rows)
	return sum(out, rows, time.Since(begin))
}

// playAll plays several attacks at once.
func playAll(ctx context.Context, chosen []attack, c client, dir string) []row {
	rows := make([]row, len(chosen))
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0)) // some attacks only wait
	for i, a := range chosen {
		group.Go(func() error {
			rows[i] = perform(ctx, a, filepath.Join(dir, strconv.Itoa(i)), c)
			return nil
		})
	}
	_ = group.Wait()
	return rows
}

// choose returns the attacks with that name, or all for an empty name.
func choose(only string) ([]attack, error) {
	if only == "" {
		return attacks, nil
	}
	var chosen []attack
	var names []string
	for _, a := range attacks {
		if strings.EqualFold(plain(a.name), plain(only)) {
			chosen = append(chosen, a)
		}
		if len(names) == 0 || names[len(names)-1] != plain(a.name) {
			names = append(names, plain(a.name))
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no attack is called %q; there are %s", only, strings.Join(names, ", "))
	}
	return chosen, nil
}

// plain is a name as it is typed on the command line.
func plain(name string) string { return strings.ReplaceAll(name, " ", "-") }

// perform plays one attack, and then checks that an update from an honest
// mirror still succeeds.
func perform(ctx context.Context, a attack, dir string, c client) row {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return row{attack: a, broken: err}
	}
	s := newStage(ctx, dir, c)
	defer s.mirror.close()
	s.row.attack = a
	a.play(s)
	s.recover()
	s.row.broken, s.row.story = s.err, s.story.String()
	return s.row
}
