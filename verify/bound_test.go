package verify_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TUF does not sign the name of a role. Where two roles have keys in common and
// the snapshot lists versions alone, a mirror can serve the file of one as that
// of the other (D15).

// impostor is a mirror that serves one role's file in the place of others.
func impostor(repo *verifytest.Repo, file string, as ...string) verifytest.Files {
	mirror := repo.Metadata().Clone()
	for _, role := range as {
		mirror[repo.FileName(role)] = fileOf(repo, file)
	}
	return mirror
}

// search looks a path up, with the given mirrors.
func search(
	t *testing.T, s *verify.Session, store verify.Store, path string, mirrors ...verifytest.Files,
) *verify.Lookup {
	t.Helper()
	l := s.Lookup(path)
	var sources []verify.Source
	for _, m := range mirrors {
		sources = append(sources, m.Source())
	}
	require.NoError(t, s.Run(context.Background(), store, sources...))
	return l
}

// firstRun looks a path up in a session of its own.
func firstRun(t *testing.T, repo *verifytest.Repo, path string, mirrors ...verifytest.Files) *verify.Lookup {
	t.Helper()
	return search(t, resume(t, repo, nil), nil, path, mirrors...)
}

func requireFound(t *testing.T, role string, l *verify.Lookup) {
	t.Helper()
	target, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, role, target.Role)
}

// requireNo says that there is no such target, for certain or not.
func requireNo(t *testing.T, certain bool, l *verify.Lookup) *verify.NoTargetError {
	t.Helper()
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrNoTarget)
	no := new(verify.NoTargetError)
	require.ErrorAs(t, err, &no)
	require.Equal(t, certain, no.Certain, err)
	require.Equal(t, certain, len(no.Unbound) == 0)
	for _, step := range l.Trail() {
		require.True(t, step.Bound || !certain, "a step of a certain answer: %v", step)
	}
	return no
}

func requireUndecided(t *testing.T, role, next string, l *verify.Lookup) {
	t.Helper()
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrUndecided)
	require.NotErrorIs(t, err, verify.ErrNoTarget)
	undecided := new(verify.UndecidedError)
	require.ErrorAs(t, err, &undecided)
	require.Equal(t, verify.UndecidedError{Path: l.Path(), Role: role, Next: next}, *undecided)
}

// inBins calls a test with classic and with succinct bins: the four bins of a,
// c, m and h, which share a key.
func inBins(
	t *testing.T, o verifytest.Options, test func(t *testing.T, repo *verifytest.Repo, bins []*verifytest.Role),
) {
	for _, kind := range []string{"classic", "succinct"} {
		t.Run(kind, func(t *testing.T) {
			repo := verifytest.New(o)
			if kind == "classic" {
				repo.Targets().DelegateBins("bin", 4)
			} else {
				repo.Targets().DelegateSuccinct("bin", 2)
			}
			var bins []*verifytest.Role
			for i, path := range []string{"a", "c", "m", "h"} {
				bin := repo.Targets().Bin(path)
				require.Equal(t, fmt.Sprintf("bin-%d", []int{3, 0, 1, 2}[i]), bin.Name(), path)
				bins = append(bins, bin)
			}
			test(t, repo, bins)
		})
	}
}

// R-5.6.8a: the file of another bin is rejected, and the right one may still
// come from the next mirror.
func TestFileOfAnotherBin(t *testing.T) {
	inBins(t, verifytest.Options{}, func(t *testing.T, repo *verifytest.Repo, bins []*verifytest.Role) {
		for i, path := range []string{"a", "c"} {
			bins[i].AddTarget(path, []byte(path))
		}
		repo.Publish()
		liar := impostor(repo, "bin-0", "bin-3")
		l := firstRun(t, repo, "a", liar)
		_, err := l.Target()
		require.ErrorContains(t, err,
			`bin-3: file of another role: it lists none of the paths that targets delegates to it, but "c"`)
		require.NotErrorIs(t, err, verify.ErrNoTarget)
		requireFound(t, "bin-3", firstRun(t, repo, "a", liar, repo.Metadata()))

		// A saved file, and one that is taken over, are judged alike.
		store := verifytest.Store{verify.StoreName("bin-3"): fileOf(repo, "bin-0")}
		s := resume(t, repo, store)
		requireFound(t, "bin-3", search(t, s, store, "a", repo.Metadata()))
		require.Equal(t, fileOf(repo, "bin-3"), store[verify.StoreName("bin-3")])
	})
}

