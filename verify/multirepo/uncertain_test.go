package multirepo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// sharing is company, but for two things: in the private repository the role
// docs has the key of the role team, and the company's entry is not
// terminating.
func sharing(t *testing.T) *world {
	w := company(t)
	private := w.repos["private"]
	private.Targets().Delegate(verifytest.Delegation{
		Name: "docs", Paths: []string{"docs/*"}, Keys: private.Keys("team"),
	})
	private.Publish()
	w.setTerminating(0, false)
	return w
}

// serveAs makes the mirror of a repository serve the file of one role as that
// of another.
func (w *world) serveAs(repository, from, to string) {
	repo := w.repos[repository]
	repo.Metadata()[repo.FileName(to)] = repo.Metadata()[repo.FileName(from)]
}

// D15: a mirror of the private repository serves one of its files as another,
// and so hides a private name. The public repository must not answer for it.
func TestHiddenPrivateName(t *testing.T) {
	w := sharing(t)
	w.mustFind("acme/billing-1.0.tgz", "billing", "private")
	w.stores["private"] = verifytest.Store{}
	w.serveAs("private", "docs", "team")
	l := w.mustFail("acme/billing-1.0.tgz", verify.ErrUndecided)
	require.Len(t, l.Trail(), 1)
	require.Equal(t, uncertain, l.Trail()[0].Answers[0].Outcome)
	_, err := l.Target()
	require.EqualError(t, err, `"acme/billing-1.0.tgz": search is undecided: mapping[0], 1 of 1: `+
		`private has no such target, but that is uncertain`)
	agreement := new(multirepo.AgreementError)
	require.ErrorAs(t, err, &agreement)
	for _, step := range l.Trail()[0].Answers[0].Trail() {
		require.Equal(t, step.Role != "team", step.Bound)
	}

	// The text of TAP 4 lets a search go on after a disagreement, not after
	// this.
	w.options.FallThrough = true
	w.mustFail("acme/billing-1.0.tgz", verify.ErrUndecided)
}

// Where no other repository would be asked, the answer is no, and uncertain.
func TestUncertainButFinal(t *testing.T) {
	for _, terminating := range []bool{true, false} {
		w := sharing(t)
		w.entries = w.entries[:1]
		w.setTerminating(0, terminating)
		l := w.mustFail("acme/billing-99.0.tgz", verify.ErrNoTarget)
		no := new(verify.NoTargetError)
		_, err := l.Target()
		require.ErrorAs(t, err, &no)
		require.False(t, no.Certain)
		require.False(t, no.Expires.IsZero())
	}
	w := company(t)
	l := w.mustFail("acme/billing-99.0.tgz", verify.ErrNoTarget)
	no := new(verify.NoTargetError)
	_, err := l.Target()
	require.ErrorAs(t, err, &no)
	require.True(t, no.Certain)
	require.Equal(t, w.repos["private"].Now().AddDate(0, 0, 1), no.Expires, "that of its timestamp")
}

// An uncertain answer is no vote against the others, and lowers no threshold.
func TestUncertainAnswersAmongOthers(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		contents := files{"x": "same"}
		if name == "c" {
			contents = nil
		}
		repo := w.add(name, plain, contents)
		repo.Targets().Delegate(verifytest.Delegation{
			Name: "other", Paths: []string{"other"}, Keys: repo.Keys("targets"),
		})
		repo.Publish()
	}
	w.entry("x", "a,b,c", 2, false)
	w.entry("y", "a,b,c", 2, true)
	w.mustFind("x", "same", "a", "b")
	w.mustFail("y", verify.ErrNoTarget)
	w.entries = nil
	w.entry("x", "a,c", 2, true)
	l := w.mustFail("x", verify.ErrUndecided)
	require.Equal(t, lists, l.Trail()[0].Answers[0].Outcome)
	require.Equal(t, uncertain, l.Trail()[0].Answers[1].Outcome)
}

// FallThrough goes on after a disagreement, but not after one that a mirror can
// have made: it serves the file of the role dev as that of prod, and both list
// the path.
func TestForgedDisagreementDoesNotFallThrough(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b"} {
		repo := w.add(name, plain, nil)
		for role, paths := range map[string]string{"prod": "app", "dev": "dev/*"} {
			repo.Targets().Delegate(verifytest.Delegation{
				Name: role, Paths: []string{paths}, Keys: []*verifytest.Key{repo.Key("ops")},
			}).AddTarget("app", []byte(role))
		}
		repo.Publish()
	}
	w.add("public", plain, files{"app": "evil"})
	w.entry("app", "a,b", 2, false)
	w.entry("*", "public", 1, false)
	w.options.FallThrough = true
	w.mustFind("app", "prod", "a", "b")
	w.stores["a"] = verifytest.Store{}
	w.serveAs("a", "dev", "prod")
	l := w.mustFail("app", multirepo.ErrDisagreement)
	require.Len(t, l.Trail(), 1)
}
