package multirepo_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
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

func digest(algorithm, content string) string {
	switch algorithm {
	case "sha256":
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	case "sha512":
		sum := sha512.Sum512([]byte(content))
		return hex.EncodeToString(sum[:])
	}
	return digest("sha256", algorithm+content)[:32] // of some weak algorithm
}

// list publishes what a repository says of the target x: "256:a 512:b md5:c"
// are the digests of three contents of one byte.
func list(repo *verifytest.Repo, says string) {
	hashes := map[string]string{}
	length := int64(1)
	for _, part := range strings.Fields(says) {
		name, content, _ := strings.Cut(part, ":")
		switch name {
		case "length":
			length = int64(len(content))
			continue
		case "256", "512":
			name = "sha" + name
		case "256upper":
			hashes["sha256"] = strings.ToUpper(digest("sha256", content))
			continue
		}
		hashes[name] = digest(name, content)
	}
	repo.Targets().AddTargetInfo("x", length, hashes)
	repo.Publish()
}

// TAP 4 step 3 (D14, Bridge between two files): agreement is of a group, each
// with each other, on all strong hashes that they share, and on at least one.
func TestAgreement(t *testing.T) {
	ok, no, conflict := error(nil), multirepo.ErrDisagreement, multirepo.ErrDisagreement
	for _, c := range []struct {
		says      []string
		threshold int
		want      error
		verdicts  []multirepo.Outcome
		file      string // a file that is right; one that is not is tried too
	}{
		{[]string{"256:a", "256:a"}, 2, ok, []multirepo.Outcome{agrees, agrees}, "a"},
		{[]string{"256:a", "256:b"}, 2, no, []multirepo.Outcome{disagrees, disagrees}, ""},
		{[]string{"256:a", "256upper:a"}, 2, ok, []multirepo.Outcome{agrees, agrees}, "a"},
		{[]string{"256:a", "256:a length:22"}, 2, no, []multirepo.Outcome{disagrees, disagrees}, ""},
		{[]string{"256:a 512:a", "256:a"}, 2, ok, []multirepo.Outcome{agrees, agrees}, "a"},
		// One strong hash in common is not enough if another one differs.
		{[]string{"256:a 512:a", "256:a 512:b"}, 2, no, []multirepo.Outcome{disagrees, disagrees}, ""},
		{[]string{"256:a 512:a", "256:b 512:a"}, 2, no, []multirepo.Outcome{disagrees, disagrees}, ""},
		// Nothing strong in common: nothing shows that they mean one file.
		{[]string{"256:a", "512:a"}, 2, no, []multirepo.Outcome{lists, lists}, ""},
		{[]string{"256:a md5:a", "512:a md5:a"}, 2, no, []multirepo.Outcome{lists, lists}, ""},
		{[]string{"md5:a", "md5:a"}, 2, no, []multirepo.Outcome{lists, lists}, ""},
		{[]string{"md5:a"}, 1, no, []multirepo.Outcome{lists}, ""},
		{[]string{"sha1:a", "256:a sha1:a"}, 1, ok, []multirepo.Outcome{lists, agrees}, "a"},
		// Weak hashes are not compared: who lists junk under such a name is not
		// wrong about the file.
		{[]string{"256:a md5:a", "256:a md5:b"}, 2, ok, []multirepo.Outcome{agrees, agrees}, "a"},
		// The traps of transitivity: C agrees with A and with B, A and B have
		// nothing in common ...
		{[]string{"256:a", "512:a", "256:a 512:a"}, 3, no, []multirepo.Outcome{lists, lists, lists}, ""},
		{[]string{"256:a", "512:a", "256:a 512:a"}, 2, ok, []multirepo.Outcome{agrees, agrees, agrees}, "a"},
		{[]string{"256:a 512:a", "512:a", "256:a"}, 3, no, []multirepo.Outcome{lists, lists, lists}, ""},
		// ... or contradict each other: C's word, under a hash that both share
		// with it, is a bridge between two files.
		{[]string{"256:a 512:a", "256:a 512:b", "256:a"}, 3, no, []multirepo.Outcome{disagrees, disagrees, lists}, ""},
		{[]string{"256:a 512:a", "256:a 512:b", "256:a"}, 2, conflict, []multirepo.Outcome{disagrees, disagrees, lists}, ""},
		{[]string{"256:a", "256:a 512:a", "256:a 512:b"}, 2, conflict, []multirepo.Outcome{lists, disagrees, disagrees}, ""},
		// Two files, and each has enough: whichever group is larger.
		{[]string{"256:a", "256:b"}, 1, conflict, []multirepo.Outcome{disagrees, disagrees}, ""},
		{[]string{"256:a", "256:a", "256:a", "256:b", "256:b"}, 2, conflict, []multirepo.Outcome{disagrees, disagrees, disagrees, disagrees, disagrees}, ""},
		// A minority does not matter, and is named.
		{[]string{"256:b", "256:a", "256:a"}, 2, ok, []multirepo.Outcome{disagrees, agrees, agrees}, "a"},
		{[]string{"", "256:a", "", "256:a"}, 2, ok, []multirepo.Outcome{absent, agrees, absent, agrees}, "a"},
		{[]string{"", "256:a", "", "256:a"}, 3, no, []multirepo.Outcome{absent, lists, absent, lists}, ""},
		// Those who contradict each other, but nobody of those who agree, do
		// not matter.
		{[]string{"256:a", "256:a", "512:b", "512:c"}, 2, ok, []multirepo.Outcome{agrees, agrees, lists, lists}, "a"},
		// Unless nobody is trusted: then it is said who contradicts anybody.
		{[]string{"256:a", "256:a", "256:b", "256:b", "512:c", "512:d"}, 2, conflict, []multirepo.Outcome{disagrees, disagrees, disagrees, disagrees, disagrees, disagrees}, ""},
		// Groups that have nothing in common: the file is held to what both
		// say, so that they may as well mean one file.
		{[]string{"256:a", "256:a", "512:a", "512:a"}, 2, ok, []multirepo.Outcome{agrees, agrees, agrees, agrees}, "a"},
		{[]string{"256:a", "256:a", "512:b", "512:b"}, 2, ok, []multirepo.Outcome{agrees, agrees, agrees, agrees}, ""},
	} {
		t.Run(fmt.Sprintf("%d of %q", c.threshold, c.says), func(t *testing.T) {
			w := newWorld(t)
			var names []string
			for i, says := range c.says {
				name := string(rune('A' + i))
				names = append(names, name)
				repo := w.add(name, plain, nil)
				if says != "" {
					list(repo, says)
				}
			}
			w.add("below", plain, files{"x": "a"})
			w.entry("*", strings.Join(names, ","), c.threshold, false)
			w.entry("*", "below", 1, false)
			target, l, err := w.find("x")
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.verdicts, verdicts(l), texts(l.Trail()))
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

// A hash that the policy adds is strong for the repositories whose policy it
// is.
func TestMoreHashes(t *testing.T) {
	w := newWorld(t)
	policy := verify.Options{Policy: roles.Policy{Hashes: map[string]func() hash.Hash{"sha384": sha512.New384}}}
	for name, o := range map[string]verify.Options{"a": policy, "b": policy, "c": {}} {
		repo := w.add(name, verifytest.Options{Hashes: []string{"sha384"}}, files{"x": "same"})
		w.start[name] = multirepo.Repository{TrustedRoot: repo.TrustedRoot(), Options: o}
	}
	w.entry("*", "a,b,c", 2, false)
	l := w.mustFind("x", "same", "a", "b")
	require.Equal(t, []multirepo.Outcome{agrees, agrees, lists}, verdicts(l))
	target, _, err := w.find("x")
	require.NoError(t, err)
	require.Equal(t, []multirepo.Hash{{Algorithm: "sha384", Digest: target.Hashes[0].Digest}}, target.Hashes)
	w.repos["b"] = w.add("b", verifytest.Options{Hashes: []string{"sha384", "sha256", "sha512"}}, files{"x": "same"})
	w.start["b"] = multirepo.Repository{TrustedRoot: w.repos["b"].TrustedRoot(), Options: verify.Options{Policy: roles.Policy{Hashes: map[string]func() hash.Hash{"sha384": sha512.New384, "sha-2": sha256.New}}}}
	w.repos["b"].Targets().AddTargetInfo("x", 4, map[string]string{"sha384": target.Hashes[0].Digest, "sha-2": digest("sha256", "same"), "sha256": digest("sha256", "same"), "sha512": digest("sha512", "same")})
	w.repos["b"].Publish()
	target, _, err = w.find("x")
	require.NoError(t, err)
	var order []string
	for _, h := range target.Hashes {
		order = append(order, h.Algorithm)
	}
	require.Equal(t, []string{"sha512", "sha256", "sha-2", "sha384"}, order)

	w.start["b"] = multirepo.Repository{TrustedRoot: w.repos["b"].TrustedRoot()}
	w.mustFail("x", multirepo.ErrDisagreement)
}

// The verifier takes a file in pieces, fails at the first byte too many and
// stays so, and reads each digest of the group.
func TestVerifier(t *testing.T) {
	w := newWorld(t)
	list(w.add("a", plain, nil), "256:abc md5:abc length:abc")
	list(w.add("b", plain, nil), "256:abc 512:abc length:abc")
	w.entry("*", "a,b", 2, false)
	target, _, err := w.find("x")
	require.NoError(t, err)
	require.Equal(t, []multirepo.Hash{{"sha512", digest("sha512", "abc")}, {"sha256", digest("sha256", "abc")}}, target.Hashes, "the strong ones")
	v := target.Verifier()
	require.ErrorIs(t, v.Verify(), roles.ErrLength)
	for _, piece := range []string{"a", "", "bc"} {
		n, err := v.Write([]byte(piece))
		require.NoError(t, err)
		require.Equal(t, len(piece), n)
	}
	require.EqualValues(t, 3, v.Written())
	require.NoError(t, v.Verify())
	_, err = v.Write([]byte("d"))
	require.ErrorIs(t, err, roles.ErrLength)
	_, err = v.Write(nil)
	require.ErrorIs(t, err, roles.ErrLength)
	require.ErrorIs(t, v.Verify(), roles.ErrLength)
	var copied strings.Builder
	require.ErrorIs(t, target.Copy(&copied, strings.NewReader("abd")), roles.ErrHash)
	require.Empty(t, copied.String(), "the last bytes are held back until they are known to be right")
}

// One voice: repositories under two names with the same root keys do not agree
// with each other, they repeat each other.
func TestOneVoice(t *testing.T) {
	w := newWorld(t)
	w.add("index", verifytest.Options{Seed: "one"}, files{"x": "evil", "y": "good"})
	w.add("index-mirror", verifytest.Options{Seed: "one"}, files{"x": "evil", "y": "good"})
	w.add("other", plain, files{"y": "good"})
	w.entry("y,x", "index,index-mirror,other", 2, false)
	w.mustFind("y", "good", "index", "index-mirror", "other")
	l := w.mustFail("x", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{lists, lists, absent}, verdicts(l))

	// As alternatives to each other, they are fine.
	w.entries = nil
	w.entry("*", "index,index-mirror", 1, false)
	w.down["index"] = true
	w.mustFind("x", "evil", "index-mirror")

	// A threshold that cannot be reached is an error before anybody is asked;
	// an anchor of another version makes no other voice.
	later := w.repos["index-mirror"]
	later.Touch("root")
	later.Publish()
	w.start["index-mirror"] = multirepo.Repository{TrustedRoot: later.Metadata()["2.root.json"]}
	w.entries = nil
	w.entry("*", "index,index-mirror", 2, false)
	_, err := multirepo.New(w.theMap(), w.start, w.now(), multirepo.Options{})
	require.ErrorIs(t, err, multirepo.ErrMap)
	var voices *multirepo.VoicesError
	require.ErrorAs(t, err, &voices)
	require.Equal(t, multirepo.VoicesError{Entry: 0, Threshold: 2, Voices: 1}, *voices)
}

// One voice, found out later: the anchors have different keys, and their chains
// of roots lead to the same ones.
func TestVoicesOfTheNewestRoots(t *testing.T) {
	w := newWorld(t)
	a, b := w.add("a", plain, files{"x": "same"}), w.add("b", plain, files{"x": "same"})
	w.entry("*", "a,b", 2, false)
	w.mustFind("x", "same", "a", "b")
	b.Rotate("root", 1, b.Key("root"), a.Key("root"))
	b.Publish()
	w.mustFind("x", "same", "a", "b") // some keys in common are not all
	spelled := *a.Key("root")
	spelled.KeyID = "another name"
	b.Rotate("root", 1, &spelled)
	b.Publish()
	l := w.mustFail("x", multirepo.ErrDisagreement)
	require.Equal(t, []multirepo.Outcome{lists, lists}, verdicts(l))
}
