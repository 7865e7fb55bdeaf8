package verify_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// FuzzVerifier gives a verifier a body in random pieces, under listed lengths
// and hashes that may be right, wrong, unknown or nonsense, and checks each
// answer against a plain recomputation: bytes are taken until there is one too
// many or the last one shows that they are not the file's, and what was refused
// stays refused (R-5.7.2, R-4.4.3, R-4.2.6, F1, F3, F4).
func FuzzVerifier(f *testing.F) {
	for _, name := range []string{"", "sha256", "sha512", "SHA256", "blake3"} {
		f.Add([]byte("hello, world"), int8(0), byte(1), []byte{3, 0, 200}, name, "")
		f.Add([]byte("hello"), int8(-1), byte(7), []byte{1}, name, strings.Repeat("00", 32))
		f.Add([]byte("hello"), int8(1), byte(3), []byte{}, name, "zz")
		f.Add([]byte{}, int8(0), byte(9), []byte{0, 0}, name, "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824")
		f.Add([]byte("hello"), int8(0), byte(0), []byte{5}, name, "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824")
	}
	f.Add([]byte("hello, world"), int8(-7), byte(9), []byte{5, 7}, "", "") // wrong, and then too long
	f.Fuzz(func(t *testing.T, body []byte, more int8, listed byte, sizes []byte, name, digest string) {
		length := int64(len(body)) + int64(more)
		if length < 0 || len(body) > 1024 || // what DataErrReader hands over at once
			!utf8.ValidString(name) || !utf8.ValidString(digest) {
			return // no file lists that, or not in one piece
		}
		hashes := hashesOf(body, listed)
		hashes[name] = digest
		target := &verify.Target{Path: "a", Length: length, Hashes: listHashes(t, hashes)}
		pieces := inPieces(len(body), sizes)
		require.Equal(t, verdictOf(body, length, hashes, pieces), feed(t, target.Verifier(), body, pieces))
		for _, c := range []struct {
			pieces []int
			reader io.Reader
		}{
			{inPieces(len(body), nil), bytes.NewReader(body)},
			{inPieces(len(body), bytes.Repeat([]byte{1}, len(body))), iotest.OneByteReader(bytes.NewReader(body))},
			{inPieces(len(body), nil), iotest.DataErrReader(bytes.NewReader(body))},
		} {
			var out bytes.Buffer
			want, err := verdictOf(body, length, hashes, c.pieces), target.Copy(&out, c.reader)
			require.ErrorIs(t, err, want)
			if want == nil {
				require.Equal(t, string(body), out.String())
				continue
			}
			require.True(t, bytes.HasPrefix(body, out.Bytes()))
			require.True(t, want == roles.ErrLength || length == 0 || int64(out.Len()) < length, "a wrong file never becomes whole")
		}
	})
}

// inPieces cuts so many bytes into pieces of the given sizes, and the rest.
func inPieces(size int, sizes []byte) (pieces []int) {
	for _, n := range sizes {
		pieces = append(pieces, min(int(n), size))
		size -= pieces[len(pieces)-1]
	}
	if size > 0 {
		pieces = append(pieces, size)
	}
	return pieces
}

// hashesOf lists the digests of a body: by the bits of a byte sha256, sha512,
// in upper case, of another body.
func hashesOf(body []byte, listed byte) map[string]any {
	if listed&8 != 0 {
		body = append(bytes.Clone(body), 'x')
	}
	a, b := sha256.Sum256(body), sha512.Sum512(body)
	hashes := map[string]any{}
	for bit, h := range map[byte][2]string{1: {"sha256", hex.EncodeToString(a[:])}, 2: {"sha512", hex.EncodeToString(b[:])}} {
		if listed&4 != 0 {
			h[1] = strings.ToUpper(h[1])
		}
		if listed&bit != 0 {
			hashes[h[0]] = h[1]
		}
	}
	return hashes
}

// listHashes makes a targets file list them.
func listHashes(t *testing.T, hashes map[string]any) metadata.Hashes {
	signed := map[string]any{
		"_type": "targets", "spec_version": "1.0", "version": int64(1), "expires": "2030-01-02T00:00:00Z",
		"targets": map[string]any{"a": map[string]any{"length": int64(0), "hashes": hashes}},
	}
	env, err := metadata.Parse[metadata.Targets](verifytest.Encode(map[string]any{"signed": signed, "signatures": []any{}}, ""), metadata.Options{})
	require.NoError(t, err)
	content, err := env.Unverified()
	require.NoError(t, err)
	info, ok := content.File("a")
	require.True(t, ok)
	return info.Hashes
}

// verdictOf says what the error wraps for a body that is written in pieces, or
// nil.
func verdictOf(body []byte, length int64, hashes map[string]any, pieces []int) error {
	written := int64(0)
	for _, n := range pieces {
		switch written += int64(n); {
		case n > 0 && written > length && known(hashes):
			return roles.ErrLength
		case n > 0 && written == length && !right(body[:length], hashes):
			return roles.ErrHash
		}
	}
	switch {
	case !known(hashes):
		return roles.ErrHash
	case written < length:
		return roles.ErrLength
	case !right(body[:length], hashes):
		return roles.ErrHash
	}
	return nil
}

func known(hashes map[string]any) bool { return hashes["sha256"] != nil || hashes["sha512"] != nil }

// right says whether all hashes that are known are those of the file.
func right(file []byte, hashes map[string]any) bool {
	a, b := sha256.Sum256(file), sha512.Sum512(file)
	for name, sum := range map[string][]byte{"sha256": a[:], "sha512": b[:]} {
		if digest, ok := hashes[name].(string); ok {
			if d, err := hex.DecodeString(digest); err != nil || !bytes.Equal(d, sum) {
				return false
			}
		}
	}
	return known(hashes)
}

// feed writes a body in pieces, and returns what the verdict wraps.
func feed(t *testing.T, v *verify.Verifier, body []byte, pieces []int) error {
	var failed error
	for _, n := range pieces {
		before := v.Written()
		written, err := v.Write(body[:n])
		body = body[n:]
		switch {
		case failed != nil:
			require.Equal(t, failed, err, "for ever")
		case err != nil:
			require.Zero(t, written)
			failed = err
		default:
			require.Equal(t, n, written)
			require.Equal(t, before+int64(n), v.Written())
		}
	}
	err := v.Verify()
	require.True(t, failed == nil || failed == err, "for ever")
	require.Equal(t, err, v.Verify(), "it may be asked again")
	for _, sentinel := range []error{roles.ErrLength, roles.ErrHash} {
		if errors.Is(err, sentinel) {
			return sentinel
		}
	}
	return err
}
