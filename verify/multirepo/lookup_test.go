package multirepo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const (
	silent    = multirepo.NoAnswer
	absent    = multirepo.NoTarget
	lists     = multirepo.Lists
	disagrees = multirepo.Disagrees
	agrees    = multirepo.Agrees
)

type files = map[string]string

var plain = verifytest.Options{}

// TAP 4 step 1, TAP 4 step 2, TAP 4 step 4, TAP 4 step 5: entries in order, the
// word of enough repositories, and what happens where there is none.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	w.add("company", plain, files{"tool-1": "company's tool", "lib-2": "lib", "odd-1": "company's odd", "both": "x"})
	w.add("mirror", plain, files{"lib-2": "lib", "odd-1": "mirror's odd", "lib-3": "lib 3"})
	w.add("public", plain, files{"tool-9": "public tool", "lib-2": "public lib", "app": "app", "odd-1": "public odd", "both": "y", "lib-4": "lib 4"})
	w.entry("tool-*", "company", 1, true)
	w.entry("lib-*,odd-*", "company,mirror", 2, false)
	w.entry("nobody/*", "public", 1, true)
	w.entry("*", "public", 1, false)
	w.entry("app,b*", "company", 1, false)

	l := w.mustFind("tool-1", "company's tool", "company")
	require.Len(t, l.Trail(), 1)
	l = w.mustFind("lib-2", "lib", "company", "mirror")
	require.Equal(t, 1, l.Trail()[0].Entry)
	w.mustFind("app", "app", "public")
	w.mustFind("both", "y", "public") // the first entry that knows it

	// Terminating: the public repository's word on such names counts for
	// nothing.
	l = w.mustFail("tool-9", verify.ErrNoTarget)
	require.Equal(t, []string{"mapping[0], 1 of 1 (terminating): company has no such target"}, texts(l.Trail()))
	// No entry is for it: no * stands for a slash.
	l = w.mustFail("other/app", verify.ErrNoTarget)
	require.Empty(t, l.Trail())
	_, err := l.Target()
	require.ErrorContains(t, err, `"other/app": no entry of the map is for it`)
	// Both say no, and so does the rest.
	l = w.mustFail("lib-9", verify.ErrNoTarget)
	require.Len(t, l.Trail(), 2)
	_, err = l.Target()
	require.EqualError(t, err, `no such target: "lib-9"`)
	// Both say no, and the next entry has it.
	l = w.mustFind("lib-4", "lib 4", "public")
	require.Len(t, l.Trail(), 2)
	require.ErrorIs(t, l.Trail()[0].Err, verify.ErrNoTarget)
	require.Equal(t, multirepo.Agrees, l.Trail()[1].Answers[0].Outcome)

	// They disagree, or too few have it: the search ends, although the entry is
	// not terminating.
	l = w.mustFail("odd-1", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{disagrees, disagrees}, verdicts(l))
	_, err = l.Target()
	require.ErrorContains(t, err, `"odd-1": repositories do not agree: mapping[1], 2 of 2: company disagrees: 13 bytes, sha256 `)
	l = w.mustFail("lib-3", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{absent, lists}, verdicts(l))
}

// TAP 4 step 5: the TAP's own text has the search go on after a disagreement.
// What was passed over is not forgotten, and silence is no disagreement.
func TestFallThrough(t *testing.T) {
	w := newWorld(t)
	w.options.FallThrough = true
	w.add("a", plain, files{"x": "a's", "y": "a's", "z": "a's", "t/1": "a's"})
	w.add("b", plain, files{"x": "b's", "y": "b's", "t/1": "b's"})
	w.add("c", plain, files{"x": "c's", "t/1": "c's"})
	w.entry("t/*", "a,b", 2, true)
	w.entry("*", "a,b", 2, false)
	w.entry("*,t/*", "c", 1, false)
	l := w.mustFind("x", "c's", "c")
	require.ErrorIs(t, l.Trail()[0].Err, multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{disagrees, disagrees}, []multirepo.Outcome{l.Trail()[0].Answers[0].Outcome, l.Trail()[0].Answers[1].Outcome})
	require.Len(t, w.mustFail("y", multirepo.ErrDisagreement).Trail(), 2)
	require.Len(t, w.mustFail("z", multirepo.ErrDisagreement).Trail(), 2)
	require.Len(t, w.mustFail("t/1", multirepo.ErrDisagreement).Trail(), 1, "the entry is terminating")
	w.down["b"] = true
	require.Len(t, w.mustFail("x", multirepo.ErrNoAnswer).Trail(), 1)
	// Two files with enough voices each: the TAP does not say that this is
	// nobody's.
	w.down["b"] = false
	w.entries = nil
	w.entry("*", "a,b", 1, false)
	w.entry("*", "c", 1, false)
	l = w.mustFail("x", multirepo.ErrDisagreement)
	require.Len(t, l.Trail(), 1)
	var agreement *multirepo.AgreementError
	require.ErrorAs(t, l.Trail()[0].Err, &agreement)
	require.True(t, agreement.Conflict)
}

