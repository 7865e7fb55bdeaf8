package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The program without arguments: the installer refuses what it must.
func TestInstallerResists(t *testing.T) {
	code, stdout, stderr := runArgs()
	require.Equal(t, 0, code, stdout+stderr)
	require.Regexp(t, fmt.Sprintf(`\n%d attacks, \d+ updates under attack, \d+ s: `, len(attacks)-1)+
		`\d+ refused, 2 repaired, 1 harmless, 0 succeeded.\nAfter each attack, the user got the next release`, stdout)
	require.NotContains(t, stdout, "SUCCEEDED")
	require.NotContains(t, stdout, "PLAYED")
	require.Contains(t, stdout, "\nAn attack succeeds if ")
	require.Contains(t, stdout, "\nrefused: the client ended with an error. repaired: ")
	require.Contains(t, stdout, "\nSent is what the mirror handed to the system")
	require.Contains(t, stdout, "\nwrong: keys whose signatures do not verify, by the first 8 digits of")
}

// An endless answer counts as what was sent, not as what was read.
func TestSent(t *testing.T) {
	require.Equal(t, "2 requests; last timestamp.json, 3851 KiB sent",
		sawText([]*request{{}, {"metadata/timestamp.json", 200, 3851 << 10}}))
	require.Equal(t, "1 request; last 3.root.json, status 503",
		sawText([]*request{{"metadata/3.root.json", 503, 0}}))
}

func TestEveryNamedAttackIsPlayed(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "attacks.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "\n## Attacks that have a name\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, row := range regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(section, -1)[1:] {
		listed = append(listed, row[1])
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(named)), listed)

	played := map[string]bool{control: true}
	for _, name := range named {
		chosen, err := choose(plain(name))
		require.NoError(t, err)
		require.NotEmpty(t, chosen)
		played[name] = true
	}
	for _, a := range attacks {
		require.Contains(t, played, a.name)
	}
}

func TestOneAttackAsAStory(t *testing.T) {
	code, stdout, stderr := runArgs("--only", "Mix-and-match", "-v")
	require.Equal(t, 0, code, stdout+stderr)
	require.Contains(t, stdout, "\nMIX-AND-MATCH\nmirror: serves old targets under the new ones' name\n\n"+
		"  The operators release app.bin 1.0.\n")
	require.Contains(t, stdout, "with exit code 1, saying:\n      installer: no trustworthy state")
	require.Regexp(t, `wrong version: \w+ 5, found 3`, stdout)
	require.Contains(t, stdout, "and has app.bin 9.0.")
	require.NotContains(t, stdout, "ROLLBACK")

	code, _, stderr = runArgs("--only", "nonsense")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "there are honest-mirror, arbitrary-software, ")
}

// Each attack can succeed. Against a client that checks nothing, all do but
// one; that one does against a client that never accepts an older timestamp.
func TestWeakClientsLose(t *testing.T) {
	dir := t.TempDir()
	for _, r := range playAll(context.Background(), attacks, gullible, dir) {
		require.NoError(t, r.broken, "%s: %s\n%s", r.name, r.how, r.story)
		if r.name == control || r.how == highestVersions {
			require.Empty(t, r.won, "%s: %s\n%s", r.name, r.how, r.story)
			continue
		}
		require.NotEmpty(t, r.won, "%s: %s\n%s", r.name, r.how, r.story)
	}

	chosen, err := choose("fast-forward")
	require.NoError(t, err)
	program, err := build(context.Background(), dir)
	require.NoError(t, err)
	rows := playAll(context.Background(), chosen, stubborn(process(program)), t.TempDir())
	require.Equal(t, highestVersions, rows[1].how)
	require.Contains(t, rows[1].won, "the client cannot be updated any more")
	require.Equal(t, hasSucceeded, rows[1].outcome())
	require.NotContains(t, rows[1].ending(), "replaced")
	rows = playAll(context.Background(), chosen[1:], process(program), t.TempDir())
	require.Equal(t, wasRepaired, rows[0].outcome())
	require.Equal(t, "none; replaced by the next update: snapshot.json, timestamp.json", rows[0].ending())
	require.Contains(t, rows[0].left, "timestamp 2^63-1")

	chosen, err = choose("cache-poisoning")
	require.NoError(t, err)
	rows = playAll(context.Background(), chosen[1:], hoarding(process(program)), t.TempDir())
	require.Equal(t, []string{"the attacker's targets.json stays in the cache"}, rows[0].won)
	rows = playAll(context.Background(), chosen[1:], process(program), t.TempDir())
	require.Equal(t, wasRepaired, rows[0].outcome())
	require.Equal(t, "none; replaced at once: targets.json", rows[0].ending())
}

