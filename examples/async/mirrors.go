package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
	mirrorhttp "github.com/tufwalk/tufwalk/examples/internal/mirror"
)

// mirror is one of several that serve the same repository, with a record of its
// answers in this run.
type mirror struct {
	name              string
	metadata, targets string // base URLs; either may be empty

	// The lock of mirrors protects the fields below.
	busy           int
	down           bool // its last answer was an error
	roles, files   int  // right answers
	again, resumed int
	wrong, failed  []string
}

func metadataBase(m *mirror) *string { return &m.metadata }
func targetsBase(m *mirror) *string  { return &m.targets }

// mirrors may be used by several goroutines.
type mirrors struct {
	mu  sync.Mutex
	all []*mirror
}

// splitName splits NAME=URL, where the name may be missing.
func splitName(s string) (name, base string) {
	if name, base, ok := strings.Cut(s, "="); ok && !strings.ContainsAny(name, ":/") {
		return name, base
	}
	return "", s
}

// add adds a base URL to the mirror of its name. Without a name, the name is
// the host, or the URL if the host has a URL of this kind already.
func (ms *mirrors) add(s string, field func(*mirror) *string) error {
	name, base := splitName(s)
	if err := mirrorhttp.CheckBase(base); err != nil {
		return err
	}
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	find := func() int { return slices.IndexFunc(ms.all, func(m *mirror) bool { return m.name == name }) }
	if name == "" {
		if name = u.Host; find() >= 0 && *field(ms.all[find()]) != "" {
			name = u.Redacted()
		}
	}
	i := find()
	if i < 0 {
		i, ms.all = len(ms.all), append(ms.all, &mirror{name: name})
	}
	if *field(ms.all[i]) != "" {
		return fmt.Errorf("%s is given twice", name)
	}
	*field(ms.all[i]) = base
	return nil
}

// take chooses a mirror that has not been tried. It prefers mirrors that have
// not lied, then those that are up, then those with the fewest open requests.
// The caller must give the mirror back.
func (ms *mirrors) take(field func(*mirror) *string, tried []*mirror) *mirror {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	var best *mirror
	for _, m := range ms.all {
		if *field(m) == "" || slices.Contains(tried, m) {
			continue
		}
		if best == nil || slices.Compare(m.rank(), best.rank()) < 0 {
			best = m
		}
	}
	if best != nil {
		best.busy++
	}
	return best
}

func (m *mirror) rank() []int {
	down := 0
	if m.down {
		down = 1
	}
	return []int{len(m.wrong), down, m.busy}
}

// with changes the record of a mirror.
func (ms *mirrors) with(change func()) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	change()
}

func (ms *mirrors) giveBack(m *mirror) { ms.with(func() { m.busy-- }) }

// blame records that a mirror sent a wrong answer.
func (ms *mirrors) blame(m *mirror, what string, err error) {
	ms.with(func() { m.wrong = append(m.wrong, about(what, err)) })
}

// excuse records that a mirror could not answer. That is not a lie.
func (ms *mirrors) excuse(m *mirror, what string, err error) {
	ms.with(func() { m.failed, m.down = append(m.failed, about(what, err)), true })
}

// about puts a name before an error that does not begin with it.
func about(what string, err error) string {
	return what + ": " + strings.TrimPrefix(err.Error(), what+": ")
}

// retried records that a request is sent to a host again.
func (ms *mirrors) retried(u *url.URL) {
	ms.with(func() {
		for _, m := range ms.all {
			if m.at(u) {
				m.again++
				return
			}
		}
	})
}

// at reports whether a URL is at one of the mirror's own hosts.
func (m *mirror) at(u *url.URL) bool {
	for _, base := range []string{m.metadata, m.targets} {
		if own, err := url.Parse(base); err == nil && base != "" && origin(own) == origin(u) {
			return true
		}
	}
	return false
}

// print shows what each mirror served, and which of its answers were wrong.
func (ms *mirrors) print(w io.Writer, quiet bool) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if !quiet {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "\nmirror\ttargets\tmetadata\tasked again\tresumed\tfailed\twrong")
		for _, m := range ms.all {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", cli.Printable(m.name),
				m.files, m.roles, m.again, m.resumed, len(m.failed), len(m.wrong))
		}
		_ = table.Flush()
	}
	for _, m := range ms.all {
		for _, text := range m.wrong {
			fmt.Fprintf(w, "%s served a wrong %s\n", cli.Printable(m.name), cli.Printable(text))
		}
		for _, text := range m.failed {
			fmt.Fprintf(w, "%s failed at %s\n", cli.Printable(m.name), cli.Printable(text))
		}
	}
}
