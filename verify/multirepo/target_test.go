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

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// twoGroups returns the target of two groups that have no hash in common: the
// file has to be what both say.
func twoGroups(t *testing.T, one, other string) *multirepo.Target {
	t.Helper()
	w := newWorld(t)
	for name, says := range map[string]string{"a": one, "b": one, "c": other, "d": other} {
		list(w.add(name, plain, nil), says)
	}
	w.entry("*", "a,b,c,d", 2, false)
	target, _, err := w.find("x")
	require.NoError(t, err)
	return target
}

// Bridge between two files: what is right for one group and wrong for the other
// does not get through, whichever of them is asked first, and not later either.
func TestRightForOneGroup(t *testing.T) {
	target := twoGroups(t, "256:a", "512:b")
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

// A file of no bytes has no last byte with which a hash could be found wrong:
// each group is asked at the end.
func TestEmptyFile(t *testing.T) {
	for _, c := range []struct {
		one, other string
		want       error
	}{
		{"256: length:", "512: length:", nil},
		{"256: length:", "512:b length:", roles.ErrHash},
		{"256:a length:", "512: length:", roles.ErrHash},
	} {
		target := twoGroups(t, c.one, c.other)
		require.Zero(t, target.Length)
		require.ErrorIs(t, target.Verifier().Verify(), c.want, "%q, %q", c.one, c.other)
		require.ErrorIs(t, target.Copy(io.Discard, strings.NewReader("")), c.want, "%q, %q", c.one, c.other)
		require.ErrorIs(t, target.Copy(io.Discard, strings.NewReader("x")), roles.ErrLength)
	}
}

type fullDisk struct{ err error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.err }

// The right bytes are not enough: they have to arrive, and there must be no
// doubt that they are all.
func TestCopyPassesErrorsOn(t *testing.T) {
	target := twoGroups(t, "256:a", "512:a")
	broken := errors.New("broken")
	require.NoError(t, target.Copy(io.Discard, strings.NewReader("a")))
	require.ErrorIs(t, target.Copy(fullDisk{broken}, strings.NewReader("a")), broken)
	require.ErrorIs(t, target.Copy(io.Discard, io.MultiReader(strings.NewReader("a"), iotest.ErrReader(broken))), broken)
}

// Where one repository says all that the others do, the file is hashed for that
// one alone, wherever it stands.
func TestFilesAreHashedOnce(t *testing.T) {
	made := 0
	policy := roles.Policy{Hashes: map[string]func() hash.Hash{"sha384": func() hash.Hash { made++; return sha512.New384() }}}
	sum := sha512.Sum384([]byte("a"))
	w := newWorld(t)
	for name, says := range map[string]map[string]string{
		"a": {"sha384": hex.EncodeToString(sum[:])},
		"b": {"sha384": hex.EncodeToString(sum[:]), "sha256": digest("sha256", "a")},
		"c": {"sha384": hex.EncodeToString(sum[:])},
	} {
		repo := w.add(name, plain, nil)
		repo.Targets().AddTargetInfo("x", 1, says)
		repo.Publish()
		w.start[name] = multirepo.Repository{TrustedRoot: repo.TrustedRoot(), Options: verify.Options{Policy: policy}}
	}
	w.entry("*", "a,b,c", 3, true)
	w.mustFind("x", "a", "a", "b", "c")
	target, _, err := w.find("x")
	require.NoError(t, err)
	made = 0
	require.NoError(t, target.Copy(io.Discard, strings.NewReader("a")))
	require.Equal(t, 1, made)
}
