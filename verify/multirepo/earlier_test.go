package multirepo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The names that company's private repository decides on: team lists the one,
// nobody the other one. The public repository lists both, with other content.
const (
	billing  = "acme/billing-1.0.tgz"
	nonesuch = "acme/billing-99.0.tgz"
)

// outage is a way in which the next update of a repository fails.
type outage struct {
	name  string
	step  int // of the update that fails: 0 for the root, 1 for the timestamp, and so on
	begin func(w *world, repo *verifytest.Repo)
	want  error
}

var outages = []outage{
	{"no root", 0, func(w *world, repo *verifytest.Repo) {
		w.down["private "+fmt.Sprint(repo.Version(metadata.RoleRoot)+1)+".root.json"] = true
	}, errDown},
	{"no timestamp", 1, func(w *world, _ *verifytest.Repo) { w.down["private timestamp.json"] = true }, errDown},
	{"no snapshot", 2, func(w *world, repo *verifytest.Repo) {
		repo.Publish()
		w.down["private "+repo.FileName(metadata.RoleSnapshot)] = true
	}, errDown},
	{"no targets", 3, func(w *world, repo *verifytest.Repo) {
		repo.Touch(metadata.RoleTargets)
		repo.Touch("team")
		repo.Publish()
		w.down["private "+repo.FileName(metadata.RoleTargets)] = true
	}, errDown},
	{"rollback", 1, func(_ *world, repo *verifytest.Repo) {
		repo.SetVersion(metadata.RoleTimestamp, 1)
		repo.PublishOnly(metadata.RoleTimestamp)
	}, verify.ErrRollback},
	{"expired", 1, func(_ *world, repo *verifytest.Repo) {
		repo.SetLifetime(metadata.RoleTimestamp, 0)
		repo.Publish()
	}, verify.ErrExpired},
	{"threshold", 1, func(_ *world, repo *verifytest.Repo) {
		repo.SignWith(metadata.RoleTimestamp, verifytest.NewKey("ed25519", "a stranger's"))
		repo.Publish()
	}, verify.ErrThreshold},
	{"syntax", 1, func(_ *world, repo *verifytest.Repo) {
		repo.Metadata()["timestamp.json"] = []byte("down for maintenance")
	}, verify.ErrSyntax},
}

// endOutage publishes good files under a version that nobody has seen.
func (w *world) endOutage(repo *verifytest.Repo) {
	clear(w.down)
	repo.SetLifetime(metadata.RoleTimestamp, 24*time.Hour)
	repo.SignWith(metadata.RoleTimestamp)
	w.ended++
	repo.SetVersion(metadata.RoleTimestamp, int64(100*w.ended))
	repo.Publish()
}

// renewed returns a group of company's that has had one update, and the next
// one after it, to which the outage happens. Without atHand the first one has
// not fetched the role team.
func (o outage) renewed(w *world, atHand bool, later time.Duration) (first, next *multirepo.Group) {
	w.Helper()
	first = w.group()
	if atHand {
		w.lookup(first, billing)
	}
	require.NoError(w, first.Run(w.Context(), w.stores, w.sources()))
	o.begin(w, w.repos["private"])
	return first, w.renew(first, later)
}

// lookup looks a path up in a group.
func (w *world) lookup(g *multirepo.Group, path string) (*multirepo.Target, *multirepo.Lookup, error) {
	w.Helper()
	l := g.Lookup(path)
	require.Equal(w, g.Run(w.Context(), w.stores, w.sources()), g.Err())
	t, err := l.Target()
	return t, l, err
}

