package multirepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Attacks on the choice among repositories. Those on what they agree on are in
// agree_test.go.

// company is what a company has: names of its own, which only its repository
// may answer, and a public index for the rest.
func company(t *testing.T) *world {
	w := newWorld(t)
	private := w.add("private", plain, nil)
	team := private.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"acme/*"}})
	team.AddTarget("acme/billing-1.0.tgz", []byte("billing"))
	private.Publish()
	public := w.add("public", plain, files{"left-pad-1.0.tgz": "left-pad"})
	squatter := public.Targets().Delegate(verifytest.Delegation{Name: "anybody", Paths: []string{"acme/*"}})
	squatter.AddTarget("acme/billing-99.0.tgz", []byte("evil"))
	squatter.AddTarget("acme/billing-1.0.tgz", []byte("evil"))
	public.Publish()
	w.entry("acme/*", "private", 1, true)
	w.entry("*,*/*", "public", 1, false)
	return w
}

// Dependency confusion: the public index has a higher version of a private
// name, and the same version with other content. Neither is ever taken, whether
// the private repository is up, down, or has been stopped in time.
func TestDependencyConfusion(t *testing.T) {
	w := company(t)
	w.mustFind("left-pad-1.0.tgz", "left-pad", "public")
	w.mustFind("acme/billing-1.0.tgz", "billing", "private")
	w.mustFail("acme/billing-99.0.tgz", verify.ErrNoTarget)

	w.down["private"] = true
	w.mustFail("acme/billing-1.0.tgz", multirepo.ErrNoAnswer)
	w.mustFail("acme/billing-99.0.tgz", multirepo.ErrNoAnswer)
	w.mustFind("left-pad-1.0.tgz", "left-pad", "public")

	// Without terminating, a name that the private repository does not know is
	// the public one's; but one that it could not be asked for is not.
	w.entries[0].(map[string]any)["terminating"] = false
	w.mustFail("acme/billing-99.0.tgz", multirepo.ErrNoAnswer)
	w.down["private"] = false
	w.mustFind("acme/billing-1.0.tgz", "billing", "private")
	w.mustFind("acme/billing-99.0.tgz", "evil", "public")
}

// Threshold lowering: whoever controls some repositories of an entry, or can
// silence some, gets no further than the threshold says, whatever is listed
// below.
func TestThresholdLowering(t *testing.T) {
	for _, fall := range []bool{false, true} {
		for threshold := 1; threshold <= 3; threshold++ {
			for taken := 0; taken < 3; taken++ { // under the attacker's control
				for down := 0; down+taken <= 3; down++ {
					w := newWorld(t)
					w.options.FallThrough = fall
					for i := range 3 {
						name := fmt.Sprint("r", i)
						content := "good"
						if i < taken {
							content = "evil"
						}
						w.add(name, plain, files{"x": content})
						w.down[name] = i >= 3-down
					}
					w.add("below", plain, files{"x": "evil"})
					w.entry("x", "r0,r1,r2", threshold, false)
					w.entry("x", "below", 1, false)
					target, _, err := w.find("x")
					if err != nil {
						continue
					}
					evil := target.Copy(new(strings.Builder), strings.NewReader("evil")) == nil
					// The word of enough, or the text of the TAP and everybody
					// up.
					allowed := taken >= threshold || fall && down == 0 && 3-taken < threshold
					require.False(t, evil && !allowed, "fall %v, threshold %d, %d taken, %d down", fall, threshold, taken, down)
				}
			}
		}
	}
}

// Oracle of names: a mirror learns only of names that its repository is asked
// for. What the private repository settles, the public one never hears of, and
// a later entry is not asked in advance, Lookahead or not.
func TestOracleOfNames(t *testing.T) {
	w := company(t)
	for _, lookahead := range []int{0, 64} {
		for name, start := range w.start {
			start.Options = verify.Options{Lookahead: lookahead}
			w.start[name] = start
		}
		w.asked = nil
		w.find("acme/billing-1.0.tgz")
		w.find("acme/nothing-1.0.tgz")
		asked := strings.Join(w.asked, "\n")
		require.Contains(t, asked, "private 1.team.json")
		require.NotContains(t, asked, "anybody")
		require.Contains(t, asked, "public timestamp.json", "it is kept up to date, which tells it nothing")
		w.stores["private"], w.stores["public"] = verifytest.Store{}, verifytest.Store{}
	}
	w.asked = nil
	w.find("other/x")
	require.NotContains(t, strings.Join(w.asked, "\n"), "anybody")
	w.find("acme.tgz")
	require.NotContains(t, strings.Join(w.asked, "\n"), "team")
}