// A file that lists nothing tells nothing: that of an empty bin can be any
// bin's.
func TestFileOfAnEmptyBin(t *testing.T) {
	inBins(t, verifytest.Options{}, func(t *testing.T, repo *verifytest.Repo, bins []*verifytest.Role) {
		bins[0].AddTarget("a", []byte("a"))
		repo.Publish()
		no := requireNo(t, false, firstRun(t, repo, "a", impostor(repo, "bin-1", "bin-3")))
		require.Equal(t, []string{"bin-3"}, no.Unbound)
		requireNo(t, false, firstRun(t, repo, "c", repo.Metadata()))
		// A bin that lists something of its own cannot be another one.
		bins[1].AddTarget("c", []byte("c"))
		repo.Publish()
		path := "c"
		for i := 0; repo.Targets().Bin(path) != bins[1] || path == "c"; i++ {
			path = fmt.Sprint("nothing ", i)
		}
		no = requireNo(t, true, firstRun(t, repo, path, repo.Metadata()))
		require.False(t, no.Expires.IsZero())
	})
}

// With listed hashes every file is bound, and a file of another bin is no
// danger.
func TestBinsWithListedHashes(t *testing.T) {
	o := verifytest.Options{MetaHashes: true}
	inBins(t, o, func(t *testing.T, repo *verifytest.Repo, bins []*verifytest.Role) {
		bins[0].AddTarget("elsewhere", []byte("garbage")) // the repository's own mistake, and harmless
		repo.Publish()
		requireNo(t, true, firstRun(t, repo, "c", repo.Metadata()))
		requireNo(t, true, firstRun(t, repo, "a", repo.Metadata()))
		_, err := firstRun(t, repo, "a", impostor(repo, "bin-1", "bin-3")).Target()
		require.ErrorIs(t, err, verify.ErrLength)
	})
}

// Two bins may have the same prefix. Then a path of both shows nothing: the
// file of the one that lists it may be served as the other's.
func TestBinsThatOverlap(t *testing.T) {
	for _, prefixes := range [][]string{{"a", "a"}, {"", "a1"}, {"a1", "a"}} {
		repo := verifytest.New(verifytest.Options{})
		in := func(n int) string { // the n-th path whose hash begins with a1
			for i := 0; ; i++ {
				path := fmt.Sprint("p", i)
				if fmt.Sprintf("%x", sha256.Sum256([]byte(path)))[:2] == "a1" {
					if n--; n < 0 {
						return path
					}
				}
			}
		}
		bin := func(name, prefix string) *verifytest.Role {
			return repo.Targets().Delegate(verifytest.Delegation{
				Name: name, PathHashPrefixes: []string{prefix}, Keys: []*verifytest.Key{repo.Key("bins")},
			})
		}
		bin("first", prefixes[0]).AddTarget(in(0), []byte("good"))
		bin("second", prefixes[1]).AddTarget(in(1), []byte("other"))
		delegate(repo.Targets(), "contrib", "*").AddTarget(in(0), []byte("evil"))
		repo.Publish()
		requireFound(t, "first", firstRun(t, repo, in(0), repo.Metadata()))
		requireUndecided(t, "first", "contrib", firstRun(t, repo, in(0), impostor(repo, "second", "first")))
		repo.Targets().Undelegate("contrib")
		repo.Publish()
		requireNo(t, false, firstRun(t, repo, in(0), impostor(repo, "second", "first")))
	}
}