// The outcome depends on what happened, in every row.
func TestOutcomes(t *testing.T) {
	won, poisoned := []string{"malware is installed"}, repairs{later: []string{"snapshot.json"}}
	for _, c := range []struct {
		row  row
		want string
	}{
		{row{tries: 2, refused: 2}, "refused"},
		{row{tries: 2, refused: 1}, "harmless"},
		{row{tries: 1}, "harmless"},
		{row{tries: 1, repairs: poisoned}, "repaired"},
		{row{tries: 1, repairs: poisoned, won: won}, "SUCCEEDED"},
		{row{tries: 1, refused: 1, won: won}, "SUCCEEDED"},
		{row{tries: 1, refused: 1, won: won, broken: os.ErrInvalid}, "NOT PLAYED"},
		{row{}, "NOT PLAYED"},
		{row{attack: attacks[0], tries: 1}, "updated"},
		{row{attack: attacks[0], tries: 1, won: won}, "FAILED"},
	} {
		require.Equal(t, c.want, c.row.outcome(), "%+v", c.row)
		bad := slices.Contains([]string{"SUCCEEDED", "FAILED", "NOT PLAYED"}, c.want)
		require.Equal(t, bad, sum(io.Discard, []row{c.row}, 0) != nil, c.want)
	}
}

// The table is at most as wide as the terminal, and breaks no usual word.
func TestTableFits(t *testing.T) {
	r := row{
		attack: attacks[1],
		saw:    "3 requests; last 5.snapshot.json, 473 bytes sent",
		said:   `Content-Encoding "gzip"`,
		left:   "app.bin 1.0; cache: timestamp 4, snapshot 4",
		tries:  1,
	}
	for width := 100; width <= 160; width += 5 {
		var out bytes.Buffer
		printTable(&out, width, []row{r, {attack: attacks[1], broken: os.ErrInvalid}})
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), width)
		}
		for _, word := range []string{" 5.snapshot.json, ", " Content-Encoding ", " timestamp ", " harmless ", " PLAYED "} {
			require.Contains(t, out.String(), word, "%d columns", width)
		}
	}
}

func TestProgramFailsIfAnAttackSucceeds(t *testing.T) {
	chosen, err := choose("rollback")
	require.NoError(t, err)
	var out bytes.Buffer
	err = show(context.Background(), chosen, true, gullible, t.TempDir(), &out)
	require.ErrorIs(t, err, errSucceeded)
	require.Contains(t, out.String(), " SUCCEEDED │\n")
	require.Contains(t, out.String(), "  Outcome: SUCCEEDED.\n")
	require.Contains(t, out.String(), "THE ATTACK SUCCEEDED: app.bin is app.bin 1.0 now.")
	require.NotContains(t, out.String(), "After each attack")

	// A client that refuses everything cannot be attacked, which shows nothing:
	// no row can be played, not even that of the honest mirror.
	out.Reset()
	refuse := func(context.Context, []string) result { return result{code: 1, text: "no"} }
	err = show(context.Background(), attacks, false, refuse, filepath.Join(t.TempDir()), &out)
	require.ErrorContains(t, err, fmt.Sprintf("%d could not be played", len(attacks)))
	require.Contains(t, out.String(), " PLAYED ")
}
