package multirepo_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
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

// F15: what a map, a repository or a server writes cannot control the terminal:
// names of repositories, of hashes and digests, paths, and a server's text are
// printable in the trail and in every error.
func TestTrailIsPrintable(t *testing.T) {
	w := newWorld(t)
	const evil = "a\x1b[31m\u009b\u202e\n"
	repo := w.add(evil, plain, nil)
	repo.Targets().AddTargetInfo(evil, 1, map[string]string{evil: evil, "sha256": digest("sha256", "a")})
	repo.Publish()
	other := w.add("other", plain, nil)
	other.Targets().AddTargetInfo(evil, 1, map[string]string{evil: evil, "sha256": digest("sha256", "b")})
	other.Publish()
	w.entry("*", evil+",other", 2, true)
	var texts []string
	show := func(l *multirepo.Lookup, err error) {
		texts = append(texts, err.Error())
		for _, step := range l.Trail() {
			texts = append(texts, step.String())
			for _, a := range step.Answers {
				texts = append(texts, a.String(), fmt.Sprint(a.Err))
			}
		}
	}
	_, l, err := w.find(evil)
	require.ErrorIs(t, err, multirepo.ErrDisagreement)
	show(l, err)
	w.stores[evil] = verifytest.Store{}
	g := w.group()
	l = g.Lookup(evil)
	_, err = l.Target()
	texts = append(texts, err.Error())
	server := func(context.Context, verify.Request) ([]byte, error) { return nil, errors.New(evil) }
	sources := w.sources()
	sources[evil] = []verify.Source{server}
	require.NoError(t, g.Run(t.Context(), nil, sources))
	_, err = l.Target()
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	show(l, err)
	for _, warning := range g.Warnings() {
		texts = append(texts, warning.Error())
	}
	for _, wrong := range []error{
		g.Run(t.Context(), map[string]verify.Store{evil + "2": nil}, nil),
		g.Save(t.Context(), nil, []verify.Record{{Repository: evil + "2"}}),
		g.Save(t.Context(), nil, []verify.Record{{Repository: evil}, {Repository: "other"}}),
		g.Fail(verify.RequestID{Repository: evil}, nil),
	} {
		require.Equal(t, verify.KindMistake, verify.KindOf(wrong), wrong)
		texts = append(texts, wrong.Error())
	}
	for _, text := range texts {
		for _, r := range text {
			require.True(t, strconv.IsPrint(r), "%q", text)
		}
	}
	require.Greater(t, strings.Count(strings.Join(texts, ""), `a\x1b[31m`), 10, "there is something to print")
}

// a group knows how each repository's chain of roots ended.
func TestChainEndOfRepositories(t *testing.T) {
	w := pair(t)
	g := w.group()
	require.Zero(t, g.ChainEnd("a"))
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	require.Equal(t, "2.root.json", g.ChainEnd("a").Next)
	require.ErrorIs(t, g.ChainEnd("a").Err, verify.ErrNotAtSource)
	require.Zero(t, g.ChainEnd("nobody"))
	// What a group says of itself is left out of what its sources said.
	g = w.renew(g, 0)
	b, _ := g.Next()
	require.NoError(t, g.NotFound(b.Fetch[0].ID, errors.Join(verify.ErrNotAtSource, multirepo.ErrNoAnswer)))
	end := g.ChainEnd(b.Fetch[0].Repository)
	require.ErrorIs(t, end.Err, verify.ErrNotAtSource)
	require.NotErrorIs(t, end.Err, multirepo.ErrNoAnswer)
	require.Empty(t, g.Warnings())
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
