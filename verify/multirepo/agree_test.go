package multirepo_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TAP 4 step 3 (D14, Bridge between two files): the repositories of a group
// agree if each agrees with each other: on all strong hashes that they have in
// common, and on at least one.
func TestAgreement(t *testing.T) {
	type is = []multirepo.Outcome
	ok, no, conflict := error(nil), multirepo.ErrDisagreement, multirepo.ErrDisagreement
	for _, c := range []struct {
		listings  []string
		threshold int
		want      error
		outcomes  is
		file      string // a file that is right; wrong ones are tried too
	}{
		{[]string{"256:a", "256:a"}, 2, ok, is{agrees, agrees}, "a"},
		{[]string{"256:a", "256:b"}, 2, no, is{disagrees, disagrees}, ""},
		{[]string{"256:a", "256upper:a"}, 2, ok, is{agrees, agrees}, "a"},
		{[]string{"256:a", "256:a length:22"}, 2, no, is{disagrees, disagrees}, ""},
		{[]string{"256:a 512:a", "256:a"}, 2, ok, is{agrees, agrees}, "a"},
		// One strong hash in common is not enough if another one differs.
		{[]string{"256:a 512:a", "256:a 512:b"}, 2, no, is{disagrees, disagrees}, ""},
		{[]string{"256:a 512:a", "256:b 512:a"}, 2, no, is{disagrees, disagrees}, ""},
		// No strong hash in common: nothing shows that they list one file.
		{[]string{"256:a", "512:a"}, 2, no, is{lists, lists}, ""},
		{[]string{"256:a md5:a", "512:a md5:a"}, 2, no, is{lists, lists}, ""},
		{[]string{"md5:a", "md5:a"}, 2, no, is{lists, lists}, ""},
		{[]string{"md5:a"}, 1, no, is{lists}, ""},
		{[]string{"sha1:a", "256:a sha1:a"}, 1, ok, is{lists, agrees}, "a"},
		// Weak hashes are not compared: a repository that lists junk for one is
		// not wrong about the file.
		{[]string{"256:a md5:a", "256:a md5:b"}, 2, ok, is{agrees, agrees}, "a"},
		// Agreement is not transitive. C agrees with A and with B, but A and B
		// have nothing in common ...
		{[]string{"256:a", "512:a", "256:a 512:a"}, 3, no, is{lists, lists, lists}, ""},
		{[]string{"256:a", "512:a", "256:a 512:a"}, 2, ok, is{agrees, agrees, agrees}, "a"},
		{[]string{"256:a 512:a", "512:a", "256:a"}, 3, no, is{lists, lists, lists}, ""},
		// ... or contradict each other. No three of them list one file.
		{[]string{"256:a 512:a", "256:a 512:b", "256:a"}, 3, no, is{disagrees, disagrees, lists}, ""},
		// D17: one repository below the threshold adds junk to the right hash.
		// The two others are enough.
		{[]string{"256:a 512:a", "256:a 512:b", "256:a"}, 2, ok, is{agrees, agrees, agrees}, "a"},
		{[]string{"256:a", "256:a 512:a", "256:a 512:b"}, 2, ok, is{agrees, agrees, agrees}, "a"},
		{[]string{"256:a", "256:a", "256:a 512:b"}, 2, ok, is{agrees, agrees, agrees}, "a"},
		{[]string{"256:a", "256:a 512:b"}, 2, ok, is{agrees, agrees}, ""}, // not without it
		{[]string{"256:a", "256:a 512:b", "256:a 512:b"}, 2, ok, is{agrees, agrees, agrees}, ""},
		// A bridge makes no one file of two that both have enough repositories.
		{
			[]string{"256:a", "256:a", "512:b", "512:b", "256:a 512:b"}, 2, conflict,
			is{lists, lists, lists, lists, lists}, "",
		},
		// Two files that both have enough repositories: a conflict, even if one
		// group is larger.
		{[]string{"256:a", "256:b"}, 1, conflict, is{disagrees, disagrees}, ""},
		{
			[]string{"256:a", "256:a", "256:a", "256:b", "256:b"}, 2, conflict,
			is{disagrees, disagrees, disagrees, disagrees, disagrees}, "",
		},
		// A minority does not matter. The trail names it.
		{[]string{"256:b", "256:a", "256:a"}, 2, ok, is{disagrees, agrees, agrees}, "a"},
		{[]string{"", "256:a", "", "256:a"}, 2, ok, is{noTarget, agrees, noTarget, agrees}, "a"},
		{[]string{"", "256:a", "", "256:a"}, 3, no, is{noTarget, lists, noTarget, lists}, ""},
		// Repositories that contradict each other, but none of those that
		// agree, do not matter.
		{[]string{"256:a", "256:a", "512:b", "512:c"}, 2, ok, is{agrees, agrees, lists, lists}, "a"},
		// If there is no target, all that contradict any other one disagree.
		{
			[]string{"256:a", "256:a", "256:b", "256:b", "512:c", "512:d"}, 2, conflict,
			is{disagrees, disagrees, disagrees, disagrees, disagrees, disagrees}, "",
		},
		// Nothing shows that groups that have no hash in common list one file.
		{[]string{"256:a", "256:a", "512:a", "512:a"}, 2, conflict, is{lists, lists, lists, lists}, ""},
		// They do if a hash is in both, or in one between them.
		{[]string{"256:a", "256:a 512:a", "512:a"}, 2, ok, is{agrees, agrees, agrees}, "a"},
	} {
		t.Run(fmt.Sprintf("%d of %q", c.threshold, c.listings), func(t *testing.T) {
			w := newWorld(t)
			var names []string
			for i, listing := range c.listings {
				name := string(rune('A' + i))
				names = append(names, name)
				repo := w.add(name, plain, nil)
				if listing != "" {
					list(repo, listing)
				}
			}
			w.add("later", plain, files{"x": "a"})
			w.entry("*", strings.Join(names, ","), c.threshold, false)
			w.entry("*", "later", 1, false)
			target, l, err := w.find("x")
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.outcomes, outcomes(l), texts(l.Trail()))
			require.Len(t, l.Trail(), 1)
			if c.want != nil {
				require.Nil(t, target)
				return
			}
			for _, content := range []string{"a", "b", "", "aa"} {
				err := target.Copy(new(strings.Builder), strings.NewReader(content))
				require.Equal(t, c.file != "" && content == c.file, err == nil, "%q: %v", content, err)
			}
		})
	}
}

