package main

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// known.txt has the differences that are known: client, vector, and a name in
// reasons.
//
//go:embed known.txt
var knownText string

// differences are the reasons by client and by vector.
type differences map[string]map[string]string

func known() differences {
	d := differences{}
	for line := range strings.Lines(knownText) {
		fields := strings.Split(strings.TrimSpace(line), " | ")
		if d[fields[0]] == nil {
			d[fields[0]] = map[string]string{}
		}
		d[fields[0]][fields[1]] = fields[2]
	}
	return d
}

// A subject is a client that docs/vectors.md shows.
type subject struct {
	name, what string
	can        []string
}

var subjects = []subject{
	{"tufwalk", "examples/conformance", allNeeds},
	{"python", "examples/embed, in Python", allNeeds},
	{"go-tuf", "go-tuf 2.4.2", []string{needsClock, needsSuccinct}},
	{"tuf-js", "tuf-js 5.0.1", []string{needsClock, needsSuccinct}},
}

// page is docs/vectors.md.
func page(b *book, d differences) string {
	var text strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	w("# Test vectors")
	w("")
	w("%d cases that any client in any language can be run against.", len(b.vectors))
	w("[internal/checks/vectors](../internal/checks/vectors/README.md) has their format, and the command that " +
		"writes them and runs a client.")
	w("This page is written by `go run ./internal/checks/vectors table`.")
	w("A test plays all cases with the clients in Go, and holds their differences below to what they do.")
	w("`.ci/run vectors` does the same with the others, on some of the cases, and a workflow on all of them.")
	w("")
	w("## Cases")
	w("")
	w("A cell has the cases that ended right, of those that the client offers what they need.")
	w("")
	head, rule := "| topic | cases |", "|---|---|"
	for _, s := range subjects {
		head, rule = head+" "+s.what+" |", rule+"---|"
	}
	w("%s", head)
	w("%s", rule)
	for i, row := range b.topics(nil, nil) {
		line := "| " + row[0] + " | " + row[1] + " |"
		for _, s := range subjects {
			cells := b.topics(b.expectedOf(s), slices.Sorted(maps.Keys(d[s.name])))[i]
			if cells[2] == "0" && cells[3] == "0" {
				line += " - |"
			} else if cells[3] == "0" {
				line += " " + cells[2] + " |"
			} else {
				line += fmt.Sprintf(" %s, %s not |", cells[2], cells[3])
			}
		}
		w("%s", line)
	}
	w("")
	w("%s", b.choices())
	w("")
	w("## Differences")
	for _, s := range subjects {
		w("")
		w("### %s", s.what)
		w("")
		if len(d[s.name]) == 0 {
			w("None.")
			continue
		}
		w("| why | cases |")
		w("|---|---|")
		for _, reason := range slices.Sorted(maps.Values(d[s.name])) {
			if cases := d.of(s.name, reason); cases != "" {
				w("| %s | %s |", reasons[reason], cases)
				d.forget(s.name, reason)
			}
		}
	}
	return text.String()
}

// expectedOf are the vectors that the client plays, without results.
func (b *book) expectedOf(s subject) played {
	p := played{}
	for _, v := range b.vectors {
		if (client{can: s.can}).offers(v) {
			p[v.Name] = nil
		}
	}
	return p
}

// choices says how many vectors leave a choice.
func (b *book) choices() string {
	n := 0
	for _, v := range b.vectors {
		if v.Choice != "" {
			n++
		}
	}
	return fmt.Sprintf("In %d cases the specification leaves a choice, and both outcomes are right; these cases say "+
		"why.\n"+
		"A crash is never right.", n)
}

func (d differences) of(client, reason string) string {
	var cases []string
	for _, name := range slices.Sorted(maps.Keys(d[client])) {
		if d[client][name] == reason {
			cases = append(cases, name)
		}
	}
	return strings.Join(cases, ", ")
}

func (d differences) forget(client, reason string) {
	maps.DeleteFunc(d[client], func(_, r string) bool { return r == reason })
}

// compare returns an error if the wrong vectors, of those that were played, are
// not the known ones.
func (d differences) compare(client string, wrong []string, p played) error {
	var faults []string
	for _, name := range wrong {
		if _, ok := d[client][name]; !ok {
			faults = append(faults, name+" is not known")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d[client])) {
		if _, was := p[name]; was && !slices.Contains(wrong, name) {
			faults = append(faults, name+" is right now")
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("known.txt, %s: %s", client, strings.Join(faults, "; "))
}