// mustAnswerAsOf looks names of the private repository up: it answers for them
// as of a time, and the public repository is not asked.
func (w *world) mustAnswerAsOf(g *multirepo.Group, asOf time.Time) {
	w.Helper()
	text := ""
	if !asOf.IsZero() {
		text = " as of " + asOf.Format(time.RFC3339)
	}
	target, l, err := w.lookup(g, billing)
	require.NoError(w, err)
	require.NoError(w, target.Copy(new(strings.Builder), strings.NewReader("billing")))
	require.Len(w, target.Attestations, 1)
	require.Equal(w, "private", target.Attestations[0].Repository)
	require.False(w, target.Expires.After(g.Expires("private")))
	require.Equal(w, asOf, l.Trail()[0].Answers[0].AsOf)
	require.NoError(w, l.Trail()[0].Answers[0].Err)
	require.Contains(w, l.Trail()[0].String(), ": private agrees"+text+": 7 bytes, sha256 ")

	_, l, err = w.lookup(g, nonesuch)
	require.ErrorIs(w, err, verify.ErrNoTarget)
	require.Len(w, l.Trail(), 1)
	require.Equal(w, asOf, l.Trail()[0].Answers[0].AsOf)
	require.Equal(w, "private has no such target"+text, l.Trail()[0].Answers[0].String())
	require.ErrorIs(w, l.Trail()[0].Answers[0].Err, verify.ErrNoTarget)
}

// mustGiveNoAnswer looks the same names up: the private repository gives no
// answer, and no other one answers in its place.
func (w *world) mustGiveNoAnswer(g *multirepo.Group, cause error) {
	w.Helper()
	for _, path := range []string{billing, nonesuch} {
		target, l, err := w.lookup(g, path)
		require.Nil(w, target)
		require.ErrorIs(w, err, multirepo.ErrNoAnswer)
		require.ErrorIs(w, err, cause)
		require.NotErrorIs(w, err, verify.ErrNoTarget)
		require.NotErrorIs(w, err, multirepo.ErrDisagreement)
		require.Len(w, l.Trail(), 1)
		require.Equal(w, []multirepo.Outcome{noAnswer}, outcomes(l))
	}
}

// mustWarn returns what the group says about the private repository: why its
// update failed.
func mustWarn(t *testing.T, g *multirepo.Group, want error) {
	t.Helper()
	var failed *multirepo.RepositoryError
	for _, warning := range g.Warnings() {
		require.ErrorAs(t, warning, &failed)
		require.Equal(t, "private", failed.Repository)
		if errors.Is(warning, want) {
			return
		}
	}
	require.Fail(t, "no warning", "%v: %v", want, g.Warnings())
}

// A repository whose update fails answers from its earlier view: what it lists,
// what it does not list, and what a role says that has to be fetched for it.
// The answers and the text of the trail say so, and the warnings why. When it
// comes back, it answers from the update.
func TestEarlierView(t *testing.T) {
	for _, o := range outages {
		for _, atHand := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, at hand %v", o.name, atHand), func(t *testing.T) {
				w := company(t)
				start := w.now()
				first, next := o.renewed(w, atHand, time.Hour)
				w.asked = nil
				w.mustAnswerAsOf(next, start)
				require.ErrorIs(t, next.Err(), o.want, "no other repository was asked")
				mustWarn(t, next, o.want)
				require.Equal(t, first.Expires("private"), next.Expires("private"))
				require.Equal(t, !atHand, strings.Contains(strings.Join(w.asked, "\n"), "private 1.team.json"))
				require.NotContains(t, strings.Join(w.asked, "\n"), "anyone", "the public repository is told no name")
				_, l, err := w.lookup(next, "left-pad-1.0.tgz")
				require.NoError(t, err)
				require.Zero(t, l.Trail()[0].Answers[0].AsOf, "the public repository's update has not failed")
				require.NoError(t, next.Err(), "the public repository is up to date")

				w.endOutage(w.repos["private"])
				back := w.renew(next, 2*time.Hour)
				w.mustAnswerAsOf(back, time.Time{})
				require.Empty(t, back.Warnings())
				require.EqualValues(t, 100, back.Version("private", metadata.RoleTimestamp))
				w.mustAnswerAsOf(next, start) // it stays as it is
			})
		}
	}
}