// CVE-2026-24686, GHSA-jqc5-w2xx-5vq4: a repository's name is no path. A group
// does nothing with it but compare it, and the name for a folder that DirName
// makes stays where it is put, under a name that no other repository has.
func TestNamesAreNoPaths(t *testing.T) {
	names := []string{"../x", "..", ".", "/abs", `a\..\b`, "CON", "con", "", "a", "A", "a.", "a ", "a/b", "a%2fb", "nul.txt", "x\x00y", "日本", "é", "e\u0301", "\xff", strings.Repeat("n", 150), strings.Repeat("n", 151), strings.Repeat("N", 70)}
	root := t.TempDir()
	taken := map[string]string{}
	for _, name := range names {
		dir := multirepo.DirName(name)
		require.Regexp(t, `^repository[a-z0-9._%=-]+$`, dir)
		require.LessOrEqual(t, len(dir), 200)
		require.True(t, filepath.IsLocal(dir))
		require.Equal(t, dir, filepath.Base(dir))
		require.Equal(t, dir, strings.ToLower(dir), "where case does not count, nothing changes")
		require.Empty(t, taken[dir], "%q and %q", name, taken[dir])
		taken[dir] = fmt.Sprintf("%q", name)
		require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o700))
	}
	w := newWorld(t)
	for _, name := range []string{"../x", "CON", ""} {
		w.add(name, verifytest.Options{Seed: "seed of " + name}, files{"x": "same"})
	}
	w.entry("*", "../x,CON,", 3, true)
	l := w.mustFind("x", "same", "../x", "CON", "")
	require.Contains(t, l.Trail()[0].String(), "../x agrees: 4 bytes")
}

// What a repository writes does not command the terminal: names of hashes are
// quoted where the trail shows them.
func TestTrailIsPrintable(t *testing.T) {
	w := newWorld(t)
	repo := w.add("a\x1b[31m", plain, nil)
	repo.Targets().AddTargetInfo("x", 1, map[string]string{"\x1b[2J": "\x1b]0;", "sha256": digest("sha256", "a")})
	repo.Publish()
	w.entry("*", "a\x1b[31m", 1, true)
	_, l, err := w.find("x")
	require.NoError(t, err)
	require.NotContains(t, l.Trail()[0].String(), "\x1b")
	w.down["a\x1b[31m"] = true
	w.stores["a\x1b[31m"] = verifytest.Store{}
	_, _, err = w.find("x")
	require.ErrorIs(t, err, multirepo.ErrNoAnswer)
	require.NotContains(t, err.Error(), "\x1b")
}

// Dependency confusion by way of a cause: a source may be a client of another
// repository, and hand on its errors. What it says of that one is not taken for
// what this one says: silence stays silence, ends the lookup and the cycle, and
// costs nobody else anything.
func TestCausesAreNotAnswers(t *testing.T) {
	for _, cause := range []error{verify.ErrNoTarget, verify.ErrPending, verify.ErrInProgress, verify.ErrSave, verify.ErrNotAtSource, multirepo.ErrDisagreement} {
		for _, role := range []string{"timestamp", "team"} {
			w := company(t)
			w.entries[0].(map[string]any)["terminating"] = false
			sources := w.sources()
			sources["private"] = []verify.Source{func(q verify.Request) ([]byte, error) {
				if q.Role == role {
					return nil, fmt.Errorf("a mirror of a mirror: %w", cause)
				}
				return w.repos["private"].Metadata().Source()(q)
			}}
			g := w.group()
			private, public := g.Lookup("acme/billing-99.0.tgz"), g.Lookup("left-pad-1.0.tgz")
			require.NoError(t, g.Run(w.stores, sources), "%v for %s", cause, role)
			target, err := private.Target()
			require.Nil(t, target, "%v for %s", cause, role)
			require.ErrorIs(t, err, multirepo.ErrNoAnswer)
			require.NotErrorIs(t, err, verify.ErrNoTarget)
			require.ErrorContains(t, err, cause.Error(), "but it is said")
			_, err = public.Target()
			require.NoError(t, err, "%v for %s", cause, role)
			require.NoError(t, g.Refresh(w.now()), "%v for %s", cause, role)
		}
	}
}