// A disagreement that was passed over is the answer if nobody further down has
// the target, whoever was asked before and wherever the search ends.
func TestPassedOverIsNotForgotten(t *testing.T) {
	for _, terminating := range []bool{false, true} {
		w := newWorld(t)
		w.options.FallThrough = true
		w.add("a", plain, files{"x": "a's"})
		w.add("b", plain, files{"x": "b's"})
		w.add("c", plain, nil)
		w.entry("*", "c", 1, false)
		w.entry("*", "a,b", 2, false)
		w.entry("*", "c", 1, terminating)
		l := w.mustFail("x", multirepo.ErrDisagreement)
		require.Len(t, l.Trail(), 3)
		_, err := l.Target()
		require.Equal(t, l.Trail()[1].Err, err)
	}
}

// Lookups that are settled at the same time are handed out in the order in
// which they were begun, whichever repository answers first.
func TestOrderOfLookups(t *testing.T) {
	w := newWorld(t)
	w.add("a", plain, files{"a/x": "a"})
	w.add("b", plain, files{"b/x": "b"})
	w.entry("a/*", "a", 1, true)
	w.entry("b/*", "b", 1, true)
	g := w.group()
	require.NoError(t, g.Run(nil, w.sources()))
	want := []*multirepo.Lookup{g.Lookup("b/x"), g.Lookup("a/x"), g.Lookup("b/y"), g.Lookup("a/y")}
	b, ok := g.Next()
	require.True(t, ok)
	require.Len(t, b.Done, len(want))
	for i, l := range b.Done {
		require.Same(t, want[i], l, "%d: %s", i, l.Path())
	}
}

// Nothing is said of a search that goes on in a later entry, not even what the
// first one answered.
func TestPendingInALaterEntry(t *testing.T) {
	w := company(t)
	w.entries[0].(map[string]any)["terminating"] = false
	g := w.group()
	l := g.Lookup("acme/billing-99.0.tgz")
	later := false
	for b, ok := g.Next(); ok; b, ok = g.Next() {
		for _, req := range b.Fetch {
			if req.Role == "anybody" {
				later = true
				_, err := l.Target()
				require.ErrorIs(t, err, verify.ErrPending)
				require.Nil(t, l.Trail())
			}
			data, err := w.repos[req.Repository].Metadata().Source()(req.Request)
			if err != nil {
				require.NoError(t, g.NotFound(req.ID))
			} else {
				require.NoError(t, g.Provide(req.ID, data))
			}
		}
	}
	require.True(t, later)
	require.Len(t, l.Trail(), 2)
}

// Silent repository (TAP 4 step 3): "no such target" is an answer, silence is
// none. It never lowers a threshold, and never has a later entry answer.
func TestSilence(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.add(name, plain, files{"x": "same", "odd": name})
	}
	w.add("last", plain, files{"x": "same", "odd": "last", "only": "last"})
	w.entry("*", "a,b,c", 2, false)
	w.entry("*", "last", 1, false)
	w.mustFind("x", "same", "a", "b", "c")
	w.mustFind("only", "last", "last")

	w.down["c"] = true
	l := w.mustFind("x", "same", "a", "b")
	require.Equal(t, []multirepo.Outcome{agrees, agrees, silent}, verdicts(l))
	require.ErrorIs(t, l.Trail()[0].Answers[2].Err, errDown)
	l = w.mustFail("only", multirepo.ErrNoAnswer)
	require.Equal(t, []multirepo.Outcome{absent, absent, silent}, verdicts(l))
	// Those who are heard contradict each other: that is said too.
	_, l, err := w.find("odd")
	require.ErrorIs(t, err, multirepo.ErrDisagreement)
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.ErrorIs(t, err, errDown, "and what kept it from answering")
	require.NotErrorIs(t, err, verify.ErrNoTarget)
	require.Equal(t, []multirepo.Outcome{disagrees, disagrees, silent}, verdicts(l))

	w.down["b"] = true
	l = w.mustFail("x", multirepo.ErrNoAnswer)
	require.Equal(t, []multirepo.Outcome{lists, silent, silent}, verdicts(l))

	// It is reported, and no failure of the group.
	g := w.group()
	require.NoError(t, g.Run(w.stores, w.sources()))
	warnings := g.Warnings()
	require.Len(t, warnings, 2)
	for i, name := range []string{"b", "c"} {
		var failed *multirepo.RepositoryError
		require.ErrorAs(t, warnings[i], &failed)
		require.Equal(t, name, failed.Repository)
		require.ErrorIs(t, failed, errDown)
	}
	// Unless nobody is left.
	w.down["a"], w.down["last"] = true, true
	g = w.group()
	require.ErrorIs(t, g.Run(w.stores, w.sources()), errDown)

	// They come back: Refresh asks all of them again.
	clear(w.down)
	require.NoError(t, g.Refresh(w.now()))
	l = g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	_, err = l.Target()
	require.NoError(t, err)
	require.Empty(t, g.Warnings())
}