// Several updates fail in a row: the last view that succeeded goes on
// answering, whatever becomes of the updates, and whether or not they were run.
func TestEarlierViewAfterSeveralFailures(t *testing.T) {
	w := company(t)
	start := w.now()
	repo := w.repos["private"]
	g := w.group()
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	for i, o := range outages {
		w.endOutage(repo)
		o.begin(w, repo)
		g = w.renew(g, time.Duration(2*i)*time.Hour) // this one is not run
		g = w.renew(g, time.Duration(2*i+1)*time.Hour)
		w.mustAnswerAsOf(g, start)
		mustWarn(t, g, o.want)
	}
	g = w.renew(g, 24*time.Hour)
	w.mustGiveNoAnswer(g, outages[len(outages)-1].want)

	// A later view that succeeds takes its place.
	repo.Advance(24 * time.Hour)
	w.endOutage(repo)
	later := w.now()
	g = w.renew(g, 0)
	w.mustAnswerAsOf(g, time.Time{})
	w.down["private"] = true
	g = w.renew(w.renew(g, time.Hour), 23*time.Hour)
	w.mustAnswerAsOf(g, later)
	mustWarn(t, g, errDown)
}

// The view is the last one that succeeded, not the first: what a later update
// has removed does not come back.
func TestEarlierViewIsTheLastOne(t *testing.T) {
	w := company(t)
	g := w.group()
	_, _, err := w.lookup(g, billing)
	require.NoError(t, err)
	w.repos["private"].Targets().Undelegate("team")
	w.repos["private"].Publish()
	g = w.renew(g, time.Hour)
	_, _, err = w.lookup(g, billing)
	require.ErrorIs(t, err, verify.ErrNoTarget)
	w.down["private"] = true
	g = w.renew(g, 2*time.Hour)
	_, l, err := w.lookup(g, billing)
	require.ErrorIs(t, err, verify.ErrNoTarget)
	require.Equal(t, w.now().Add(time.Hour), l.Trail()[0].Answers[0].AsOf)
}

// Without an update that succeeded, there is no earlier view.
func TestNoEarlierView(t *testing.T) {
	w := company(t)
	w.down["private"] = true
	g := w.group()
	for range 2 {
		w.mustGiveNoAnswer(g, errDown)
		g = w.renew(g, time.Hour)
	}
	w.mustGiveNoAnswer(w.renew(w.group(), time.Hour), errDown) // renewed before its first update was over
}

// An earlier view answers until the first of the files expires that the answer
// rests on, and not at that moment any more: as a file may not be used at it.
func TestEarlierViewUntilItExpires(t *testing.T) {
	const lifetime = 2 * time.Hour
	for step, role := range []string{
		metadata.RoleRoot, metadata.RoleTimestamp, metadata.RoleSnapshot, metadata.RoleTargets, "team",
	} {
		for _, atHand := range []bool{true, false} {
			for _, o := range outages {
				w := company(t)
				start := w.now()
				repo := w.repos["private"]
				repo.Targets().AddTarget("acme/top-level.tgz", []byte("top level"))
				repo.SetLifetime(role, lifetime)
				repo.Publish()
				first := w.group()
				if atHand {
					_, _, err := w.lookup(first, billing)
					require.NoError(t, err)
				}
				require.NoError(t, first.Run(t.Context(), w.stores, w.sources()))
				o.begin(w, repo)

				text := fmt.Sprintf("%s expires, at hand %v, %s", role, atHand, o.name)
				w.mustAnswerAsOf(w.renew(first, lifetime-1), start)
				g := w.renew(first, lifetime)
				for _, path := range []string{billing, nonesuch} {
					target, l, err := w.lookup(g, path)
					require.Nil(t, target, text)
					require.ErrorIs(t, err, multirepo.ErrNoAnswer, text)
					require.NotErrorIs(t, err, verify.ErrNoTarget, text)
					require.Len(t, l.Trail(), 1, text)
					cause := o.want
					if step < o.step { // the update comes to what has expired before the outage
						cause = verify.ErrExpired
					}
					require.ErrorIs(t, err, cause, text)
					mustWarn(t, g, cause)
				}
				// What team does not decide on does not expire with it.
				_, _, err := w.lookup(g, "acme/top-level.tgz")
				if role == "team" {
					require.NoError(t, err, text)
				} else {
					require.ErrorIs(t, err, multirepo.ErrNoAnswer, text)
				}
			}
		}
	}
}

