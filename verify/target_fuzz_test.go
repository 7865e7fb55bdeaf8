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

// FuzzVerifier writes a body to a verifier in random pieces. Listed lengths and
// hashes may be right, wrong, unknown or nonsense. Each answer is compared with
// a plain computation: bytes are accepted until there is one too many, or until
// the last one shows that they are not the file's. After an error all answers
// are that error (R-5.7.2, R-4.4.3, R-4.2.6, F1, F3, F4).
func FuzzVerifier(f *testing.F) {
	const ofHello = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
	for _, name := range []string{"", "sha256", "sha512", "SHA256", "blake3"} {
		f.Add([]byte("hello, world"), int8(0), byte(1), []byte{3, 0, 200}, name, "")
		f.Add([]byte("hello"), int8(-1), byte(7), []byte{1}, name, strings.Repeat("00", 32))
		f.Add([]byte("hello"), int8(1), byte(3), []byte{}, name, "zz")
		f.Add([]byte{}, int8(0), byte(9), []byte{0, 0}, name, ofHello)
		f.Add([]byte("hello"), int8(0), byte(0), []byte{5}, name, ofHello)
	}
	// Wrong, and then too long.
	f.Add([]byte("hello, world"), int8(-7), byte(9), []byte{5, 7}, "", "")
	f.Fuzz(func(t *testing.T, body []byte, more int8, listed byte, sizes []byte, name, digest string) {
		length := int64(len(body)) + int64(more)
		if length < 0 || len(body) > 1024 || // DataErrReader returns no more at once
			!utf8.ValidString(name) || !utf8.ValidString(digest) { // no file can list that
			return
		}
		hashes := hashesOf(body, listed)
		hashes[name] = digest
		target := &verify.Target{Path: "a", Length: length, Hashes: listHashes(t, hashes)}
		pieces := inPieces(len(body), sizes)
		want := wantError(body, length, hashes, pieces)
		require.Equal(t, want, feed(t, target.Verifier(), body, pieces))
		whole, single := inPieces(len(body), nil), inPieces(len(body), bytes.Repeat([]byte{1}, len(body)))
		checkCopy(t, target, body, hashes, whole, bytes.NewReader(body))
		checkCopy(t, target, body, hashes, single, iotest.OneByteReader(bytes.NewReader(body)))
		checkCopy(t, target, body, hashes, whole, iotest.DataErrReader(bytes.NewReader(body)))
	})
}

// checkCopy checks what Copy returns and writes for a body that comes in those
// pieces.
func checkCopy(
	t *testing.T, target *verify.Target, body []byte, hashes object, pieces []int, reader io.Reader,
) {
	var out bytes.Buffer
	want, err := wantError(body, target.Length, hashes, pieces), target.Copy(&out, reader)
	require.ErrorIs(t, err, want)
	if want == nil {
		require.Equal(t, string(body), out.String())
		return
	}
	require.True(t, bytes.HasPrefix(body, out.Bytes()))
	whole := int64(out.Len()) >= target.Length
	require.True(t, want == roles.ErrLength || target.Length == 0 || !whole,
		"a wrong file is never written whole")
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

// hashesOf lists the digests of a body. The bits of listed are for sha256,
// sha512, digests in upper case, and digests of another body.
func hashesOf(body []byte, listed byte) object {
	if listed&8 != 0 {
		body = append(bytes.Clone(body), 'x')
	}
	a, b := sha256.Sum256(body), sha512.Sum512(body)
	list := [2][2]string{{"sha256", hex.EncodeToString(a[:])}, {"sha512", hex.EncodeToString(b[:])}}
	hashes := object{}
	for i, h := range list {
		if listed&4 != 0 {
			h[1] = strings.ToUpper(h[1])
		}
		if listed&(1<<i) != 0 {
			hashes[h[0]] = h[1]
		}
	}
	return hashes
}

// listHashes has a targets file list hashes, and returns them as read from it.
func listHashes(t *testing.T, hashes object) metadata.Hashes {
	file := verifytest.Encode(verifytest.Sign(object{
		"_type":        "targets",
		"spec_version": "1.0",
		"version":      int64(1),
		"expires":      "2030-01-02T00:00:00Z",
		"targets":      object{"a": object{"length": int64(0), "hashes": hashes}},
	}), "")
	env, err := metadata.Parse[metadata.Targets](file, metadata.Options{})
	require.NoError(t, err)
	content, err := env.Unverified()
	require.NoError(t, err)
	info, ok := content.File("a")
	require.True(t, ok)
	return info.Hashes
}

// wantError returns what the error must wrap for a body that is written in
// pieces, or nil.
func wantError(body []byte, length int64, hashes object, pieces []int) error {
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

func known(hashes object) bool { return hashes["sha256"] != nil || hashes["sha512"] != nil }

// right says whether all hashes that are known are those of the file.
func right(file []byte, hashes object) bool {
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

// feed writes a body in pieces, and returns what the error of Verify wraps.
func feed(t *testing.T, v *verify.Verifier, body []byte, pieces []int) error {
	var failed error
	for _, n := range pieces {
		before := v.Written()
		written, err := v.Write(body[:n])
		body = body[n:]
		switch {
		case failed != nil:
			require.Equal(t, failed, err, "the same from then on")
		case err != nil:
			require.Zero(t, written)
			failed = err
		default:
			require.Equal(t, n, written)
			require.Equal(t, before+int64(n), v.Written())
		}
	}
	err := v.Verify()
	require.True(t, failed == nil || failed == err, "the same from then on")
	require.Equal(t, err, v.Verify(), "it may be called again")
	for _, sentinel := range []error{roles.ErrLength, roles.ErrHash} {
		if errors.Is(err, sentinel) {
			return sentinel
		}
	}
	return err
}