// A role that cannot be had, or a search that reaches a limit, is silence and
// not absence; so is a repository whose files have expired or went back.
func TestWhatSilenceIs(t *testing.T) {
	w := newWorld(t)
	a := w.add("a", plain, nil)
	a.Targets().Delegate(verifytest.Delegation{Name: "role", Paths: []string{"*"}}).AddTarget("x", []byte("x"))
	a.Publish()
	w.add("b", plain, files{"x": "confused"})
	w.entry("*", "a", 1, false)
	w.entry("*", "b", 1, false)
	w.mustFind("x", "x", "a")
	w.stores["a"] = verifytest.Store{}

	lost := a.Metadata()["1.role.json"]
	delete(a.Metadata(), "1.role.json")
	w.mustFail("x", multirepo.ErrNoAnswer)
	a.Metadata()["1.role.json"] = lost

	w.start["a"] = multirepo.Repository{TrustedRoot: a.TrustedRoot(), Options: verify.Options{Limits: verify.Limits{MaxDelegations: 1}}}
	l := w.mustFail("x", multirepo.ErrNoAnswer)
	require.ErrorIs(t, l.Trail()[0].Answers[0].Err, verify.ErrLimit)
	w.start["a"] = multirepo.Repository{TrustedRoot: a.TrustedRoot()}

	old := a.Metadata().Clone()
	a.Publish()
	w.mustFind("x", "x", "a") // and remembered
	for name, data := range a.Metadata() {
		if o, ok := old[name]; ok {
			a.Metadata()[name] = o
		} else {
			_ = data
			delete(a.Metadata(), name)
		}
	}
	l = w.mustFail("x", multirepo.ErrNoAnswer)
	require.ErrorIs(t, l.Trail()[0].Answers[0].Err, roles.ErrRollback, "floors are each repository's own")
	w.stores["a"] = verifytest.Store{}
	w.mustFind("x", "x", "a")

	w.repos["b"].Advance(48 * time.Hour)
	w.repos["b"].Publish()
	l = w.mustFail("x", multirepo.ErrNoAnswer)
	require.ErrorIs(t, l.Trail()[0].Answers[0].Err, roles.ErrExpired)
}

// Custom data and places are each repository's own.
func TestVouchers(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		repo := w.add(name, verifytest.Options{NoConsistentSnapshot: name == "b", Hashes: []string{"sha256", "sha512"}[:map[string]int{"a": 1, "b": 2, "c": 1}[name]]}, files{"dir/x": "same"})
		if name != "c" {
			repo.Targets().SetCustom("dir/x", map[string]any{"from": name})
		}
		repo.SetLifetime("timestamp", map[string]time.Duration{"a": 3, "b": 2, "c": 1}[name]*time.Hour)
		repo.Publish()
	}
	w.entry("dir/*", "b,c,a", 2, true)
	w.mustFind("dir/x", "same", "b", "c", "a")
	target, _, err := w.find("dir/x")
	require.NoError(t, err)
	require.EqualValues(t, 4, target.Length)
	require.Equal(t, []string{"sha512", "sha256"}, []string{target.Hashes[0].Algorithm, target.Hashes[1].Algorithm})
	require.Equal(t, w.repos["a"].Now().Add(time.Hour), target.Expires, "the first of all")
	for _, v := range target.Attestations {
		custom, ok := v.Custom()
		require.Equal(t, v.Repository != "c", ok)
		if ok {
			require.JSONEq(t, `{"from":"`+v.Repository+`"}`, string(custom))
		}
		paths, err := v.URLPaths()
		require.NoError(t, err)
		plain, err := v.PlainURLPath()
		require.NoError(t, err)
		require.Equal(t, "dir/x", plain)
		if v.Repository == "b" {
			require.Equal(t, []string{"dir/x"}, paths)
		}
		require.Contains(t, w.repos[v.Repository].TargetFiles(), paths[0])
		require.Equal(t, "targets", v.Role)
	}
}