// A view that has expired is not what an answer is from: the answer is that
// there is none, now.
func TestExpiredViewIsNotAsOf(t *testing.T) {
	for _, role := range []string{metadata.RoleTimestamp, "team"} {
		w := company(t)
		w.repos["private"].SetLifetime(role, time.Hour)
		w.repos["private"].Publish()
		_, g := outages[1].renewed(w, true, time.Hour)
		_, l, err := w.lookup(g, billing)
		require.ErrorIs(t, err, multirepo.ErrNoAnswer)
		answer := l.Trail()[0].Answers[0]
		require.Zero(t, answer.AsOf, role)
		require.Equal(t, "private gives no answer: "+answer.Err.Error(), answer.String(), role)
	}
}

// No mirror is asked for anything on account of a view that has expired: it
// would learn what the client is looking for.
func TestExpiredViewIsNotAsked(t *testing.T) {
	w := company(t)
	_, g := outages[1].renewed(w, false, 24*time.Hour)
	w.asked = nil
	_, _, err := w.lookup(g, billing)
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.NotContains(t, w.asked, "private 1.team.json")
}

// Dependency confusion: the private repository is down. As long as its earlier
// view counts, that decides on its names. From then on the public repository
// does not answer in its place, whatever the entry and the options say.
func TestDependencyConfusionByAnOutage(t *testing.T) {
	for _, terminating := range []bool{true, false} {
		for _, fall := range []bool{true, false} {
			for _, atHand := range []bool{true, false} {
				w := company(t)
				w.options.FallThrough = fall
				w.setTerminating(0, terminating)
				first := w.group()
				if atHand {
					_, _, err := w.lookup(first, billing)
					require.NoError(t, err)
				}
				require.NoError(t, first.Run(t.Context(), w.stores, w.sources()))
				w.down["private"] = true
				w.repos["public"].Advance(20 * time.Hour)
				w.repos["public"].Publish()

				g := w.renew(first, 0)
				target, l, err := w.lookup(g, billing)
				if atHand {
					require.NoError(t, err)
					require.NoError(t, target.Copy(new(strings.Builder), strings.NewReader("billing")))
				} else { // the role that it is delegated to cannot be fetched
					require.ErrorIs(t, err, multirepo.ErrNoAnswer)
					require.ErrorIs(t, err, errDown)
				}
				require.Len(t, l.Trail(), 1)

				for _, later := range []time.Duration{4 * time.Hour, 10 * time.Hour} {
					g = w.renew(g, later)
					w.mustGiveNoAnswer(g, errDown)
					_, _, err = w.lookup(g, "left-pad-1.0.tgz")
					require.NoError(t, err, "the public repository is up, and decides on its own names")
				}
			}
		}
	}
}

// One of two repositories that have to agree is down: its earlier view counts
// as its answer, and the threshold stays the same when that has expired.
func TestEarlierViewsAndThresholds(t *testing.T) {
	w := pair(t)
	g := w.group()
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	w.down["b"] = true
	w.repos["a"].Advance(23 * time.Hour)
	w.repos["a"].Publish()
	g = w.renew(g, 0)
	target, l, err := w.lookup(g, "x")
	require.NoError(t, err)
	require.Len(t, target.Attestations, 2)
	require.Equal(t, w.repos["b"].Now().Add(24*time.Hour), target.Expires)
	require.Zero(t, l.Trail()[0].Answers[0].AsOf)
	require.Equal(t, w.repos["b"].Now(), l.Trail()[0].Answers[1].AsOf)
	g = w.renew(g, time.Hour)
	_, l, err = w.lookup(g, "x")
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.Equal(t, []multirepo.Outcome{lists, noAnswer}, outcomes(l))

	// All are down: Err says so, and their views answer.
	w.down["b"] = false
	w.repos["b"].Advance(24 * time.Hour)
	w.repos["b"].Publish()
	g = w.renew(g, 0)
	_, _, err = w.lookup(g, "x")
	require.NoError(t, err)
	w.down["a"], w.down["b"] = true, true
	g = w.renew(g, time.Hour)
	l = g.Lookup("x")
	require.ErrorIs(t, g.Run(t.Context(), w.stores, w.sources()), errDown)
	_, err = l.Target()
	require.NoError(t, err)
	require.Len(t, g.Warnings(), 2)
}

