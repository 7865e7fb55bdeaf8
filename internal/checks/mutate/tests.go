package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// test is one test, example or fuzz target with its seeds.
type test struct {
	name    string
	took    time.Duration
	reaches map[int]bool // IDs of mutants
	unfit   bool         // it fails with no mutant switched on
}

// record runs every test by itself, with no mutant on, and records how long it
// takes and which mutants it reaches. A test that fails then is left out. Tests
// that count allocations do fail: the code that records mutants allocates.
func (b *binaries) record(ctx context.Context, jobs int, stderr io.Writer) error {
	if err := b.listTests(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i, bin := range b.list {
		for j, t := range bin.tests {
			g.Go(func() error {
				return bin.recordTest(ctx, t, filepath.Join(b.dir, fmt.Sprintf("%d-%d.reached", i, j)))
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, bin := range b.list {
		for _, t := range bin.tests {
			if t.unfit {
				fmt.Fprintf(stderr, unfitFormat, bin.path, t.name)
			}
		}
		bin.tests = slices.DeleteFunc(bin.tests, func(t *test) bool { return len(t.reaches) == 0 })
		slices.SortStableFunc(bin.tests, func(a, b *test) int { return cmp.Compare(a.took, b.took) })
		var total time.Duration
		for _, t := range bin.tests {
			total += t.took
		}
		fmt.Fprintf(stderr, "%s: %d tests reach mutants, in %.1f s\n", bin.path, len(bin.tests), total.Seconds())
	}
	return nil
}

// unfitFormat does not say why a test fails: mutate does not know.
const unfitFormat = "%s: %s is left out: it fails with the mutants compiled in, though none is on, " +
	"as tests that count allocations do; go test shows whether it passes without them\n"

func (b *binaries) listTests(ctx context.Context) error {
	for _, bin := range b.list {
		out, err := bin.command(ctx, "-test.list", "^(Test|Fuzz|Example)").Output()
		if err != nil {
			return fmt.Errorf("the tests of %s: %w", bin.path, err)
		}
		for _, name := range strings.Fields(string(out)) {
			bin.tests = append(bin.tests, &test{name: name})
		}
	}
	return nil
}

func (b *binary) recordTest(ctx context.Context, t *test, reached string) error {
	if err := os.WriteFile(reached, nil, 0o600); err != nil {
		return err
	}
	begin := time.Now()
	c := b.command(ctx, "-test.short", "-test.run", "^"+t.name+"$")
	c.Env = append(os.Environ(), reachedVariable+"="+reached)
	var exit *exec.ExitError
	if err := c.Run(); errors.As(err, &exit) && ctx.Err() == nil {
		t.unfit = true
		return nil
	} else if err != nil {
		return err
	}
	t.took = time.Since(begin)
	ids, err := os.ReadFile(reached)
	t.reaches = map[int]bool{}
	for _, id := range strings.Fields(string(ids)) {
		n, _ := strconv.Atoi(id)
		t.reaches[n] = true
	}
	return err
}

func (b *binary) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, b.file, args...)
	c.Dir = b.dir
	return c
}

// quick is the longest time of tests that share a process.
const quick = 300 * time.Millisecond

// notices runs the tests that reach a mutant until one fails, and returns the
// name of that test, or "" if none failed.
func (b *binary) notices(ctx context.Context, m *mutant, slack time.Duration) (string, error) {
	var batch []*test
	for _, t := range b.tests {
		if !t.reaches[m.id] {
			continue
		}
		if t.took > quick && len(batch) > 0 {
			if by, err := b.try(ctx, m, batch, slack); by != "" || err != nil {
				return by, err
			}
			batch = nil
		}
		batch = append(batch, t)
	}
	if len(batch) == 0 {
		return "", nil
	}
	return b.try(ctx, m, batch, slack)
}

// try runs some tests with a mutant on.
func (b *binary) try(ctx context.Context, m *mutant, batch []*test, slack time.Duration) (string, error) {
	var names []string
	for _, t := range batch {
		names = append(names, t.name)
		slack += 4 * t.took
	}
	c := b.command(ctx, "-test.short", "-test.failfast",
		"-test.run", "^("+strings.Join(names, "|")+")$", "-test.timeout", slack.String())
	c.Env = append(os.Environ(), mutantVariable+"="+strconv.Itoa(m.id))
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil || !errors.As(err, &exit):
		return "", cmp.Or(ctx.Err(), err)
	}
	return noticedBy(string(out)), nil
}

// noticedBy finds the failed test, or another reason, in the output of a test
// binary.
func noticedBy(out string) string {
	for _, c := range []struct{ text, by string }{{"test timed out", "a timeout"}, {"out of memory", "memory"}} {
		if strings.Contains(out, c.text) {
			return c.by
		}
	}
	if _, rest, ok := strings.Cut(out, "--- FAIL: "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return name
	}
	return "a panic"
}
