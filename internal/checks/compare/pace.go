package main

import (
	"context"
	"fmt"
	"time"
)

// pace divides the budget among the parts, so that a run ends in time on a slow
// or busy machine too. First slow clients have fewer turns, then rows are left
// out.
type pace struct {
	end     time.Time // of the whole budget
	shares  int       // of the parts to come
	partEnd time.Time
}

// budgetOf is the default budget for those parts.
func budgetOf(chosen []part) time.Duration {
	for _, p := range chosen {
		if p.name == "growth" {
			return 10 * time.Minute
		}
	}
	return 4 * time.Minute
}

func (p *pace) begin(budget time.Duration, chosen []part) {
	p.end, p.shares = time.Now().Add(budget), 0
	for _, part := range chosen {
		p.shares += part.share
	}
}

// nextPart gives the next part its share of what is left, with what earlier
// parts did not need.
func (p *pace) nextPart(share int) {
	left := time.Until(p.end)
	p.partEnd = time.Now().Add(time.Duration(float64(left) * float64(share) / float64(p.shares)))
	p.shares -= share
}

// turns returns the turns for the next row, if this part has so many rows left.
func (c *comparison) turns(ctx context.Context, rows int) turns {
	each := time.Until(c.pace.partEnd) / time.Duration(max(rows, 1))
	return turns{times: c.Times, until: time.Now().Add(each), interrupted: ctx.Err}
}

// late reports whether this part has no time for another row, and prints that
// the row is left out.
func (c *comparison) late(title string) bool {
	if time.Now().Before(c.pace.partEnd) {
		return false
	}
	fmt.Fprintf(c.stdout, "%s: left out for lack of time (--budget=%s)\n", title, c.Budget)
	return true
}

func turnsText(n int) string {
	if n == 1 {
		return "1 turn"
	}
	return fmt.Sprintf("%d turns", n)
}