// A role that is fetched for the earlier view has to be the one that this
// view's snapshot lists. Without consistent snapshots a mirror has only the
// newest one.
func TestEarlierViewAcceptsItsOwnRolesOnly(t *testing.T) {
	w := newWorld(t)
	private := w.add("private", verifytest.Options{NoConsistentSnapshot: true}, nil)
	team := private.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"acme/*"}})
	team.AddTarget(billing, []byte("billing"))
	private.Publish()
	w.add("public", plain, files{billing: "evil"})
	w.entry("acme/*", "private", 1, false)
	w.entry("*/*", "public", 1, false)
	first := w.group()
	require.NoError(t, first.Run(t.Context(), w.stores, w.sources()))
	team.AddTarget(billing, []byte("newer"))
	private.Publish()
	w.down["private snapshot.json"] = true
	g := w.renew(first, time.Hour)
	_, _, err := w.lookup(g, billing)
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.ErrorIs(t, err, verify.ErrVersion)
}

// Requests of an update and of the earlier view have different IDs, each is
// answered by its own ID, and one that is not needed any more is accepted and
// means nothing.
func TestRequestIDsOfAnEarlierView(t *testing.T) {
	w := company(t)
	w.setOptions(verify.Options{Lookahead: 8})
	first := w.group()
	require.NoError(t, first.Run(t.Context(), w.stores, w.sources()))
	g := w.renew(first, time.Hour)
	found, missing := g.Lookup(billing), g.Lookup(nonesuch)
	open := map[verify.RequestID]verify.Request{}
	next := func() {
		b, ok := g.Next()
		require.True(t, ok)
		for _, req := range b.Fetch {
			require.NotContains(t, open, req.ID)
			require.Equal(t, req.Repository, req.ID.Repository)
			open[req.ID] = req
		}
	}
	idOf := func(role string, update uint64) (id verify.RequestID) {
		for _, req := range open {
			if req.Repository == "private" && req.Role == role && req.ID.Update == update {
				id = req.ID
			}
		}
		require.NotZero(t, id, "%s of update %d", role, update)
		return id
	}
	next()
	root, timestamp := idOf(metadata.RoleRoot, 2), idOf(metadata.RoleTimestamp, 2)
	for _, req := range open {
		if req.Repository == "private" && req.Role == metadata.RoleRoot && req.Version == 2 {
			root = req.ID
		}
	}
	require.NoError(t, g.Fail(root, errDown))
	require.ErrorIs(t, g.Err(), verify.ErrInProgress)
	next()
	team := idOf("team", 1)
	require.Contains(t, g.Outstanding(), open[team])
	require.True(t, g.Wanted(team))
	require.False(t, g.Wanted(timestamp), "the update has failed")
	require.False(t, g.Wanted(root))
	for _, other := range []verify.RequestID{
		{Repository: "private", Update: 3, Number: team.Number},
		{Repository: "private", Update: 1, Number: team.Number - 1},
		{Repository: "public", Update: 1, Number: team.Number},
	} {
		require.NotContains(t, open, other)
		require.ErrorIs(t, g.Provide(other, w.repos["private"].Metadata()["1.team.json"]), verify.ErrRequest)
	}

	var reject *verify.RejectError
	require.ErrorAs(t, g.Provide(team, w.repos["private"].Metadata()["timestamp.json"]), &reject)
	require.Equal(t, open[team], reject.Request)
	require.ErrorAs(t, g.ProvideSaved(team, []byte("junk")), &reject)
	require.Equal(t, open[team], reject.Request)
	require.NoError(t, g.Provide(timestamp, []byte("too late")), "it means nothing")
	require.True(t, g.Wanted(team))
	w.answer(g, open[team])
	require.False(t, g.Wanted(team))
	require.ErrorIs(t, g.Provide(team, nil), verify.ErrRequest)
	require.ErrorIs(t, g.Provide(root, nil), verify.ErrRequest)
	next()
	_, err := found.Target()
	require.NoError(t, err)
	_, err = missing.Target()
	require.ErrorIs(t, err, verify.ErrNoTarget)
	for _, req := range g.Outstanding() {
		require.Equal(t, "public", req.Repository)
	}
}