// Many keys that many roles list are decoded once for a file, and many roles
// that a search passes cost what they list.
func TestSharedKeysAreDecodedOnce(t *testing.T) {
	decoded := 0
	policy := roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "counted", Scheme: "counted"}: func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
			decoded++
			return nil, []byte(k.Public), nil
		},
	}}
	repo := verifytest.New(verifytest.Options{})
	delegate(repo.Targets(), "a", "a/*", repo.Key("shared"))
	delegate(repo.Targets(), "b", "b/*", repo.Key("shared"))
	repo.Edit("targets", func(signed object) {
		d := signed["delegations"].(object)
		ids := []any{}
		for i := range 50 {
			id := fmt.Sprint("counted ", i)
			ids = append(ids, id)
			d["keys"].(object)[id] = object{"keytype": "counted", "scheme": "counted", "keyval": object{"public": id}}
		}
		list := d["roles"].([]any)
		for i := range 200 {
			list = append(list, object{
				"name": fmt.Sprint("other ", i), "keyids": ids, "threshold": int64(i + 1), "paths": []any{"none"},
				"terminating": false,
			})
		}
		d["roles"] = list
	})
	repo.Publish()
	s := newSession(t, repo, verify.Stored{}, verify.Options{Policy: policy})
	requireNo(t, false, search(t, s, nil, "a/x", repo.Metadata()))
	require.Equal(t, 50, decoded)
	requireNo(t, false, search(t, s, nil, "a/y", repo.Metadata()))
	require.Equal(t, 50, decoded, "once for all lookups of a session")
}

// A bin with a key of its own may list whatever it likes, and a role that is
// reached by bins and by patterns stays good for both.
func TestGoodBinsStayGood(t *testing.T) {
	t.Run("a key for each bin", func(t *testing.T) {
		repo := verifytest.New(verifytest.Options{})
		for _, digit := range "0123456789abcdef" {
			repo.Targets().Delegate(verifytest.Delegation{
				Name: "bin-" + string(digit), PathHashPrefixes: []string{string(digit)},
			}).AddTarget("elsewhere", []byte("garbage"))
		}
		repo.Publish()
		requireNo(t, true, firstRun(t, repo, "a", repo.Metadata()))
	})
	t.Run("by bins and by patterns", func(t *testing.T) {
		repo := verifytest.New(verifytest.Options{})
		key := repo.Key("bins")
		delegate(delegate(repo.Targets(), "docs", "docs/*"), "odd", "docs/*", key)
		for _, name := range []string{"even", "odd"} {
			var prefixes []string
			for _, digit := range map[string]string{"even": "02468ace", "odd": "13579bdf"}[name] {
				prefixes = append(prefixes, string(digit))
			}
			repo.Targets().Delegate(verifytest.Delegation{
				Name: name, PathHashPrefixes: prefixes, Keys: []*verifytest.Key{key},
			})
		}
		repo.Role("odd").AddTarget("docs/y", []byte("y")) // its hash begins with 0
		repo.Publish()
		_, err := firstRun(t, repo, "b", repo.Metadata()).Target() // whose hash begins with 3
		require.ErrorContains(t, err, "file of another role", "it lists nothing with an odd hash")
		requireFound(t, "odd", firstRun(t, repo, "docs/y", repo.Metadata()))
		repo.Role("odd").AddTarget("b", []byte("b"))
		repo.Publish()
		requireFound(t, "odd", firstRun(t, repo, "b", repo.Metadata()))
		requireFound(t, "odd", firstRun(t, repo, "docs/y", repo.Metadata()))
	})
}

