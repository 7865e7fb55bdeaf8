package verify_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// readers deliver the same bytes in different pieces.
var readers = map[string]func(io.Reader) io.Reader{
	"whole":         func(r io.Reader) io.Reader { return r },
	"byte by byte":  iotest.OneByteReader,
	"in halves":     iotest.HalfReader,
	"data with EOF": iotest.DataErrReader,
}

// R-5.7.2 (F1, F3, F4): a download is right as a whole, or not at all
// (docs/decisions.md, "Targets do not pass through the session").
func TestCopy(t *testing.T) {
	content := []byte(strings.Repeat("0123456789", 1000))
	target := targetOf(t, "a", content, verifytest.Options{Hashes: []string{"sha256", "sha512"}})
	wrong, wrongLast := bytes.Clone(content), bytes.Clone(content)
	wrong[5000] ^= 1
	wrongLast[len(wrongLast)-1] ^= 1
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"right", content, nil},
		{"short", content[:9999], roles.ErrLength},
		{"empty", nil, roles.ErrLength},
		{"long", append(bytes.Clone(content), 0), roles.ErrLength},
		{"wrong", wrong, roles.ErrHash},
		{"wrong at the end", wrongLast, roles.ErrHash},
		{"an error page", []byte("<html>not found"), roles.ErrLength},
	} {
		for name, reader := range readers {
			var got bytes.Buffer
			err := target.Copy(&got, reader(bytes.NewReader(c.data)))
			if c.want == nil {
				require.NoError(t, err, name)
				require.True(t, bytes.Equal(content, got.Bytes()))
				continue
			}
			require.ErrorIs(t, err, c.want, "%s, %s", c.name, name)
			require.ErrorContains(t, err, "a: ")
			if c.name != "long" { // there the first bytes may be the right file
				require.Less(t, got.Len(), len(content), "a wrong file is never written whole")
			}
		}
	}
	broken := errors.New("broken pipe")
	require.ErrorIs(t, target.Copy(io.Discard, iotest.ErrReader(broken)), broken)
	require.ErrorIs(t, target.Copy(brokenWriter{broken}, bytes.NewReader(content)), broken)
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// A download that is too short is not the target, although no byte of it was
// wrong.
func TestShortDownload(t *testing.T) {
	target := newClient(t, small()).mustFind("top")
	v := target.Verifier()
	_, err := v.Write([]byte("hell"))
	require.NoError(t, err, "nothing is wrong so far")
	require.ErrorIs(t, v.Verify(), roles.ErrLength, "and it is not whole")
	require.ErrorIs(t, target.Copy(&bytes.Buffer{}, strings.NewReader("hell")), roles.ErrLength)
	require.NoError(t, target.Copy(&bytes.Buffer{}, strings.NewReader("hello")))
}

// endless counts the bytes that are read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

// F1: Copy stops to read an endless body at the first byte too many, or soon
// after.
func TestEndlessBody(t *testing.T) {
	target := targetOf(t, "a", make([]byte, 100_000), verifytest.Options{})
	body := new(endless)
	require.ErrorIs(t, target.Copy(io.Discard, body), roles.ErrLength)
	require.LessOrEqual(t, body.read, 100_000+64*1024)
}

func TestVerifier(t *testing.T) {
	target := targetOf(t, "a", []byte("hello"), verifytest.Options{})
	v := target.Verifier()
	for i, c := range "hello" {
		require.ErrorIs(t, v.Verify(), roles.ErrLength, "not before the end")
		n, err := v.Write([]byte{byte(c)})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.EqualValues(t, i+1, v.Written())
	}
	require.NoError(t, v.Verify())
	n, err := v.Write(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, v.Verify(), "it may be called again")
	_, err = v.Write([]byte("x"))
	require.ErrorIs(t, err, roles.ErrLength)
	require.ErrorIs(t, v.Verify(), roles.ErrLength, "a byte too many is not forgotten")

	v = target.Verifier()
	_, err = v.Write([]byte("hell"))
	require.NoError(t, err)
	_, err = v.Write([]byte("!"))
	require.ErrorIs(t, err, roles.ErrHash, "with the last byte")
	_, err = v.Write(nil)
	require.ErrorIs(t, err, roles.ErrHash, "from then on")
	require.ErrorIs(t, v.Verify(), roles.ErrHash)
}

// The hashes of an empty file are checked too, and a target without a known
// hash is never accepted.
func TestVerifierChecksEveryHash(t *testing.T) {
	v := targetOf(t, "empty", nil, verifytest.Options{}).Verifier()
	require.NoError(t, v.Verify())
	repo := verifytest.New(verifytest.Options{})
	wrong := map[string]string{"sha256": strings.Repeat("00", 32)}
	repo.Targets().AddTargetInfo("empty", 0, wrong)
	repo.Targets().AddTargetInfo("odd", 5, map[string]string{"blake3": "00"})
	repo.Publish()
	c := newClient(t, repo)
	require.ErrorIs(t, c.mustFind("empty").Verifier().Verify(), roles.ErrHash)
	odd := c.mustFind("odd")
	_, err := odd.Verifier().Write([]byte("hello"))
	require.ErrorIs(t, err, roles.ErrHash)
	err = odd.Copy(io.Discard, strings.NewReader("hello"))
	require.ErrorContains(t, err, `no supported algorithm among ["blake3"]`)
}

