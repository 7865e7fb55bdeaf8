package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/internal/cli"
)

// comparison is the program's command line, and where it writes.
type comparison struct {
	Parts  []string      `arg:"" optional:"" enum:"start,target,http,growth,refresh" help:"${parts}"`
	Times  int           `default:"3" help:"How many turns each client has for one row, if the budget allows."`
	Size   int64         `default:"64" placeholder:"MB" help:"The target's size in part target, in millions of bytes."`
	Budget time.Duration `help:"${budget}"`
	SVG    string        `name:"svg" placeholder:"DIR" help:"Write the charts of start, growth, refresh to this folder."`

	stdout, stderr io.Writer
	dir            string // for the files of the clients
	pace           pace
}

// part is one comparison, which prints its own table.
type part struct {
	name  string
	share int // of the budget
	run   func(*comparison, context.Context) error
}

var parts = []part{
	{"start", 60, (*comparison).start},
	{"target", 5, (*comparison).target},
	{"http", 35, (*comparison).http},
	{"growth", 360, (*comparison).growth},
	{"refresh", 120, (*comparison).refresh},
}

func (c *comparison) run(ctx context.Context) (err error) {
	if c.Times < 1 || c.Size < 1 || c.Budget < 0 {
		return errors.New("--times and --size must be at least 1, and --budget must not be negative")
	}
	if c.dir, err = os.MkdirTemp("", "tufwalk-compare-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	if len(c.Parts) == 0 {
		c.Parts = []string{"start", "target", "http"}
	}
	chosen := slices.DeleteFunc(slices.Clone(parts), func(p part) bool {
		return !slices.Contains(c.Parts, p.name)
	})
	if c.Budget == 0 {
		c.Budget = budgetOf(chosen)
	}
	c.pace.begin(c.Budget, chosen)
	c.printLegend()
	for _, p := range chosen {
		c.pace.nextPart(p.share)
		if err := p.run(c, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// printLegend explains the words in the tables.
func (c *comparison) printLegend() {
	goTUF := cli.Version("github.com/theupdateframework/go-tuf/v2")
	fmt.Fprintf(c.stdout, "tufwalk and go-tuf %s, %s %s/%s, %d CPUs.\n",
		goTUF, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	fmt.Fprintf(c.stdout, "Medians of %s; slow clients have fewer if time is short. No row begins after %s.\n",
		turnsText(c.Times), c.Budget)
	fmt.Fprint(c.stdout, `  yardstick      sha256 of what is listed with a hash, the fewest signatures that decide,
                 one json.Valid of each file (a client can be faster than json.Valid)
  ahead          Options{Lookahead: 64}, requests together: files are asked for before it is known
                 whether they are needed
  with hashes    timestamp and snapshot list the hashes of files; versions only: they do not
Limits are raised, go-tuf's too, where files are over 8 MB (65,536 bins).
`)
}

// progress says what the program is doing, for what takes a while.
func (c *comparison) progress(format string, args ...any) {
	fmt.Fprintf(c.stderr, "... "+format+"\n", args...)
}

// folder makes an empty folder for one run.
func (c *comparison) folder() (string, error) { return os.MkdirTemp(c.dir, "run-") }

// draw writes a chart, if --svg is given.
func (c *comparison) draw(name string, chart func(io.Writer) error) error {
	if c.SVG == "" {
		return nil
	}
	path := filepath.Join(c.SVG, name)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(chart(f), f.Close()); err != nil {
		return err
	}
	c.progress("wrote %s", path)
	return nil
}
