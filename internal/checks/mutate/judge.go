package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// result is the result of one mutant.
type result struct {
	*mutant
	by         string // what noticed it; "" if it survived
	equivalent bool
	reached    bool
}

// judge tries the mutants, several at a time, and prints survivors as they are
// found.
func (o *options) judge(
	ctx context.Context, b *binaries, chosen []*mutant, known *equivalents, stdout io.Writer,
) ([]result, error) {
	results := make([]result, len(chosen))
	var output sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Jobs)
	for i, m := range chosen {
		g.Go(func() (err error) {
			r := result{mutant: m, equivalent: known.has(m), reached: b.reach(m)}
			if r.by, err = b.notice(ctx, m, o); err != nil {
				return err
			}
			results[i] = r
			output.Lock()
			defer output.Unlock()
			switch {
			case r.by == "" && !r.equivalent && r.reached:
				fmt.Fprintln(stdout, "survived:", m)
			case r.by == "" && !r.equivalent:
				fmt.Fprintln(stdout, "not reached:", m)
			case o.Verbose && r.equivalent:
				fmt.Fprintf(stdout, "%s: %s\n", m, strings.TrimSpace(r.by+" equivalent"))
			case o.Verbose:
				fmt.Fprintf(stdout, "%s: %s\n", m, r.by)
			}
			return nil
		})
	}
	return results, g.Wait()
}

func (b *binaries) reach(m *mutant) bool {
	return slices.ContainsFunc(b.list, func(bin *binary) bool {
		return slices.ContainsFunc(bin.tests, func(t *test) bool { return t.reaches[m.id] })
	})
}

// notice asks the package's own tests first, then those of the packages above
// it.
func (b *binaries) notice(ctx context.Context, m *mutant, o *options) (string, error) {
	for _, own := range []bool{true, false} {
		for _, bin := range b.list {
			if (bin.path == m.pkg) == own {
				if by, err := bin.notices(ctx, m, o.Timeout); by != "" || err != nil {
					return by, err
				}
			}
		}
	}
	return "", nil
}