// R-5.6.8b: who can have signed the files of a trail decides whether it is
// certain that there is no target.
func TestCertainty(t *testing.T) {
	for _, c := range []struct {
		name    string
		options verifytest.Options
		build   func(repo *verifytest.Repo)
		unbound []string // nil: it is certain that there is no a/x
	}{
		{"a key for each role", verifytest.Options{}, func(repo *verifytest.Repo) {
			delegate(repo.Targets(), "a", "a/*")
			delegate(repo.Targets(), "b", "b/*")
		}, nil},
		{"a sibling shares the key", verifytest.Options{}, func(repo *verifytest.Repo) {
			delegate(repo.Targets(), "a", "a/*", repo.Key("shared"))
			delegate(repo.Targets(), "b", "b/*", repo.Key("shared"))
		}, []string{"a"}},
		{"a sibling shares the key, hashes are listed", verifytest.Options{MetaHashes: true}, func(repo *verifytest.Repo) {
			delegate(repo.Targets(), "a", "a/*", repo.Key("shared"))
			delegate(repo.Targets(), "b", "b/*", repo.Key("shared"))
		}, nil},
		{"the key is shared under another ID", verifytest.Options{}, func(repo *verifytest.Repo) {
			twin := *repo.Key("shared")
			twin.KeyID = "twin"
			delegate(repo.Targets(), "a", "a/*", repo.Key("shared"))
			delegate(repo.Targets(), "b", "b/*", &twin)
		}, []string{"a"}},
		{"one of two needed keys is shared", verifytest.Options{}, func(repo *verifytest.Repo) {
			repo.Targets().Delegate(verifytest.Delegation{
				Name: "a", Paths: []string{"a/*"}, Threshold: 2,
				Keys: []*verifytest.Key{repo.Key("shared"), repo.Key("own")},
			})
			delegate(repo.Targets(), "b", "b/*", repo.Key("shared"))
		}, nil},
		{"both needed keys are shared", verifytest.Options{}, func(repo *verifytest.Repo) {
			keys := []*verifytest.Key{repo.Key("shared"), repo.Key("too")}
			repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}, Threshold: 2, Keys: keys})
			delegate(repo.Targets(), "b", "b/*", append(keys, repo.Key("more"))...)
		}, []string{"a"}},
		{"targets shares its key with a role", verifytest.Options{}, func(repo *verifytest.Repo) {
			delegate(repo.Targets(), "a", "a/*")
			delegate(repo.Targets(), "b", "b/*", repo.Keys("targets")...)
		}, []string{"targets"}},
		{"targets shares its key with this role", verifytest.Options{}, func(repo *verifytest.Repo) {
			delegate(repo.Targets(), "a", "a/*", repo.Keys("targets")...)
		}, []string{"targets", "a"}},
		{"a nephew shares the key", verifytest.Options{}, func(repo *verifytest.Repo) {
			a := delegate(repo.Targets(), "a", "a/*", repo.Key("shared"))
			delegate(a, "deep", "a/*")
			delegate(a, "deeper", "c/*", repo.Key("shared"))
		}, []string{"a"}},
		{"a bin shares the key of the role that delegates to it", verifytest.Options{}, func(repo *verifytest.Repo) {
			a := delegate(repo.Targets(), "a", "a/*", repo.Key("shared"))
			a.DelegateSuccinct("bin", 1, repo.Key("shared"))
			a.AddToBin("a/y", nil)
			a.AddToBin("a/1", nil)
		}, []string{"a", "bin-0"}},
		{"a delegation whose patterns match nothing", verifytest.Options{}, func(repo *verifytest.Repo) {
			delegate(repo.Targets(), "a", "a/*", repo.Key("shared"))
			repo.Targets().Delegate(verifytest.Delegation{Name: "b", Keys: []*verifytest.Key{repo.Key("shared")}})
		}, []string{"a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo := verifytest.New(c.options)
			c.build(repo)
			repo.Publish()
			l := firstRun(t, repo, "a/x", repo.Metadata())
			require.Equal(t, c.unbound, requireNo(t, c.unbound == nil, l).Unbound)
			// A target that is found says the same of its steps.
			last := l.Trail()[len(l.Trail())-1]
			repo.Role(last.Role).AddTarget("a/x", nil)
			repo.Publish()
			l = firstRun(t, repo, "a/x", repo.Metadata())
			requireFound(t, last.Role, l)
			var unbound []string
			for _, step := range l.Trail() {
				if !step.Bound {
					unbound = append(unbound, step.Role)
				}
			}
			require.Equal(t, c.unbound, unbound)
		})
	}
}

