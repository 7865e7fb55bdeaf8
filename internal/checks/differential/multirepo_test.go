package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// go-tuf's client of TAP 4 and ours answer for the same map and the same
// repositories, served over HTTP. Each difference is on purpose.
func TestBesideGoTUF(t *testing.T) {
	below := of(1, true, "below")
	for name, c := range map[string]struct {
		// says is what A, B, C ... list: "256:a" is a file with the sha256 of
		// a, and an empty string no such target. "below" lists 256:z.
		says   []string
		rules  []rule
		theirs string // the repositories that agree, or "nobody"
		ours   string
		text   string // ours, with Options.FallThrough, which is the text of the TAP; empty: as ours
		why    string
	}{
		"one repository": {
			says:   []string{"256:a"},
			rules:  []rule{of(1, true, "A")},
			theirs: "A", ours: "A",
		},
		"no entry": {
			says:   []string{"256:a"},
			rules:  []rule{{[]string{"y"}, []string{"A"}, 1, true}},
			theirs: "nobody", ours: "no such target",
		},
		"no star for a slash": {
			says:   []string{"256:a"},
			rules:  []rule{{[]string{"?"}, []string{"A"}, 1, true}},
			theirs: "A", ours: "A",
		},
		"nobody has it": {
			says:   []string{"", ""},
			rules:  []rule{of(1, true, "A", "B"), below},
			theirs: "nobody", ours: "no such target",
		},
		"nobody has it, next": {
			says:   []string{"", ""},
			rules:  []rule{of(1, false, "A", "B"), below},
			theirs: "below", ours: "below",
		},
		"two agree": {
			says:   []string{"256:a", "256:a"},
			rules:  []rule{of(2, true, "A", "B")},
			theirs: "A B", ours: "A B",
		},
		"two of three": {
			says:   []string{"256:a", "256:b", "256:a"},
			rules:  []rule{of(2, true, "A", "B", "C")},
			theirs: "A C", ours: "A C",
		},
		"one has it, of two": {
			says:   []string{"256:a", ""},
			rules:  []rule{of(1, true, "A", "B")},
			theirs: "A", ours: "A",
		},
		"two files": {
			says:   []string{"256:a", "256:b"},
			rules:  []rule{of(2, true, "A", "B")},
			theirs: "nobody", ours: "disagreement",
		},
		"two files, each enough": {
			says:   []string{"256:a", "256:b"},
			rules:  []rule{of(1, false, "A", "B"), below},
			theirs: "nobody", ours: "disagreement",
		},
		"different lengths": {
			says:   []string{"256:a", "256:a length:22"},
			rules:  []rule{of(2, true, "A", "B")},
			theirs: "nobody", ours: "disagreement",
		},
		"nothing in common": {
			says:   []string{"256:a", "512:a"},
			rules:  []rule{of(2, true, "A", "B")},
			theirs: "nobody", ours: "disagreement",
		},
		"two files, next": {
			says:   []string{"256:a", "256:b"},
			rules:  []rule{of(2, false, "A", "B"), below},
			theirs: "below", ours: "disagreement", text: "below",
			why: "go-tuf follows the text of the TAP",
		},
		"too few, next": {
			says:   []string{"256:a", ""},
			rules:  []rule{of(2, false, "A", "B"), below},
			theirs: "below", ours: "disagreement", text: "below",
			why: "go-tuf follows the text of the TAP",
		},
		"one is down, next": {
			says:   []string{down},
			rules:  []rule{of(1, false, "A"), below},
			theirs: "below", ours: "no answer",
			why: "go-tuf treats any error as no such target, which allows dependency confusion",
		},
		"one is down, enough are left": {
			says:   []string{"256:a", down, "256:a"},
			rules:  []rule{of(2, true, "A", "B", "C")},
			theirs: "A C", ours: "A C",
		},
		"one hash in common, one not": {
			says:   []string{"256:a 512:a", "256:a 512:b"},
			rules:  []rule{of(2, true, "A", "B")},
			theirs: "nobody", ours: "disagreement",
		},
		"a weak hash in common": {
			says:   []string{"256:a md5:a", "512:b md5:a"},
			rules:  []rule{of(2, true, "A", "B")},
			theirs: "A B", ours: "disagreement",
			why: "D14: go-tuf compares a hash that no client checks",
		},
		"a bridge between two files": {
			says:   []string{"256:a", "256:a 512:a", "256:a 512:b"},
			rules:  []rule{of(3, true, "A", "B", "C")},
			theirs: "A B C", ours: "disagreement",
			why: "go-tuf compares only with the first of a group; B and C contradict each other",
		},
		"a bridge": {
			says:   []string{"256:a", "512:a", "256:a 512:a"},
			rules:  []rule{of(3, true, "C", "A", "B")},
			theirs: "C A B", ours: "disagreement",
			why: "go-tuf compares only with the first of a group",
		},
		"one root under two names": {
			says:   []string{"256:a", "256:a"},
			rules:  []rule{of(2, true, "A", "A2"), below},
			theirs: "A A2", ours: "refused",
			why: "go-tuf counts names",
		},
		"threshold 0": {
			says:   []string{"256:a", "256:a"},
			rules:  []rule{of(0, true, "A", "B")},
			theirs: "A B", ours: "refused",
			why: "go-tuf does not check it",
		},
		"a threshold beyond reach": {
			says:   []string{"256:a"},
			rules:  []rule{of(2, true, "A")},
			theirs: "nobody", ours: "refused",
			why: "it can only be a mistake",
		},
		"a name twice in an entry": {
			says:   []string{"256:a"},
			rules:  []rule{of(1, true, "A", "A")},
			theirs: "A", ours: "refused",
			why: "it can only be a mistake",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveAll(t, c.says, c.rules)
			require.Equal(t, c.theirs, askGoTUF(t, s))
			require.Equal(t, c.ours, askOurs(s, false))
			if c.text == "" {
				c.text = c.ours
			}
			require.Equal(t, c.text, askOurs(s, true))
			nobody := c.theirs == "nobody" && (c.ours == "disagreement" || c.ours == "no such target")
			if c.theirs != c.ours && !nobody || c.text != c.ours {
				require.NotEmpty(t, c.why, "a difference needs a reason")
			} else {
				require.Empty(t, c.why)
			}
		})
	}
}
