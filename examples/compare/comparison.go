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
)

// comparison is the program's command line, and where it writes.
type comparison struct {
	Parts  []string      `arg:"" optional:"" enum:"cold,warm,target,http,growth" help:"What to compare: cold, warm, target, http, growth. Default: all but growth."`
	Times  int           `default:"3" help:"How often each client runs for one row of cold, warm, target and growth."`
	Size   int64         `default:"64" placeholder:"MIB" help:"The target's size for part target."`
	Budget time.Duration `default:"5m" help:"When part growth begins no more rows."`
	SVG    string        `name:"svg" placeholder:"DIR" help:"Write cold.svg and growth.svg there, as far as these parts are run."`

	stdout, stderr io.Writer
	dir            string // for go-tuf's files, and for ours in part warm
}

// part compares something, and prints it.
type part struct {
	name string
	run  func(*comparison, context.Context) error
}

var parts = []part{
	{"cold", (*comparison).cold},
	{"warm", (*comparison).warm},
	{"target", (*comparison).target},
	{"http", (*comparison).http},
	{"growth", (*comparison).growth},
}

func (c *comparison) run(ctx context.Context) (err error) {
	if c.Times < 1 || c.Size < 1 {
		return errors.New("--times and --size must be at least 1")
	}
	if c.dir, err = os.MkdirTemp("", "tufwalk-compare-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	if len(c.Parts) == 0 {
		c.Parts = []string{"cold", "warm", "target", "http"}
	}
	fmt.Fprintf(c.stdout, "tufwalk and go-tuf %s, %s %s/%s, %d CPUs; medians, %d turns each.\n",
		goTUFVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), c.Times)
	for _, p := range parts {
		if slices.Contains(c.Parts, p.name) {
			if err := p.run(c, ctx); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// progress says what is being done; it may take a while.
func (c *comparison) progress(format string, args ...any) {
	fmt.Fprintf(c.stderr, "... "+format+"\n", args...)
}

// folder makes an empty folder for one run, which go-tuf is to find nothing in.
func (c *comparison) folder() (string, error) { return os.MkdirTemp(c.dir, "run-") }

// draw writes a chart, if charts are wanted.
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
