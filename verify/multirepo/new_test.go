package multirepo_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

func TestNewRefuses(t *testing.T) {
	w := pair(t)
	m := w.theMap()
	noMap, emptyMap := (*metadata.Map)(nil), new(metadata.Map)
	stranger := multirepo.Repository{TrustedRoot: w.add("stranger", plain, nil).TrustedRoot()}
	delete(w.repos, "stranger")
	noRoot := multirepo.Repository{TrustedRoot: w.repos["a"].Metadata()["timestamp.json"]}
	a, b := w.start["a"], w.start["b"]

	type given = map[string]multirepo.Repository
	for name, c := range map[string]struct {
		m          *metadata.Map
		given      given
		repository string
		want       string
	}{
		"nothing for one":           {m, given{"a": a}, "b", "nothing is given for it"},
		"nothing at all":            {m, given{}, "a", "nothing is given for it"},
		"no trusted root":           {m, given{"a": {}, "b": b}, "a", "no trusted root is given for it"},
		"a timestamp for a root":    {m, given{"a": noRoot, "b": b}, "a", `found "timestamp", want "root"`},
		"not in the map":            {m, given{"a": a, "b": b, "stranger": stranger}, "stranger", "it is not in the map"},
		"a name in other case":      {m, given{"a": a, "b": b, "A": a}, "A", "it is not in the map"},
		"no map":                    {noMap, given{"a": a, "b": b}, "a", "it is not in the map"},
		"no map, and nothing given": {noMap, given{}, "", "the map is empty"},
		"an empty map":              {emptyMap, given{}, "", "the map is empty"},
	} {
		g, err := multirepo.New(c.m, c.given, w.now(), multirepo.Options{})
		require.Nil(t, g, name)
		require.ErrorIs(t, err, multirepo.ErrMap, name)
		require.ErrorContains(t, err, c.want, name)
		var about *multirepo.RepositoryError
		if c.repository == "" {
			require.False(t, errors.As(err, &about), name)
			continue
		}
		require.ErrorAs(t, err, &about, name)
		require.Equal(t, c.repository, about.Repository, name)
	}
	good := given{"a": a, "b": b}
	_, err := multirepo.New(m, good, time.Time{}, multirepo.Options{})
	require.ErrorIs(t, err, verify.ErrTime)
	_, err = multirepo.New(m, good, w.now(), multirepo.Options{})
	require.NoError(t, err)
}

// The zero time is an error of its own. It does not say that a trusted root or
// the map is bad.
func TestZeroTime(t *testing.T) {
	w := pair(t)
	for _, m := range []*metadata.Map{w.theMap(), nil} {
		g, err := multirepo.New(m, w.start, time.Time{}, multirepo.Options{})
		require.Nil(t, g)
		require.EqualError(t, err, verify.ErrTime.Error()+": the zero time")
		require.ErrorIs(t, err, verify.ErrTime)
		require.NotErrorIs(t, err, multirepo.ErrMap)
	}
}

// If a repository is given the trusted root of another one, the signatures of
// its files are wrong. It gives no answer, and nothing of it is saved.
func TestSwappedTrustedRoots(t *testing.T) {
	w := pair(t)
	w.start["a"], w.start["b"] = w.start["b"], w.start["a"]
	w.mustFail("x", multirepo.ErrNoAnswer)
	require.Empty(t, w.stores["a"])
	require.Empty(t, w.stores["b"])
}