// A hash that a policy adds is strong for the repositories with that policy.
func TestHashesOfThePolicyAreStrong(t *testing.T) {
	sha384 := roles.Policy{Hashes: map[string]func() hash.Hash{"sha384": sha512.New384}}
	more := roles.Policy{Hashes: map[string]func() hash.Hash{"sha384": sha512.New384, "sha-2": sha256.New}}
	w := newWorld(t)
	for name, p := range map[string]roles.Policy{"a": sha384, "b": sha384, "c": {}} {
		repo := w.add(name, verifytest.Options{Hashes: []string{"sha384"}}, files{"x": "same"})
		w.start[name] = multirepo.Repository{TrustedRoot: repo.TrustedRoot(), Options: verify.Options{Policy: p}}
	}
	w.entry("*", "a,b,c", 2, false)
	l := w.mustFind("x", "same", "a", "b")
	require.Equal(t, []multirepo.Outcome{agrees, agrees, lists}, outcomes(l))
	target, _, err := w.find("x")
	require.NoError(t, err)
	digest384 := target.Hashes[0].Digest
	require.Equal(t, []multirepo.Hash{{Algorithm: "sha384", Digest: digest384}}, target.Hashes)

	b := w.add("b", verifytest.Options{Hashes: []string{"sha384", "sha256", "sha512"}}, files{"x": "same"})
	w.start["b"] = multirepo.Repository{TrustedRoot: b.TrustedRoot(), Options: verify.Options{Policy: more}}
	b.Targets().AddTargetInfo("x", 4, map[string]string{
		"sha384": digest384,
		"sha-2":  digest("sha256", "same"),
		"sha256": digest("sha256", "same"),
		"sha512": digest("sha512", "same"),
	})
	b.Publish()
	target, _, err = w.find("x")
	require.NoError(t, err)
	var order []string
	for _, h := range target.Hashes {
		order = append(order, h.Algorithm)
	}
	require.Equal(t, []string{"sha512", "sha256", "sha-2", "sha384"}, order)

	w.start["b"] = multirepo.Repository{TrustedRoot: b.TrustedRoot()}
	w.mustFail("x", multirepo.ErrDisagreement)
}