// Where a repository's layout makes every answer uncertain, one warning an
// update says so.
func TestUncertainLayout(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	delegate(repo.Targets(), "a", "a/*", repo.Keys("targets")...)
	delegate(repo.Targets(), "b", "b/*", repo.Key("bc"))
	delegate(repo.Targets(), "c", "c/*", repo.Key("bc"))
	repo.Publish()
	s := resume(t, repo, nil)
	for range 2 { // updates
		require.Empty(t, s.Warnings())
		for _, path := range []string{"a/1", "b/1", "c/1", "other"} {
			requireNo(t, false, search(t, s, nil, path, repo.Metadata()))
		}
		require.Len(t, s.Warnings(), 1)
		require.ErrorIs(t, s.Warnings()[0], verify.ErrUncertain)
		s = renew(t, s, repo.Now())
	}
	// That some roles share keys is no such layout.
	repo.Targets().Undelegate("a")
	repo.Publish()
	s = resume(t, repo, nil)
	requireNo(t, false, search(t, s, nil, "b/1", repo.Metadata()))
	requireNo(t, true, search(t, s, nil, "other", repo.Metadata()))
	require.Empty(t, s.Warnings())
}

// sharedPair is a repository whose roles a and b share a key. Only a lists
// something.
func sharedPair() *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	delegate(repo.Targets(), "a", "a/*", repo.Key("shared")).AddTarget("a/x", []byte("x"))
	delegate(repo.Targets(), "b", "b/*", repo.Key("shared"))
	repo.Publish()
	return repo
}

// counting is a source that counts the requests for a file.
func counting(files verifytest.Files, name string, n *int) verify.Source {
	source := files.Source()
	return func(ctx context.Context, req verify.Request) ([]byte, error) {
		if req.Path == name {
			*n++
		}
		return source(ctx, req)
	}
}

// R-5.6.8c: a lie that was saved does not outlive the mirror that told it.
func TestSavedLie(t *testing.T) {
	repo := sharedPair()
	store := verifytest.Store{}
	s := resume(t, repo, store)
	requireNo(t, false, search(t, s, store, "a/x", impostor(repo, "b", "a")))
	lie := store[verify.StoreName("a")]
	require.Equal(t, fileOf(repo, "b"), lie)

	for name, next := range map[string]func(verifytest.Store) *verify.Session{
		"a new run": func(store verifytest.Store) *verify.Session { return resume(t, repo, store) },
		"renewed":   func(verifytest.Store) *verify.Session { return renew(t, s, repo.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			store := verifytest.Store{verify.StoreName("a"): lie}
			s := next(store)
			l := s.Lookup("a/x")
			other := s.Lookup("a/y")
			requireUndecided(t, "a", "", search(t, s, store, "a/z", repo.Metadata()))
			requireUndecided(t, "a", "", l)
			requireUndecided(t, "a", "", other)
			require.Len(t, s.Warnings(), 2-len(name)%2, "%v", s.Warnings())
			require.Equal(t, fileOf(repo, "a"), store[verify.StoreName("a")])
			again := resume(t, repo, store)
			requireFound(t, "a", search(t, again, store, "a/x", repo.Metadata()))
			renewed := renew(t, s, repo.Now())
			requireFound(t, "a", search(t, renewed, nil, "a/x", repo.Metadata()))
		})
	}
}

// One more request is made, and without a store name: no copy may answer it.
func TestConfirmation(t *testing.T) {
	repo := sharedPair()
	store := verifytest.Store{}
	requireFound(t, "a", search(t, resume(t, repo, store), store, "a/x", repo.Metadata()))

	s := resume(t, repo, store)
	n := 0
	source := counting(repo.Metadata(), repo.FileName("a"), &n)
	run := func() { require.NoError(t, s.Run(context.Background(), store, source)) }
	lookups := []*verify.Lookup{s.Lookup("a/1"), s.Lookup("a/2"), s.Lookup("a/x")}
	run()
	require.Equal(t, 1, n, "one request for both lookups")
	requireNo(t, false, lookups[0])
	requireNo(t, false, lookups[1])
	requireFound(t, "a", lookups[2])
	lookups = append(lookups, s.Lookup("a/3"))
	run()
	requireNo(t, false, lookups[3])
	require.Equal(t, 1, n, "the file is confirmed for this update")
	require.Empty(t, s.Warnings())
	c, err := s.Copy()
	require.NoError(t, err)
	requireNo(t, false, search(t, c, store, "a/4", verifytest.Files{}))

	s = renew(t, s, repo.Now())
	lookups = []*verify.Lookup{s.Lookup("a/1")}
	run()
	requireNo(t, false, lookups[0])
	require.Equal(t, 2, n, "and for no other")
}

