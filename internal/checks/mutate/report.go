package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// report prints the score of each package. It returns false if there are
// survivors or stale entries.
func report(results []result, stale []string, stdout io.Writer) bool {
	type score struct{ all, killed, equivalent, survived, unreached int }
	scores := map[string]*score{}
	survived := 0
	for _, r := range results {
		s := scores[r.pkg]
		if s == nil {
			s = new(score)
			scores[r.pkg] = s
		}
		s.all++
		switch {
		case r.by != "":
			s.killed++
		case r.equivalent:
			s.equivalent++
		case r.reached:
			s.survived++
		default:
			s.unreached++
		}
		if r.by == "" && !r.equivalent {
			survived++
		}
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "mutants\tkilled\tequivalent\tsurvived\tnot reached\tscore\t  package\t")
	for _, pkg := range slices.Sorted(maps.Keys(scores)) {
		s := scores[pkg]
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%.1f %%\t  %s\t\n", s.all, s.killed, s.equivalent, s.survived, s.unreached,
			100*float64(s.killed)/float64(max(1, s.all-s.equivalent)), pkg)
	}
	w.Flush()
	for _, key := range slices.Sorted(slices.Values(stale)) {
		fmt.Fprintln(stdout, "equivalents out of date:", key)
	}
	return survived == 0 && len(stale) == 0
}