// A request of the earlier view that is given up ends the lookups that need it,
// and only them. The error has the request.
func TestFailedRequestOfAnEarlierView(t *testing.T) {
	for _, fail := range []bool{true, false} {
		w := company(t)
		_, g := outages[1].renewed(w, false, time.Hour)
		l := g.Lookup(billing)
		var team verify.Request
		for b, ok := g.Next(); ok; b, ok = g.Next() {
			for _, req := range b.Fetch {
				switch {
				case req.Role == "team" && fail:
					team = req
					require.NoError(t, g.Fail(req.ID, errDown))
				case req.Role == "team":
					team = req
					require.NoError(t, g.NotFound(req.ID))
				case w.down[req.Repository+" "+req.Path]:
					require.NoError(t, g.Fail(req.ID, errors.New("the update's")))
				default:
					w.answer(g, req)
				}
			}
		}
		require.EqualValues(t, 1, team.ID.Update)
		_, err := l.Target()
		require.ErrorIs(t, err, multirepo.ErrNoAnswer)
		fetch := new(verify.FetchError)
		require.ErrorAs(t, err, &fetch)
		require.Equal(t, team, fetch.Request)
		require.NoError(t, g.Err())
		w.mustAnswerAsOf(g, w.now()) // the role is asked for again
	}
}

// What is fetched for the earlier view is saved: in the store of its
// repository, under its name. The next run needs no mirror for it.
func TestEarlierViewIsSaved(t *testing.T) {
	w := company(t)
	start := w.now()
	first, next := outages[1].renewed(w, false, time.Hour)
	require.NotContains(t, w.stores["private"], "role.team.json")
	w.mustAnswerAsOf(next, start)
	saved := w.stores["private"].(verifytest.Store)["role.team.json"]
	require.Equal(t, string(w.repos["private"].Metadata()["1.team.json"]), string(saved))
	require.NotContains(t, w.stores["public"], "role.team.json")

	w.down["private"] = true
	w.asked = nil
	w.mustAnswerAsOf(w.renew(first, 2*time.Hour), start) // which never fetched it
	require.NotContains(t, w.asked, "private 1.team.json")
	clear(w.down)
	w.asked = nil
	w.mustAnswerAsOf(w.group(), time.Time{})
	require.NotContains(t, w.asked, "private 1.team.json")
}

// If it cannot be saved, that ends the group like any other save that fails.
func TestEarlierViewCannotBeSaved(t *testing.T) {
	w := company(t)
	_, g := outages[1].renewed(w, false, time.Hour)
	w.stores["private"] = badStore{w.stores["private"].(verifytest.Store), errFull}
	l := g.Lookup(billing)
	err := g.Run(t.Context(), w.stores, w.sources())
	require.EqualError(t, err, `repository "private": `+saveFailed)
	require.ErrorIs(t, err, verify.ErrSave)
	_, lookupErr := l.Target()
	require.Equal(t, err, lookupErr)
	_, again := l.Target()
	require.Equal(t, err, again)
	b, ok := g.Next()
	require.False(t, ok, "%v", b)
	require.Empty(t, g.Outstanding())
}

// A view that could not be saved does not become an earlier view: after the
// next start of the program the repository could go back behind it.
func TestUnsavedViewIsNoEarlierView(t *testing.T) {
	for _, abandon := range []bool{false, true} {
		w := pair(t)
		g := w.group()
		l := g.Lookup("only-a")
		if abandon {
			for b, ok := g.Next(); ok; b, ok = g.Next() {
				for _, req := range b.Fetch {
					w.answer(g, req)
				}
			}
			g.Abandon(errFull)
		} else {
			w.stores["a"] = badStore{verifytest.Store{}, errFull}
			require.ErrorIs(t, g.Run(t.Context(), w.stores, w.sources()), errFull)
			_, err := l.Target()
			require.ErrorIs(t, err, errFull)
			w.stores["a"] = verifytest.Store{}
		}
		w.down["a"], w.down["b"] = true, true
		g = w.renew(g, time.Hour)
		_, l, err := w.lookup(g, "x")
		require.ErrorIs(t, err, multirepo.ErrNoAnswer, "Abandon %v", abandon)
		require.Equal(t, []multirepo.Outcome{noAnswer, noAnswer}, outcomes(l), "Abandon %v", abandon)
	}
}