// A cache alone cannot confirm anything. The answer stays uncertain.
func TestConfirmationWithoutASource(t *testing.T) {
	repo := sharedPair()
	store := verifytest.Store{}
	search(t, resume(t, repo, store), store, "a/x", repo.Metadata())
	for name, fail := range map[string]func(s *verify.Session, id verify.RequestID) error{
		"NotFound": func(s *verify.Session, id verify.RequestID) error { return s.NotFound(id) },
		"Fail":     func(s *verify.Session, id verify.RequestID) error { return s.Fail(id, errors.New("offline")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := resume(t, repo, store)
			requireFound(t, "a", search(t, s, store, "a/x", repo.Metadata()))
			l, other := s.Lookup("a/1"), s.Lookup("a/2")
			b, _ := s.Next()
			require.Len(t, b.Fetch, 1)
			require.Equal(t, "a", b.Fetch[0].Role)
			require.Empty(t, b.Fetch[0].StoreName)
			require.Empty(t, b.Done)
			reject := new(verify.RejectError)
			require.ErrorAs(t, s.Provide(b.Fetch[0].ID, []byte("junk")), &reject)
			require.NoError(t, fail(s, b.Fetch[0].ID))
			s.Next()
			requireNo(t, false, l)
			requireNo(t, false, other)
			require.NoError(t, s.Err())
			require.NotEmpty(t, s.Lookup("a/3").Path())
			b, _ = s.Next()
			require.Len(t, b.Fetch, 1, "a later lookup asks again")
		})
	}
}

// R-5.6.8d: behind a role whose file may be another's, the search goes on only
// to roles that nobody can sign without its keys.
func TestFallingThrough(t *testing.T) {
	for _, c := range []struct {
		name    string
		options verifytest.Options
		core    []string // the keys of core; docs has the first of them
		contrib []string
		goesOn  bool
	}{
		{"another key", verifytest.Options{}, []string{"k"}, []string{"other"}, false},
		{"the same key", verifytest.Options{}, []string{"k"}, []string{"k"}, true},
		{"the same key or another", verifytest.Options{}, []string{"k"}, []string{"k", "other"}, false},
		{"one of the same keys", verifytest.Options{}, []string{"k", "l"}, []string{"l"}, true},
		{"another key, with listed hashes", verifytest.Options{MetaHashes: true}, []string{"k"}, []string{"other"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo := verifytest.New(c.options)
			keys := func(names []string) (list []*verifytest.Key) {
				for _, name := range names {
					list = append(list, repo.Key(name))
				}
				return list
			}
			delegate(repo.Targets(), "core", "pkg/*", keys(c.core)...).AddTarget("pkg/app", []byte("right"))
			delegate(repo.Targets(), "docs", "docs/*", keys(c.core[:1])...)
			contrib := delegate(repo.Targets(), "contrib", "pkg/*", keys(c.contrib)...)
			contrib.AddTarget("pkg/app", []byte("wrong"))
			contrib.AddTarget("pkg/tool", []byte("tool"))
			repo.Publish()
			requireFound(t, "core", firstRun(t, repo, "pkg/app", repo.Metadata()))
			l := firstRun(t, repo, "pkg/app", impostor(repo, "docs", "core"))
			switch {
			case c.options.MetaHashes:
				_, err := l.Target()
				require.ErrorIs(t, err, verify.ErrLength)
			case c.goesOn: // it is as if the key's owner had said so
				requireFound(t, "contrib", l)
			default:
				requireUndecided(t, "core", "contrib", l)
			}
			l = firstRun(t, repo, "pkg/tool", repo.Metadata())
			if c.goesOn {
				requireFound(t, "contrib", l)
			} else {
				requireUndecided(t, "core", "contrib", l)
			}
		})
	}
}

