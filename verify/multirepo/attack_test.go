package multirepo_test

import (
	"context"
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

// Dependency confusion: the public index has a higher version of a private
// name, and the same version with other content. Neither is ever accepted,
// whether the private repository is up or down.
func TestDependencyConfusion(t *testing.T) {
	w := company(t)
	w.mustFind("left-pad-1.0.tgz", "left-pad", "public")
	w.mustFind("acme/billing-1.0.tgz", "billing", "private")
	w.mustFail("acme/billing-99.0.tgz", verify.ErrNoTarget)

	w.down["private"] = true
	w.mustFail("acme/billing-1.0.tgz", multirepo.ErrNoAnswer)
	w.mustFail("acme/billing-99.0.tgz", multirepo.ErrNoAnswer)
	w.mustFind("left-pad-1.0.tgz", "left-pad", "public")

	// If the entry is not terminating, the public repository answers for a name
	// that the private one does not list, but not if the private one gives no
	// answer.
	w.setTerminating(0, false)
	w.mustFail("acme/billing-99.0.tgz", multirepo.ErrNoAnswer)
	w.down["private"] = false
	w.mustFind("acme/billing-1.0.tgz", "billing", "private")
	w.mustFind("acme/billing-99.0.tgz", "evil", "public")
}

// Threshold lowering: an attacker who controls some repositories of an entry,
// or can block some, needs as many as the threshold says, whatever a later
// entry lists.
func TestThresholdLowering(t *testing.T) {
	for _, fall := range []bool{false, true} {
		for threshold := 1; threshold <= 3; threshold++ {
			for controlled := 0; controlled < 3; controlled++ { // by the attacker
				for down := 0; down+controlled <= 3; down++ {
					w := newWorld(t)
					w.options.FallThrough = fall
					for i := range 3 {
						name := fmt.Sprint("r", i)
						content := "good"
						if i < controlled {
							content = "evil"
						}
						w.add(name, plain, files{"x": content})
						w.down[name] = i >= 3-down
					}
					w.add("later", plain, files{"x": "evil"})
					w.entry("x", "r0,r1,r2", threshold, false)
					w.entry("x", "later", 1, false)
					target, _, err := w.find("x")
					if up := 3 - controlled - down; up >= threshold && controlled < threshold {
						require.NoError(t, err, "fall %v, threshold %d, %d controlled, %d down", fall, threshold, controlled, down)
						require.NoError(t, target.Copy(new(strings.Builder), strings.NewReader("good")))
					}
					if err != nil {
						continue
					}
					evil := target.Copy(new(strings.Builder), strings.NewReader("evil")) == nil
					// Enough repositories list it, or the search went on by the
					// text of the TAP, and all repositories are up.
					allowed := controlled >= threshold || fall && down == 0 && 3-controlled < threshold
					require.False(t, evil && !allowed,
						"fall %v, threshold %d, %d controlled, %d down", fall, threshold, controlled, down)
				}
			}
		}
	}
}

// Oracle of names: a mirror learns only of names that its repository is asked
// for. The public repository is not asked for a name if the private one is
// enough. A later entry is not asked ahead, with Lookahead or without.
func TestOracleOfNames(t *testing.T) {
	w := company(t)
	for _, lookahead := range []int{0, 64} {
		w.setOptions(verify.Options{Lookahead: lookahead})
		w.asked = nil
		w.find("acme/billing-1.0.tgz")
		w.find("acme/nothing-1.0.tgz")
		asked := strings.Join(w.asked, "\n")
		require.Contains(t, asked, "private 1.team.json")
		require.NotContains(t, asked, "anyone")
		require.Contains(t, asked, "public timestamp.json", "it is brought up to date, which tells it no name")
		w.stores["private"], w.stores["public"] = verifytest.Store{}, verifytest.Store{}
	}
	w.asked = nil
	w.find("other/x")
	require.NotContains(t, strings.Join(w.asked, "\n"), "anyone")
	w.find("acme.tgz")
	require.NotContains(t, strings.Join(w.asked, "\n"), "team")
}

// CVE-2026-24686, GHSA-jqc5-w2xx-5vq4: a repository's name is not a path. A
// group only compares it. The name for a folder that DirName makes has no
// separators, and no other repository has the same.
func TestNamesAreNoPaths(t *testing.T) {
	names := []string{
		"../x", "..", ".", "/abs", `a\..\b`, "CON", "con", "", "a", "A", "a.", "a ", "a/b", "a%2fb", "nul.txt",
		"x\x00y", "日本", "é", "e\u0301", "\xff",
		strings.Repeat("n", 150), strings.Repeat("n", 151), strings.Repeat("N", 70),
	}
	root := t.TempDir()
	used := map[string]string{}
	for _, name := range names {
		dir := multirepo.DirName(name)
		require.Regexp(t, `^repository[a-z0-9._%=-]+$`, dir)
		require.LessOrEqual(t, len(dir), 200)
		require.True(t, filepath.IsLocal(dir))
		require.Equal(t, dir, filepath.Base(dir))
		require.Equal(t, dir, strings.ToLower(dir), "it is the same where case does not matter")
		require.Empty(t, used[dir], "%q and %s", name, used[dir])
		used[dir] = fmt.Sprintf("%q", name)
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

// Dependency confusion through a wrapped error: a source may be a client of
// another repository and return its errors. They are not the answer of this
// repository: it still gives no answer, which ends the lookup and the update,
// and changes nothing for the others.
func TestErrorsOfSourcesAreNotAnswers(t *testing.T) {
	for _, cause := range []error{
		verify.ErrNoTarget, verify.ErrPending, verify.ErrInProgress, verify.ErrSave, verify.ErrNotAtSource,
		verify.ErrSuperseded, multirepo.ErrDisagreement, multirepo.ErrMap,
	} {
		for _, role := range []string{"timestamp", "team"} {
			w := company(t)
			w.setTerminating(0, false)
			sources := w.sources()
			sources["private"] = []verify.Source{func(ctx context.Context, q verify.Request) ([]byte, error) {
				if q.Role == role {
					return nil, fmt.Errorf("a mirror of a mirror: %w", cause)
				}
				return w.repos["private"].Metadata().Source()(ctx, q)
			}}
			g := w.group()
			private, public := g.Lookup("acme/billing-99.0.tgz"), g.Lookup("left-pad-1.0.tgz")
			require.NoError(t, g.Run(t.Context(), w.stores, sources), "%v for %s", cause, role)
			target, err := private.Target()
			require.Nil(t, target, "%v for %s", cause, role)
			require.ErrorIs(t, err, multirepo.ErrNoAnswer)
			if cause != verify.ErrNotAtSource { // which is true of the mirror
				require.NotErrorIs(t, err, cause)
			}
			require.NotErrorIs(t, err, verify.ErrNoTarget)
			require.ErrorContains(t, err, cause.Error(), "but the text says it")
			_, err = public.Target()
			require.NoError(t, err, "%v for %s", cause, role)
			_, err = g.Renew(w.stored(), w.now())
			require.NoError(t, err, "%v for %s", cause, role)
		}
	}
}
