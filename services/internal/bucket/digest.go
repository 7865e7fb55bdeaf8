package bucket

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// ErrDigest is returned (wrapped) for a digest that is none of sha256 or
// sha512, in lower-case hexadecimal, and for a length below zero.
var ErrDigest = errors.New("impossible digest")

var algorithms = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}

// wanted is which file is wanted.
type wanted struct {
	multirepo.Hash
	length int64
}

func newWanted(digest multirepo.Hash, length int64) (wanted, error) {
	w := wanted{digest, length}
	newHash := algorithms[digest.Algorithm]
	if newHash == nil || length < 0 || len(digest.Digest) != 2*newHash().Size() || !isLowerHex(digest.Digest) {
		return w, fmt.Errorf("%w: %s %s, %d bytes", ErrDigest,
			metadata.Printable(digest.Algorithm), metadata.Printable(digest.Digest), length)
	}
	return w, nil
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

const filesPrefix = "files/"

// key is that of the object.
func (w wanted) key() string {
	return filesPrefix + w.Algorithm + "/" + w.Digest[:2] + "/" + w.Digest
}

// DamagedError says that a file in the bucket, or one that was filled, is not
// the one with its digest.
type DamagedError struct {
	// Key is that of the object.
	Key string
	// Expected and Found are the digest, or the length in bytes.
	Expected, Found string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged: expected %s, found %s", e.Key, e.Expected, e.Found)
}

// copyChecked copies a body, and compares its length and digest.
func (w wanted) copyChecked(dst io.Writer, src io.Reader) error {
	h := algorithms[w.Algorithm]()
	n, err := io.Copy(io.MultiWriter(h, dst), io.LimitReader(src, w.length+1))
	if err != nil {
		return err
	}
	if err := w.checkLength(n); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != w.Digest {
		return &DamagedError{w.key(), w.Algorithm + " " + w.Digest, sum}
	}
	return nil
}

func (w wanted) checkLength(n int64) error {
	if n == w.length {
		return nil
	}
	return &DamagedError{w.key(), fmt.Sprintf("%d bytes", w.length), fmt.Sprint(n)}
}