// Of several needed signatures, a role behind must need as many of the same.
func TestFallingThroughThresholds(t *testing.T) {
	for _, c := range []struct {
		core, contrib int
		goesOn        bool
	}{{1, 1, true}, {2, 2, true}, {1, 2, true}, {2, 1, false}} {
		t.Run(fmt.Sprintf("%d of 3, then %d of 3", c.core, c.contrib), func(t *testing.T) {
			repo := verifytest.New(verifytest.Options{})
			keys := []*verifytest.Key{repo.Key("1"), repo.Key("2"), repo.Key("3")}
			to := func(name, paths string, threshold int) *verifytest.Role {
				return repo.Targets().Delegate(verifytest.Delegation{
					Name: name, Paths: []string{paths}, Keys: keys, Threshold: threshold,
				})
			}
			to("core", "pkg/*", c.core)
			to("docs", "docs/*", c.core)
			to("contrib", "pkg/*", c.contrib).AddTarget("pkg/tool", nil)
			repo.Publish()
			l := firstRun(t, repo, "pkg/tool", repo.Metadata())
			if c.goesOn {
				requireFound(t, "contrib", l)
			} else {
				requireUndecided(t, "core", "contrib", l)
			}
		})
	}
}

// A role leads to those that it delegates to, so that it is not passed. What is
// behind it and its children passes them all.
func TestFallingThroughFromBelow(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	core := delegate(repo.Targets(), "core", "pkg/*", repo.Key("k"))
	delegate(repo.Targets(), "docs", "docs/*", repo.Key("k"))
	delegate(core, "team", "pkg/*", repo.Key("team")).AddTarget("pkg/app", nil)
	delegate(repo.Targets(), "contrib", "pkg/*", repo.Key("team")).AddTarget("pkg/tool", nil)
	repo.Publish()
	requireFound(t, "team", firstRun(t, repo, "pkg/app", repo.Metadata()))
	requireUndecided(t, "core", "contrib", firstRun(t, repo, "pkg/tool", repo.Metadata()))
}

// A saved lie about a role that the search would pass is found out, too.
func TestSavedLieBehindWhichASearchEnds(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	delegate(repo.Targets(), "core", "pkg/*", repo.Key("k")).AddTarget("pkg/app", nil)
	delegate(repo.Targets(), "docs", "docs/*", repo.Key("k"))
	delegate(repo.Targets(), "contrib", "pkg/*")
	repo.Publish()
	store := verifytest.Store{}
	liar := impostor(repo, "docs", "core")
	requireUndecided(t, "core", "contrib", search(t, resume(t, repo, store), store, "pkg/app", liar))
	requireUndecided(t, "core", "", search(t, resume(t, repo, store), store, "pkg/app", repo.Metadata()))
	requireFound(t, "core", search(t, resume(t, repo, store), store, "pkg/app", repo.Metadata()))
}

// The answer says which terminating delegation ended the search.
func TestWhatEndedTheSearch(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	x := repo.Targets().Delegate(verifytest.Delegation{Name: "x", Paths: []string{"x/*"}, Terminating: true})
	delegate(x, "y", "x/*")
	delegate(repo.Targets(), "z", "*")
	repo.Publish()
	no := requireNo(t, true, firstRun(t, repo, "x/1", repo.Metadata()))
	require.Equal(t, "targets", no.EndedBy.Delegator)
	require.Equal(t, "x", no.EndedBy.Role)
	require.EqualError(t, no, `"x/1": no such target (targets -> x is terminating)`)
	no = requireNo(t, true, firstRun(t, repo, "1", repo.Metadata()))
	require.Empty(t, no.EndedBy)
	require.EqualError(t, no, `"1": no such target`)
}