// A lookup that is dropped is not asked of the earlier view, nor answered by
// it.
func TestDropWithAnEarlierView(t *testing.T) {
	w := company(t)
	_, g := outages[1].renewed(w, false, time.Hour)
	g.Drop(g.Lookup(billing))
	w.asked = nil
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	require.NotContains(t, w.asked, "private 1.team.json")

	// In the middle of it.
	l := g.Lookup(billing)
	b, ok := g.Next()
	require.True(t, ok)
	require.Len(t, b.Fetch, 1)
	g.Drop(l)
	require.ErrorIs(t, g.Err(), verify.ErrInProgress, "the request is still open")
	w.answer(g, b.Fetch[0])
	require.NoError(t, g.Run(t.Context(), w.stores, w.sources()))
	require.NoError(t, g.Err())
	_, err := l.Target()
	require.ErrorIs(t, err, verify.ErrPending)
	w.mustAnswerAsOf(g, w.now())
}

// Groups share nothing that changes: each of them may have a goroutine of its
// own, also while it is renewed from the same view.
func TestRenewedGroupsInParallel(t *testing.T) {
	const bins, paths = 32, 96
	repos := map[string]*verifytest.Repo{}
	w := newWorld(t)
	for _, name := range []string{"a", "b"} {
		repos[name] = w.add(name, plain, nil)
		repos[name].Targets().DelegateBins("bin", bins)
		for i := range paths {
			repos[name].Targets().AddToBin(fmt.Sprint("file-", i), []byte("same"))
		}
		repos[name].Publish()
	}
	w.entry("*", "a,b", 2, true)
	up := map[string][]verify.Source{"a": {repos["a"].Metadata().Source()}, "b": {repos["b"].Metadata().Source()}}
	noTimestamp := func(ctx context.Context, req verify.Request) ([]byte, error) {
		if req.Role == metadata.RoleTimestamp {
			return nil, errDown
		}
		return up["b"][0](ctx, req)
	}
	down := map[string][]verify.Source{"a": up["a"], "b": {noTimestamp}}
	find := func(g *multirepo.Group, from int, sources map[string][]verify.Source) error {
		for i := from; i < paths; i += 3 {
			l := g.Lookup(fmt.Sprint("file-", i))
			if err := g.Run(context.Background(), nil, sources); err != nil {
				return err
			}
			if _, err := l.Target(); err != nil {
				return err
			}
		}
		return nil
	}
	old := w.group()
	require.NoError(t, find(old, paths-9, up)) // some of the bins are at hand
	groups := []*multirepo.Group{old}
	sources := []map[string][]verify.Source{up}
	for i := range 4 {
		groups = append(groups, w.renew(old, time.Hour))
		sources = append(sources, []map[string][]verify.Source{up, down}[i%2])
	}
	failed := groups[2]
	require.NoError(t, find(failed, paths-3, down))
	groups, sources = append(groups, w.renew(failed, 2*time.Hour)), append(sources, down)

	var wait sync.WaitGroup
	errs := make([]error, len(groups))
	for i, g := range groups {
		wait.Go(func() { errs[i] = find(g, i%3, sources[i]) })
	}
	wait.Wait()
	require.NoError(t, errors.Join(errs...))
	for i, g := range groups {
		l := g.Lookup("file-0")
		require.NoError(t, g.Run(t.Context(), nil, nil), "everything is at hand, or not asked for")
		if i%3 == 0 {
			_, err := l.Target()
			require.NoError(t, err)
		}
	}
}