// The zero values accept nothing.
func TestZeroValues(t *testing.T) {
	var target multirepo.Target
	require.ErrorIs(t, target.Copy(new(strings.Builder), strings.NewReader("")), roles.ErrUntrusted)
	require.ErrorIs(t, target.Copy(new(strings.Builder), strings.NewReader("x")), roles.ErrUntrusted)
	var v multirepo.Verifier
	_, err := v.Write(nil)
	require.ErrorIs(t, err, roles.ErrUntrusted)
	require.ErrorIs(t, v.Verify(), roles.ErrUntrusted)
	require.ErrorIs(t, new(multirepo.Verifier).Verify(), roles.ErrUntrusted)
	var voucher multirepo.Attestation
	_, err = voucher.URLPaths()
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = voucher.PlainURLPath()
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, ok := voucher.Custom()
	require.False(t, ok)
}

// Errors about requests have the group's IDs, wherever they are told: a
// session's own are another repository's requests.
func TestFailedRequestsHaveTheGroupsIDs(t *testing.T) {
	for _, role := range []string{"snapshot", "team"} {
		w := company(t)
		g := w.group()
		l := g.Lookup("acme/billing-1.0.tgz")
		var id verify.RequestID
		for b, ok := g.Next(); ok; b, ok = g.Next() {
			for _, req := range b.Fetch {
				data, err := w.repos[req.Repository].Metadata().Source()(req.Request)
				switch {
				case req.Repository == "private" && req.Role == role || req.Repository == "public" && req.Role == "timestamp":
					if req.Repository == "private" {
						id = req.ID
					}
					require.NoError(t, g.Fail(req.ID, errDown))
				case err != nil:
					require.NoError(t, g.NotFound(req.ID))
				default:
					require.NoError(t, g.Provide(req.ID, data))
				}
			}
		}
		_, err := l.Target()
		errs := []error{err, l.Trail()[0].Answers[0].Err}
		for _, step := range l.Trail()[0].Answers[0].Trail {
			if step.Err != nil {
				errs = append(errs, step.Err)
			}
		}
		if role == "snapshot" {
			errs = append(errs, g.Err(), g.Warnings()[0])
		}
		for i, err := range errs {
			fetch := new(verify.FetchError)
			require.ErrorAs(t, err, &fetch)
			require.Equal(t, id, fetch.Request.ID, "%s, error %d", role, i)
			require.ErrorIs(t, err, errDown)
		}
	}
}

// The trail in words: who is silent and why, who lists what, with two of its
// hashes.
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
	require.Equal(t, []string{"mapping[0], 2 of 4 (terminating): a lists it: 1 bytes, sha512 " + digest("sha512", "a")[:16] + ", sha256 " + digest("sha256", "a")[:16] +
		"; b lists it: 1 bytes, md5 " + digest("md5", "a")[:16] + "; c has no such target; d is silent: 2.root.json could not be fetched: connection refused"}, texts(l.Trail()))
}

// What a caller does to a trail changes neither the next one nor the error.
func TestTrailIsTheCallers(t *testing.T) {
	w := newWorld(t)
	w.add("a", plain, files{"x": "one"})
	w.add("b", plain, files{"x": "another"})
	w.entry("x", "a,b", 2, true)
	g := w.group()
	l := g.Lookup("x")
	require.NoError(t, g.Run(w.stores, w.sources()))
	_, err := l.Target()
	text, trail := err.Error(), texts(l.Trail())
	l.Trail()[0].Answers[0].Outcome = multirepo.Agrees
	l.Trail()[0].Answers[1].Trail[0].Role = "evil"
	require.Equal(t, trail, texts(l.Trail()))
	require.Equal(t, "targets", l.Trail()[0].Answers[1].Trail[0].Role)
	require.Equal(t, text, err.Error())
}
