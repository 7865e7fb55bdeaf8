package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/cli"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	printHead(&b, "COLD", "rounds", "requests")
	sampleRow().print(&b)
	require.Equal(t, `
COLD
                                   time x yardstick   allocated  allocations   rounds  requests
16,384 classic bins (7.3 MB)
  yardstick                     35.0 ms         1.0      0.5 kB            7
  tufwalk                       45.5 ms         1.3       29 MB          731        6         6
  go-tuf                       1,107 ms                  334 MB    5,935,860        5         5
    could not: target x not found
`, b.String())
	b.Reset()
	busy := sampleRow()
	busy.lines[0].least, busy.lines[0].most = 30*time.Millisecond, 90*time.Millisecond
	busy.print(&b)
	require.Contains(t, b.String(), "unsteady: the yardstick took between 30.0 ms and 90.0 ms")
	require.Error(t, row{lines: []line{{walkName, sample{err: errors.New("x")}}}}.mustHaveWorked())
	require.NoError(t, sampleRow().mustHaveWorked())

	b.Reset()
	short := sampleRow()
	short.turns, short.of = 1, 3
	short.lines[1].client, short.lines[2].err = renewedName, base64Fault{errors.New("target x not found")}
	short.print(&b)
	require.Contains(t, b.String(), "\n    for lack of time 1 turn instead of 3 for those that took over 500ms\n")
	require.Contains(t, b.String(), "\n    finds no target: compares path_hash_prefixes with base64 (go-tuf#783)\n"+
		"    in its own words: target x not found\n")
	require.NotContains(t, b.String(), "could not")
	require.Regexp(t, `tufwalk, renewed +45.5 ms +29 MB`, b.String(), "not compared with a cold start")
}

func TestFigures(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1234 * time.Microsecond:    "1.23 ms",
		12340 * time.Microsecond:   "12.3 ms",
		1234567 * time.Microsecond: "1,235 ms",
	} {
		require.Equal(t, want, duration(d))
	}
	for n, want := range map[uint64]string{
		0: "0.0 kB", 99_999: "100.0 kB",
		100_000: "0.1 MB", 9_990_000: "10.0 MB", 12_600_000: "13 MB", 1_348_000_000: "1,348 MB",
	} {
		require.Equal(t, want, size(n))
	}
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, grouped(n))
	}
}

func TestInTurn(t *testing.T) {
	var order strings.Builder
	next := 0
	never := func() error { return nil }
	all := turns{times: 3, until: time.Now().Add(time.Hour), interrupted: never}
	two := []contender{
		{"a", func() sample { order.WriteByte('a'); return sample{time: time.Second, bytes: 3} }},
		{"b", func() sample {
			order.WriteByte('b')
			next++
			return sample{time: time.Duration(next) * time.Second, allocs: uint64(10 - next), asked: asked{4, 9}}
		}},
	}
	samples, done, err := inTurn(all, two)
	require.NoError(t, err)
	require.Equal(t, 3, done)
	require.Equal(t, "ababab", order.String())
	require.Equal(t, []sample{
		{time: time.Second, bytes: 3, least: time.Second, most: time.Second, runs: 3},
		{time: 2 * time.Second, allocs: 8, asked: asked{4, 9}, least: time.Second, most: 3 * time.Second, runs: 3},
	}, samples)

	order.Reset()
	all.once = 3 * time.Second
	_, done, err = inTurn(all, two)
	require.NoError(t, err)
	require.Equal(t, 3, done)
	require.Equal(t, "abaa", order.String(), "b took longer than that")

	order.Reset()
	_, done, err = inTurn(turns{times: 3, until: time.Now(), interrupted: never}, two)
	require.NoError(t, err)
	require.Equal(t, 1, done, "the first turn is never left out")
	require.Equal(t, "ab", order.String())
	order.Reset()
	fast := contender{"fast", func() sample { order.WriteByte('f'); return sample{time: quick} }}
	_, done, err = inTurn(turns{times: 3, until: time.Now(), interrupted: never}, append(two, fast))
	require.NoError(t, err)
	require.Equal(t, 1, done)
	require.Equal(t, "abfff", order.String(), "quick ones go on")

	runs := 0
	count := []contender{{"count", func() sample { runs++; return sample{} }}}
	_, _, err = inTurn(turns{times: 1, interrupted: never}, count)
	require.NoError(t, err)
	require.Equal(t, 10, runs)
	_, _, err = inTurn(turns{times: 1, interrupted: func() error { return context.Canceled }}, count)
	require.ErrorIs(t, err, context.Canceled)

	failed := median([]sample{{}, {err: context.Canceled}})
	require.ErrorIs(t, failed.err, context.Canceled, "no failure is lost")
	for want, s := range map[string]sample{
		"*": {runs: 1},
		"?": {runs: 3, least: 2, most: 5},
		"":  {runs: 3, least: 2, most: 4},
	} {
		require.Equal(t, want, mark(s))
	}
}

