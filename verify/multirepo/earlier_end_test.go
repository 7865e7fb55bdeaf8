package multirepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A new root revokes stolen keys. An attacker who has them can block the new
// timestamp, but the earlier view does not answer then.
func TestEarlierViewEndsWithANewRoot(t *testing.T) {
	for _, atHand := range []bool{false, true} {
		w := company(t)
		first := w.group()
		if atHand {
			_, _, err := w.lookup(first, billing)
			require.NoError(t, err)
		}
		require.NoError(t, first.Run(t.Context(), w.stores, w.sources()))
		private := w.repos["private"]
		for _, role := range []string{metadata.RoleTimestamp, metadata.RoleSnapshot, metadata.RoleTargets} {
			private.Rotate(role, 1, private.Key("new "+role))
		}
		private.Publish()
		w.down["private timestamp.json"] = true
		w.asked = nil
		g := w.renew(first, time.Hour)
		w.mustGiveNoAnswer(g, errDown)
		require.NotContains(t, w.asked, "private 1.team.json", "no file is fetched for it either")
		_, _, err := w.lookup(g, "left-pad-1.0.tgz")
		require.NoError(t, err, "the public repository goes on")

		w.mustGiveNoAnswer(w.renew(g, 2*time.Hour), errDown) // nor does it come back later
		clear(w.down)
		w.mustAnswerAsOf(w.renew(g, 2*time.Hour), time.Time{})
	}
}

// Two repositories under the same root keys count as one. When one of them gets
// keys of its own, its earlier view does not count as the answer under them.
func TestEarlierViewDoesNotCountUnderNewRootKeys(t *testing.T) {
	w := newWorld(t)
	a := w.add("a", verifytest.Options{Seed: "one"}, files{"x": "evil"})
	w.add("b", verifytest.Options{Seed: "one"}, files{"x": "evil"})
	w.add("c", plain, files{"y": "good"})
	w.entry("*", "a,b,c", 2, true)
	g := w.group()
	_, _, err := w.lookup(g, "x")
	require.ErrorIs(t, err, multirepo.ErrDisagreement, "a and b count as one")
	a.Rotate(metadata.RoleRoot, 1, a.Key("a's own"))
	a.Publish()
	w.down["a timestamp.json"] = true
	g = w.renew(g, time.Hour)
	target, l, err := w.lookup(g, "x")
	require.Nil(t, target)
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.Equal(t, noAnswer, outcomes(l)[0])
}

// Another process has stored a newer root than the mirror shows. The earlier
// view of that repository ends, and the other repositories go on.
func TestEarlierViewEndsWithANewerStoredRoot(t *testing.T) {
	for _, atHand := range []bool{false, true} {
		w := company(t)
		g := w.group()
		if atHand {
			_, _, err := w.lookup(g, billing)
			require.NoError(t, err)
		}
		require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
		private := w.repos["private"]
		private.Touch(metadata.RoleRoot)
		private.PublishOnly(metadata.RoleRoot)
		w.stores["private"].(verifytest.Store)["root.json"] = private.Metadata()["2.root.json"]
		newer := private.Metadata()["2.root.json"]
		delete(private.Metadata(), "2.root.json")
		for range 3 {
			g = w.renew(g, time.Hour)
			w.mustGiveNoAnswer(g, verify.ErrRollback)
			_, _, err := w.lookup(g, "left-pad-1.0.tgz")
			require.NoError(t, err)
			require.NoError(t, g.Err())
		}
		private.Metadata()["2.root.json"] = newer
		w.mustAnswerAsOf(w.renew(g, time.Hour), time.Time{})
	}
}

// A save for one repository is superseded. That ends the group, also for the
// other repository, whose newest view was saved: an older one does not answer
// in its place.
func TestNoEarlierViewAfterASupersededSave(t *testing.T) {
	w := newWorld(t)
	private := w.add("private", plain, files{"acme/old": "old"})
	public := w.add("public", plain, files{"acme/new": "evil", "x": "x"})
	late := public.Targets().Delegate(verifytest.Delegation{Name: "late", Paths: []string{"late/*"}})
	late.AddTarget("late/1", []byte("1"))
	public.Publish()
	w.entry("acme/*", "private", 1, false)
	w.entry("*,*/*", "public", 1, false)
	g := w.group()
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	private.Targets().AddTarget("acme/new", []byte("good"))
	private.Publish()
	g = w.renew(g, time.Hour)
	target, _, err := w.lookup(g, "acme/new")
	require.NoError(t, err)
	require.Equal(t, "private", target.Attestations[0].Repository)
	_, _, err = w.lookup(g, "x")
	require.NoError(t, err, "the public repository is up to date")

	public.Touch(metadata.RoleRoot)
	public.PublishOnly(metadata.RoleRoot)
	w.stores["public"].(verifytest.Store)["root.json"] = public.Metadata()["2.root.json"]
	_, _, err = w.lookup(g, "late/1")
	require.ErrorIs(t, err, verify.ErrSuperseded)

	w.down["private timestamp.json"] = true
	g = w.renew(g, 2*time.Hour)
	_, l, err := w.lookup(g, "acme/new")
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.Equal(t, []multirepo.Outcome{noAnswer}, outcomes(l))
	_, _, err = w.lookup(g, "late/1")
	require.NoError(t, err)
}

// A view whose files were not all handed out for saving does not become an
// earlier view: the run was cut off before.
func TestNoEarlierViewOfWhatIsNotSaved(t *testing.T) {
	w := company(t)
	g := w.group()
	for g.Version("private", metadata.RoleTargets) == 0 {
		b, ok := g.Next()
		require.True(t, ok)
		for _, req := range b.Fetch {
			w.answer(g, req)
		}
	}
	w.down["private"] = true
	w.mustGiveNoAnswer(w.renew(g, time.Hour), errDown)
}
