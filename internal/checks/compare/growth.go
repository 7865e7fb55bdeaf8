package main

import (
	"context"
	"fmt"
	"io"
)

// curve shows how the cost of a cold start grows with one quantity, while all
// others stay the same.
type curve struct {
	title  string
	grows  string // what grows: "bins" or "targets"
	kind   string // of bins: "classic" or "succinct"
	points []point
}

type point struct {
	n     int
	bytes int64 // of metadata
	lines []line
}

// growth compares cold starts of larger and larger repositories, and of more
// and more targets.
func (c *comparison) growth(ctx context.Context) error {
	const title = "GROWTH: cold, metadata in memory; no go-tuf in classic bins, where it finds nothing (go-tuf#783)"
	printHead(c.stdout, title, "rounds", "requests")
	var curves []curve
	for _, kind := range []string{"classic", "succinct"} {
		byBins := curve{fmt.Sprintf("1 target, %s bins", kind), "bins", kind, nil}
		for _, bits := range []int{10, 12, 14, 16} {
			if err := c.grow(ctx, &byBins, bins{bits: bits, wheels: 1, others: 150}, 1<<bits, []int{1}); err != nil {
				return err
			}
		}
		byTargets := curve{fmt.Sprintf("16,384 %s bins, targets", kind), "targets", kind, nil}
		if err := c.grow(ctx, &byTargets, bins{bits: 14, wheels: 1000, others: 150}, 0, []int{1, 10, 100, 1000}); err != nil {
			return err
		}
		curves = append(curves, byBins, byTargets)
	}
	if err := c.oneRole(ctx); err != nil {
		return err
	}
	return c.draw("growth.svg", func(w io.Writer) error { return growthChart(w, curves) })
}

// oneRole measures a role that lists more and more targets, up to a million.
func (c *comparison) oneRole(ctx context.Context) error {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		title := grouped(uint64(n)) + " targets in one role"
		if c.late(title) {
			return nil
		}
		c.progress("building %s", title)
		repo := build(layout{hashes: true, targets: flat(n)})
		r, err := c.coldRow(c.turns(ctx, 1), title, repo, wheels(n/2, n/2+1), false)
		if err != nil {
			return err
		}
		r.print(c.stdout)
	}
	return nil
}

// grow adds points for one repository to a curve: one point at n, or, if n is
// 0, a point for each number of targets.
func (c *comparison) grow(ctx context.Context, to *curve, b bins, n int, targets []int) error {
	if c.late(to.title) {
		return nil
	}
	c.progress("building %s %s bins", grouped(1<<b.bits), to.kind)
	fill := map[string]func(*maker) object{"classic": b.classic, "succinct": b.succinct}[to.kind]
	repo := build(layout{hashes: true, targets: fill})
	for _, t := range targets {
		at := max(n, t)
		title := fmt.Sprintf("%s: %s", to.title, grouped(uint64(at)))
		r, err := c.coldRow(c.turns(ctx, 1), title, repo, wheels(0, t), to.kind == "succinct")
		if err != nil {
			return err
		}
		r.print(c.stdout)
		to.points = append(to.points, point{at, r.bytes, r.lines})
	}
	return nil
}