// The parts share the budget. What one part does not need, the next ones get.
func TestPace(t *testing.T) {
	var p pace
	p.begin(100*time.Hour, parts[:3])
	p.nextPart(parts[0].share)
	require.InDelta(t, 60, time.Until(p.partEnd).Hours(), 0.1)
	p.nextPart(parts[1].share)
	require.InDelta(t, 100*5/40., time.Until(p.partEnd).Hours(), 0.1)
	p.nextPart(parts[2].share)
	require.InDelta(t, 100, time.Until(p.partEnd).Hours(), 0.1)
	require.Equal(t, 4*time.Minute, budgetOf(parts[:3]))
	require.Equal(t, 10*time.Minute, budgetOf(parts))

	c := &comparison{Times: 3, pace: p, stdout: io.Discard}
	require.InDelta(t, 25, time.Until(c.turns(t.Context(), 4).until).Hours(), 0.1)
}

func TestBudgetIsRespected(t *testing.T) {
	var stdout strings.Builder
	require.Equal(t, cli.OK, run(t.Context(), []string{"--budget", "1ns"}, &stdout, io.Discard))
	left := strings.Count(stdout.String(), "left out for lack of time (--budget=1ns)")
	require.Equal(t, len(workloads())+1+3, left, stdout.String())
	require.NotContains(t, stdout.String(), "\n  tufwalk ")
}

func TestCharts(t *testing.T) {
	var bars bytes.Buffer
	require.NoError(t, barChart(&bars, []row{sampleRow()}))
	texts := textsOf(t, &bars)
	require.Contains(t, texts, "16,384 classic bins")
	require.Contains(t, texts, "1.3× (45.5 ms)")
	require.Contains(t, texts, "finds no target, after 1,107 ms")

	r := sampleRow()
	var growth bytes.Buffer
	require.NoError(t, growthChart(&growth, []curve{
		{"", "bins", "classic", []point{{1024, 500_000, r.lines[:2]}, {4096, 1_700_000, r.lines[:2]}}},
		{"", "targets", "succinct", []point{
			{1, 2_800_000, r.lines}, {10, 3_000_000, r.lines}, {100, 5_300_000, r.lines},
		}},
	}))
	texts = textsOf(t, &growth)
	for _, want := range []string{"1,024", "4,096", "1, 10", "100", "10 s", "1 GB", "tufwalk, classic bins"} {
		require.Contains(t, texts, want)
	}
	require.NotContains(t, texts, "100 s", "nothing takes that long")
}

func TestProgram(t *testing.T) {
	var stdout, stderr strings.Builder
	code := run(t.Context(), []string{"target", "--times", "1", "--size", "1"}, &stdout, &stderr)
	require.Equal(t, cli.OK, code, stderr.String())
	require.Regexp(t, `(?s)TARGET: .*\none file \(1.0 MB\)\n  yardstick .*\n  tufwalk .*\n`+
		`  go-tuf, its own fetcher .*\n  go-tuf, one buffer `, stdout.String())
	require.Contains(t, stdout.String(), "\n  ahead          Options{Lookahead: 64}, requests together")
	for _, line := range strings.Split(stdout.String(), "\n") {
		require.LessOrEqual(t, len(line), 100, line)
	}

	require.Equal(t, cli.Usage, run(t.Context(), []string{"hot"}, io.Discard, io.Discard))
	require.Equal(t, cli.Failed, run(t.Context(), []string{"--times", "0"}, io.Discard, io.Discard))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, cli.Interrupted, run(ended, []string{"target", "--size", "1"}, io.Discard, io.Discard))

	c := &comparison{SVG: t.TempDir(), stderr: io.Discard}
	require.NoError(t, c.draw("cold.svg", func(w io.Writer) error { return barChart(w, []row{sampleRow()}) }))
	data, err := os.ReadFile(filepath.Join(c.SVG, "cold.svg"))
	require.NoError(t, err)
	require.Contains(t, string(data), "<svg")
}
