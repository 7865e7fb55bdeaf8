package multirepo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// D18: repositories with different root keys, in which the same keys can sign a
// file on the way to the target, are one voice. A mirror of the one can serve
// the files of the other.
func TestSharedKeysOnTheTrail(t *testing.T) {
	shared := []*verifytest.Key{verifytest.NewKey("ed25519", "shared")}
	two := append(shared, verifytest.NewKey("ed25519", "more"))
	for name, share := range map[string]func(repo *verifytest.Repo) *verifytest.Role{
		"targets": func(repo *verifytest.Repo) *verifytest.Role {
			repo.Rotate("targets", 1, shared...)
			return repo.Targets()
		},
		"a delegated role": func(repo *verifytest.Repo) *verifytest.Role {
			return repo.Targets().Delegate(verifytest.Delegation{Name: "x", Paths: []string{"x"}, Keys: shared})
		},
		"a role on the way": func(repo *verifytest.Repo) *verifytest.Role {
			way := repo.Targets().Delegate(verifytest.Delegation{Name: "way", Paths: []string{"x"}, Keys: shared})
			return way.Delegate(verifytest.Delegation{Name: "x", Paths: []string{"x"}})
		},
		"succinct bins": func(repo *verifytest.Repo) *verifytest.Role {
			repo.Targets().DelegateSuccinct("bin", 2, shared...)
			return repo.Targets().Bin("x")
		},
		"classic bins": func(repo *verifytest.Repo) *verifytest.Role {
			repo.Targets().DelegateBins("bin", 4, shared...)
			return repo.Targets().Bin("x")
		},
		"one of two keys": func(repo *verifytest.Repo) *verifytest.Role {
			return repo.Targets().Delegate(verifytest.Delegation{
				Name: "x", Paths: []string{"x"}, Keys: append(shared[:1:1], repo.Key("own")),
			})
		},
		"roles of different names": func(repo *verifytest.Repo) *verifytest.Role {
			name := "of " + string(repo.FileName("root")[0]) + repo.Key("root").ID()
			return repo.Targets().Delegate(verifytest.Delegation{Name: name, Paths: []string{"x"}, Keys: shared})
		},
		"two of two keys": func(repo *verifytest.Repo) *verifytest.Role {
			return repo.Targets().Delegate(verifytest.Delegation{
				Name: "x", Paths: []string{"x"}, Keys: two, Threshold: 2,
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, repository := range []string{"a", "b"} {
				repo := w.add(repository, plain, nil)
				share(repo).AddTarget("x", []byte("same"))
				repo.Publish()
			}
			w.add("c", plain, files{"x": "same"})
			w.entry("x", "a,b,c", 2, true)
			l := w.mustFind("x", "same", "a", "b", "c")
			answers := l.Trail()[0].Answers
			require.Empty(t, answers[0].OneVoiceWith)
			require.Equal(t, "a", answers[1].OneVoiceWith)
			require.Empty(t, answers[2].OneVoiceWith)
			require.Contains(t, l.Trail()[0].String(), "b agrees (one voice with a)")
			w.entries = nil
			w.entry("x", "a,b", 2, true)
			w.mustFail("x", multirepo.ErrDisagreement)
		})
	}
}

// Keys that do not reach the threshold of a role can sign nothing for it, and
// keys that two repositories share elsewhere do not matter.
func TestKeysThatDoNotMakeOneVoice(t *testing.T) {
	shared := verifytest.NewKey("ed25519", "shared")
	w := newWorld(t)
	for _, repository := range []string{"a", "b"} {
		repo := w.add(repository, plain, nil)
		repo.Targets().Delegate(verifytest.Delegation{
			Name: "x", Paths: []string{"x"}, Keys: []*verifytest.Key{shared, repo.Key("own")}, Threshold: 2,
		}).AddTarget("x", []byte("same"))
		repo.Targets().Delegate(verifytest.Delegation{
			Name: "elsewhere", Paths: []string{"elsewhere"}, Keys: []*verifytest.Key{shared},
		})
		repo.Publish()
	}
	w.entry("x", "a,b", 2, true)
	w.mustFind("x", "same", "a", "b")
}

// A repository cannot silence two others by listing keys of both: only in a
// group of which it is a member do they count with it.
func TestOneVoiceIsNotTransitive(t *testing.T) {
	w := newWorld(t)
	for _, repository := range []string{"a", "b"} {
		w.add(repository, plain, files{"x": "same"})
	}
	meddler := w.add("c", plain, nil)
	keys := []*verifytest.Key{w.repos["a"].Keys("targets")[0], w.repos["b"].Keys("targets")[0]}
	meddler.Rotate("targets", 1, append(keys, meddler.Key("targets"))...)
	meddler.SignWith("targets", meddler.Key("targets"))
	meddler.Targets().AddTarget("x", []byte("same"))
	meddler.Publish()
	w.entry("x", "a,b,c", 2, true)
	w.mustFind("x", "same", "a", "b", "c")
	w.entries = nil
	w.entry("x", "a,b,c", 3, true)
	w.mustFail("x", multirepo.ErrDisagreement)
}

// The attack itself: the mirror of b serves what a has published. It says the
// same as a, and is no second voice.
func TestMirrorServesAnotherRepositorysFiles(t *testing.T) {
	shared := verifytest.NewKey("ed25519", "developer")
	w := newWorld(t)
	for name, content := range map[string]string{"a": "evil", "b": "good"} {
		repo := w.add(name, plain, nil)
		repo.Targets().Delegate(verifytest.Delegation{
			Name: "x", Paths: []string{"x"}, Keys: []*verifytest.Key{shared},
		}).AddTarget("x", []byte(content))
		repo.Publish()
	}
	w.entry("x", "a,b", 2, true)
	w.mustFail("x", multirepo.ErrDisagreement)
	w.stores = map[string]verify.Store{}
	a, b := w.repos["a"], w.repos["b"]
	b.Metadata()[b.FileName("x")] = a.Metadata()[a.FileName("x")]
	l := w.mustFail("x", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{lists, lists}, outcomes(l), "both list the same now")
}

// Keys of timestamps and snapshots that two repositories share are reported,
// where they have to agree.
func TestSharedOnlineKeys(t *testing.T) {
	for _, role := range []string{"root", "timestamp", "snapshot"} {
		for _, threshold := range []int{1, 2} {
			w := newWorld(t)
			w.add("a", plain, files{"x": "same"})
			b := w.add("b", plain, files{"x": "same"})
			b.Rotate(role, 1, append(w.repos["a"].Keys(role), b.Keys(role)...)...)
			b.Publish()
			w.entry("x", "a,b", threshold, true)
			g := w.group()
			l := g.Lookup("x")
			require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
			_, err := l.Target()
			require.NoError(t, err)
			if threshold == 1 {
				require.Empty(t, g.Warnings())
				continue
			}
			require.Len(t, g.Warnings(), 1)
			require.ErrorIs(t, g.Warnings()[0], multirepo.ErrSharedKeys)
			require.EqualError(t, g.Warnings()[0],
				`repository "b": repositories share keys: the same ones can sign its `+role+` and that of "a"`)
			require.Equal(t, 1, strings.Count(g.Warnings()[0].Error(), role))
		}
	}
}
