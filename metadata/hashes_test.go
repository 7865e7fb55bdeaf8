package metadata_test

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

func hashesOf(t *testing.T, object string) metadata.Hashes {
	c := mustDecode[metadata.Timestamp](t, strings.Replace(goodTimestamp, `{"sha256":"AB"}`, object, 1))
	return c.Snapshot().Hashes
}

// R-4.2.6 (F4): at least one hash is supported, and all supported ones
// are checked, with letters in either case.
func TestHashes(t *testing.T) {
	data := []byte("hello")
	s256, s512 := sha256.Sum256(data), sha512.Sum512(data)
	s3 := sha3.Sum256(data)
	good256, good512, good3 := hex.EncodeToString(s256[:]), hex.EncodeToString(s512[:]), hex.EncodeToString(s3[:])
	more := map[string]func() hash.Hash{
		"sha3-256": func() hash.Hash { return sha3.New256() },
		"sha256":   func() hash.Hash { t.Error("a built-in hash cannot be replaced"); return sha512.New() },
	}
	for _, c := range []struct {
		name, object string
		more         map[string]func() hash.Hash
		want         string
	}{
		{"sha256", fmt.Sprintf(`{"sha256":%q}`, good256), more, ""},
		{"sha512", fmt.Sprintf(`{"sha512":%q}`, good512), nil, ""},
		{"both", fmt.Sprintf(`{"sha256":%q,"sha512":%q}`, good256, good512), nil, ""},
		{"upper case", fmt.Sprintf(`{"sha256":%q}`, strings.ToUpper(good256)), nil, ""},
		{"with an unknown one", fmt.Sprintf(`{"blake3":"x","sha256":%q}`, good256), nil, ""},
		{"one of both wrong", fmt.Sprintf(`{"sha256":%q,"sha512":%q}`, good256, good512[:126]+"00"),
			nil, "hash mismatch: want sha512"},
		{"wrong", fmt.Sprintf(`{"sha256":%q}`, good512[:64]), nil, "hash mismatch: want sha256"},
		{"too short", fmt.Sprintf(`{"sha256":%q}`, good256[:62]), nil, "hash mismatch"},
		{"empty digest", `{"sha256":""}`, nil, "hash mismatch"},
		{"not hexadecimal", `{"sha256":"zz"}`, nil, "hash mismatch"},
		{"unknown alone", `{"blake3":"x"}`, nil, `no supported algorithm among ["blake3"]`},
		{"name in another case", fmt.Sprintf(`{"SHA256":%q}`, good256), nil, `no supported algorithm`},
		{"md5 alone", `{"md5":"5d41402abc4b2a76b9719d911017c592"}`, nil, `no supported algorithm`},
		{"none", `{}`, nil, `no supported algorithm among []`},
		{"added", fmt.Sprintf(`{"sha3-256":%q}`, good3), more, ""},
		{"added, wrong", fmt.Sprintf(`{"sha3-256":%q,"sha256":%q}`, good256, good256), more, "want sha3-256"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := func() error {
				checker, err := hashesOf(t, c.object).NewChecker(c.more)
				if err != nil {
					return err
				}
				for i := range data { // in pieces
					_, err := checker.Write(data[i : i+1])
					require.NoError(t, err)
				}
				return checker.Check()
			}()
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, metadata.ErrHash)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := metadata.Hashes{}.NewChecker(nil)
	require.ErrorIs(t, err, metadata.ErrHash)
}