// The zero values accept nothing, not even an empty file.
func TestZeroTarget(t *testing.T) {
	require.Error(t, new(verify.Verifier).Verify())
	_, err := new(verify.Verifier).Write(nil)
	require.ErrorIs(t, err, roles.ErrUntrusted)
	require.Error(t, new(verify.Target).Verifier().Verify())
	require.Error(t, new(verify.Target).Copy(io.Discard, strings.NewReader("")))
	_, err = new(verify.Target).URLPaths()
	require.ErrorIs(t, err, verify.ErrPath)
}

// Memory does not depend on the size of the target.
func TestVerifierAllocatesNothingPerByte(t *testing.T) {
	const chunk = 1 << 16
	target := targetOf(t, "a", make([]byte, 64*chunk), verifytest.Options{})
	v, p := target.Verifier(), make([]byte, chunk)
	require.Zero(t, testing.AllocsPerRun(50, func() {
		if _, err := v.Write(p); err != nil {
			t.Error(err)
		}
	}))
}

// helloHash is the SHA-256 of "hello".
const helloHash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

var (
	// safePaths are target paths, with a * where the digest goes in the URL.
	safePaths = map[string]string{
		"b.txt":        "*.b.txt",
		"a/b.txt":      "a/*.b.txt",
		"a/":           "a/*.",
		"a//b":         "a//*.b",
		"...":          "*....",
		"a b/c?d#e%2f": "a%20b/*.c%3Fd%23e%252f",
		"é/🍺":          "%C3%A9/*.%F0%9F%8D%BA",
		"http://x/y":   "http%3A//x/*.y",
	}
	// unsafePaths are target paths that make no safe URL, and why.
	unsafePaths = map[string]string{
		"":                 "is empty",
		"/a":               "begins with a slash",
		"//evil.example/a": "begins with a slash",
		"../a":             "segment of dots",
		"a/../b":           "segment of dots",
		"..":               "segment of dots",
		"a/..":             "segment of dots",
		".":                "segment of dots",
		"a/./b":            "segment of dots",
		`..\a`:             "backslash",
		"a\nb":             "control character",
		"a\x7f":            "control character",
		"\x00":             "control character",
	}
)

// R-6.2.1 (F6, G16, D9): the paths at which
// a mirror has a target.
func TestURLPaths(t *testing.T) {
	hello := func(path string, o verifytest.Options) *verify.Target {
		return targetOf(t, path, []byte("hello"), o)
	}
	withoutDigest := verifytest.Options{NoConsistentSnapshot: true}
	for path, want := range safePaths {
		target := hello(path, verifytest.Options{})
		got, err := target.URLPaths()
		require.NoError(t, err)
		require.Equal(t, []string{strings.Replace(want, "*", helloHash, 1)}, got, path)
		plain, err := target.PlainURLPath()
		require.NoError(t, err)
		require.Equal(t, strings.Replace(want, "*.", "", 1), plain)
		got, err = hello(path, withoutDigest).URLPaths()
		require.NoError(t, err)
		require.Equal(t, []string{plain}, got)
	}
	for path, want := range unsafePaths {
		for _, o := range []verifytest.Options{{}, withoutDigest} {
			target := hello(path, o)
			paths, err := target.URLPaths()
			require.ErrorIs(t, err, verify.ErrPath, "%q", path)
			require.ErrorContains(t, err, want)
			require.Empty(t, strings.Join(paths, ""))
			_, err = target.PlainURLPath()
			require.ErrorIs(t, err, verify.ErrPath)
			require.Equal(t, path, target.Path, "a caller can still read it")
			require.NoError(t, target.Copy(io.Discard, strings.NewReader("hello")))
		}
	}
	several := verifytest.Options{Hashes: []string{"sha256", "sha512", "sha384"}}
	all, err := hello("a", several).URLPaths()
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Len(t, all[0], 128+2, "the strongest first")
	require.Equal(t, helloHash+".a", all[1], "digests are written as they are listed")
}

//
func TestCustom(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("a", []byte("hello"))
	repo.Targets().SetCustom("a", object{"deep": object{"newline": "\n"}})
	repo.Targets().AddTarget("b", []byte("hello"))
	repo.Publish()
	c := newClient(t, repo)
	custom, ok := c.mustFind("a").Custom()
	require.True(t, ok)
	require.JSONEq(t, `{"deep":{"newline":"\n"}}`, string(custom))
	_, ok = c.mustFind("b").Custom()
	require.False(t, ok)
}
