package multirepo_test

import (
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Custom data and URL paths are each repository's own.
func TestAttestations(t *testing.T) {
	w := newWorld(t)
	for name, o := range map[string]verifytest.Options{
		"a": {Hashes: []string{"sha256"}},
		"b": {Hashes: []string{"sha256", "sha512"}, NoConsistentSnapshot: true},
		"c": {Hashes: []string{"sha256"}},
	} {
		repo := w.add(name, o, files{"dir/x": "same"})
		if name != "c" {
			repo.Targets().SetCustom("dir/x", map[string]any{"from": name})
		}
	}
	w.repos["a"].SetLifetime(metadata.RoleTimestamp, 3*time.Hour)
	w.repos["b"].SetLifetime(metadata.RoleTimestamp, 2*time.Hour)
	w.repos["c"].SetLifetime(metadata.RoleTimestamp, 1*time.Hour)
	for _, repo := range w.repos {
		repo.Publish()
	}
	w.entry("dir/*", "b,c,a", 2, true)
	w.mustFind("dir/x", "same", "b", "c", "a")
	target, _, err := w.find("dir/x")
	require.NoError(t, err)
	require.EqualValues(t, 4, target.Length)
	require.Len(t, target.Hashes, 1, "two of three list no other")
	require.Equal(t, "sha256", target.Hashes[0].Algorithm)
	require.Equal(t, w.repos["a"].Now().Add(time.Hour), target.Expires, "the first of all to expire")
	for _, a := range target.Attestations {
		custom, ok := a.Custom()
		require.Equal(t, a.Repository != "c", ok)
		if ok {
			require.JSONEq(t, `{"from":"`+a.Repository+`"}`, string(custom))
		}
		paths, err := a.URLPaths()
		require.NoError(t, err)
		plainPath, err := a.PlainURLPath()
		require.NoError(t, err)
		require.Equal(t, "dir/x", plainPath)
		if a.Repository == "b" {
			require.Equal(t, []string{"dir/x"}, paths)
		}
		require.Contains(t, w.repos[a.Repository].TargetFiles(), paths[0])
		require.Equal(t, metadata.RoleTargets, a.Role)
	}
}

// A verifier accepts a file in pieces, checks each digest that is listed, and
// fails from the first byte too many on.
func TestVerifier(t *testing.T) {
	w := newWorld(t)
	list(w.add("a", plain, nil), "256:abc md5:abc length:abc")
	list(w.add("b", plain, nil), "256:abc 512:abc length:abc")
	w.entry("*", "a,b", 2, false)
	target, _, err := w.find("x")
	require.NoError(t, err)
	require.Equal(t, []multirepo.Hash{
		{Algorithm: "sha512", Digest: digest("sha512", "abc")},
		{Algorithm: "sha256", Digest: digest("sha256", "abc")},
	}, target.Hashes, "the strong ones")
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
	require.Empty(t, copied.String(), "the last bytes are held back until they are verified")
	require.NoError(t, target.Check([]byte("abc")))
	require.ErrorIs(t, target.Check([]byte("abd")), roles.ErrHash)
	require.ErrorIs(t, target.Check([]byte("ab")), roles.ErrLength)
	require.ErrorIs(t, target.Check(nil), roles.ErrLength)
}

// The zero values accept nothing.
func TestZeroValues(t *testing.T) {
	var target multirepo.Target
	require.ErrorIs(t, target.Copy(new(strings.Builder), strings.NewReader("")), roles.ErrUntrusted)
	require.ErrorIs(t, target.Copy(new(strings.Builder), strings.NewReader("x")), roles.ErrUntrusted)
	require.ErrorIs(t, target.Check(nil), roles.ErrUntrusted)
	var v multirepo.Verifier
	_, err := v.Write(nil)
	require.ErrorIs(t, err, roles.ErrUntrusted)
	require.ErrorIs(t, v.Verify(), roles.ErrUntrusted)
	require.ErrorIs(t, new(multirepo.Verifier).Verify(), roles.ErrUntrusted)
	var attestation multirepo.Attestation
	_, err = attestation.URLPaths()
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, err = attestation.PlainURLPath()
	require.ErrorIs(t, err, roles.ErrUntrusted)
	_, ok := attestation.Custom()
	require.False(t, ok)
}

// D17: the file must satisfy a threshold of repositories, and need not satisfy
// one that adds junk to the right hash. A file that satisfies too few is not
// accepted, and not later either.
func TestFileMustSatisfyAThreshold(t *testing.T) {
	target := agreedTarget(t, 2, "256:a", "256:a", "256:a 512:b")
	require.Len(t, target.Hashes, 1)
	require.Len(t, target.Attestations, 3)
	v := target.Verifier()
	_, err := v.Write([]byte("a"))
	require.NoError(t, err)
	require.NoError(t, v.Verify())
	for threshold, listings := range map[int][]string{
		2: {"256:a", "256:a 512:b", "256:a 512:b"},
		3: {"256:a", "256:a", "256:a 512:b"},
	} {
		target := agreedTarget(t, threshold, listings...)
		for _, content := range []string{"a", "b"} {
			v := target.Verifier()
			for range 2 {
				n, err := v.Write([]byte(content))
				require.ErrorIs(t, err, roles.ErrHash, content)
				require.Zero(t, n)
				require.ErrorIs(t, v.Verify(), roles.ErrHash, content)
				require.Zero(t, v.Written())
			}
			var copied strings.Builder
			require.ErrorIs(t, target.Copy(&copied, strings.NewReader(content)), roles.ErrHash, content)
			require.Empty(t, copied.String())
		}
	}
}

// An empty file has no last byte with which a wrong hash could be found, so
// each group's hashes are checked at the end.
func TestEmptyFile(t *testing.T) {
	for _, c := range []struct {
		one, other string
		want       error
	}{
		{"256: length:", "256: 512: length:", nil},
		{"256: length:", "256: 512:b length:", roles.ErrHash},
		{"512:a length:", "512:a 256: length:", roles.ErrHash},
	} {
		target := agreedTarget(t, 2, c.one, c.other)
		require.Zero(t, target.Length)
		require.ErrorIs(t, target.Verifier().Verify(), c.want, "%q, %q", c.one, c.other)
		require.ErrorIs(t, target.Copy(io.Discard, strings.NewReader("")), c.want, "%q, %q", c.one, c.other)
		require.ErrorIs(t, target.Copy(io.Discard, strings.NewReader("x")), roles.ErrLength)
	}
}

// The right bytes are not enough: Copy returns the errors of the writer and of
// the reader.
func TestCopyPassesErrorsOn(t *testing.T) {
	target := agreedTarget(t, 1, "256:a")
	broken := errors.New("broken")
	require.NoError(t, target.Copy(io.Discard, strings.NewReader("a")))
	require.ErrorIs(t, target.Copy(fullDisk{broken}, strings.NewReader("a")), broken)
	require.ErrorIs(t, target.Copy(io.Discard, io.MultiReader(strings.NewReader("a"), iotest.ErrReader(broken))), broken)
}

// The file is hashed once for all repositories that list the same.
func TestFilesAreHashedOnce(t *testing.T) {
	made := 0
	sha384 := func() hash.Hash { made++; return sha512.New384() }
	policy := roles.Policy{Hashes: map[string]func() hash.Hash{"sha384": sha384}}
	sum := sha512.Sum384([]byte("a"))
	w := newWorld(t)
	for name, hashes := range map[string]map[string]string{
		"a": {"sha384": hex.EncodeToString(sum[:])},
		"b": {"sha384": hex.EncodeToString(sum[:]), "sha256": digest("sha256", "a")},
		"c": {"sha384": hex.EncodeToString(sum[:])},
		"d": {"sha384": hex.EncodeToString(sum[:])},
	} {
		repo := w.add(name, plain, nil)
		repo.Targets().AddTargetInfo("x", 1, hashes)
		repo.Publish()
	}
	w.setOptions(verify.Options{Policy: policy})
	w.entry("*", "a,b,c,d", 3, true)
	w.mustFind("x", "a", "a", "b", "c", "d")
	target, _, err := w.find("x")
	require.NoError(t, err)
	made = 0
	require.NoError(t, target.Copy(io.Discard, strings.NewReader("a")))
	require.Equal(t, 2, made)
}
