package multirepo_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The text of a trail says which repository gives no answer and why, and which
// one lists what, with two of its hashes.
func TestTrailText(t *testing.T) {
	w := newWorld(t)
	list(w.add("a", plain, nil), "256:a 512:a md5:a")
	list(w.add("b", plain, nil), "md5:a")
	w.add("c", plain, nil)
	w.add("d", plain, nil)
	w.down["d"] = true
	w.entry("*", "a,b,c,d", 2, true)
	_, l, err := w.find("x")
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	answers := l.Trail()[0].Answers
	require.ErrorIs(t, answers[3].Err, errDown)
	require.Equal(t, []string{
		"a lists it: 1 bytes, sha512 " + digest("sha512", "a")[:16] + ", sha256 " + digest("sha256", "a")[:16],
		"b lists it: 1 bytes, md5 " + digest("md5", "a")[:16],
		"c has no such target",
		"d gives no answer: " + answers[3].Err.Error(),
	}, []string{answers[0].String(), answers[1].String(), answers[2].String(), answers[3].String()})
	all := fmt.Sprintf("%v; %v; %v; %v", answers[0], answers[1], answers[2], answers[3])
	require.Equal(t, []string{"mapping[0], 2 of 4 (terminating): " + all}, texts(l.Trail()))
	require.Equal(t, "mapping[0], 0 of 0", multirepo.Step{}.String())
}

// A caller who changes a trail changes neither the next one nor the error.
func TestTrailIsTheCallers(t *testing.T) {
	w := newWorld(t)
	w.add("a", plain, files{"x": "one"})
	w.add("b", plain, files{"x": "another"})
	w.entry("x", "a,b", 2, true)
	g := w.group()
	l := g.Lookup("x")
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	_, err := l.Target()
	text, trail := err.Error(), texts(l.Trail())
	l.Trail()[0].Answers[0].Outcome = multirepo.Agrees
	l.Trail()[0].Answers[1].Trail()[0].Role = "evil"
	require.Equal(t, trail, texts(l.Trail()))
	require.Equal(t, "targets", l.Trail()[0].Answers[1].Trail()[0].Role)
	require.Equal(t, text, err.Error())
}

// What a repository writes cannot control the terminal: where the trail shows
// names of hashes, they are quoted.
func TestTrailIsPrintable(t *testing.T) {
	w := newWorld(t)
	const red = "a\x1b[31m"
	repo := w.add(red, plain, nil)
	hashes := map[string]string{"\x1b[2J": "\x1b]0;", "sha256": digest("sha256", "a")}
	repo.Targets().AddTargetInfo("x", 1, hashes)
	repo.Publish()
	w.entry("*", red, 1, true)
	_, l, err := w.find("x")
	require.NoError(t, err)
	require.NotContains(t, l.Trail()[0].String(), "\x1b")
	w.down[red] = true
	w.stores[red] = verifytest.Store{}
	_, _, err = w.find("x")
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.NotContains(t, err.Error(), "\x1b")
}

// Outcomes that this package does not define have a text, too.
func TestTextOfUnknownOutcomes(t *testing.T) {
	require.Equal(t, "gives no answer", noAnswer.String())
	require.Equal(t, "agrees", agrees.String())
	for _, o := range []multirepo.Outcome{-1, agrees + 1, 1 << 30} {
		require.Equal(t, fmt.Sprintf("Outcome(%d)", int(o)), o.String())
		require.Equal(t, "a "+o.String()+": 0 bytes", multirepo.Answer{Repository: "a", Outcome: o}.String())
	}
	require.Equal(t, " gives no answer: <nil>", multirepo.Answer{}.String())
}
