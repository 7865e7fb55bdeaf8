package roles_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// K16: nobody decodes the keys of a root that the keys of the trusted root have
// not signed, neither this package nor a scheme of the caller's.
func TestKeysThatNobodySignedAreNotDecoded(t *testing.T) {
	r := newRepository(t)
	decoded := 0
	r.policy.Schemes = map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "future", Scheme: "1"}: func(metadata.Key) (roles.SignatureVerifier, []byte, error) {
			decoded++
			return nil, nil, errors.New("unusable")
		},
	}
	old := r.mustInitialRoot()
	r.Rotate("root", 1, r.futureKey("mirror", nil))
	r.SignWith("root", r.Key("mirror"))
	r.PublishOnly("root")
	_, err := r.nextRoot(old)
	require.ErrorIs(t, err, roles.ErrThreshold)
	require.Zero(t, decoded)
	r.Rotate("root", 1, r.Keys("root")...)
	r.PublishOnly("root")
	_, _ = r.initialRoot()
	require.NotZero(t, decoded, "it would be")
}

// K16: white space around a key may be as long as a file. A memory of keys does
// not keep it.
func TestRememberedKeysAreSmall(t *testing.T) {
	const size, n = 1 << 20, 32
	public := verifytest.NewKey("ecdsa-sha2-nistp256", "k").Public
	policy := roles.Policy{}.Remembering()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range n {
		key := metadata.Key{
			ID: "a", Type: "ecdsa", Scheme: "ecdsa-sha2-nistp256", Public: public + strings.Repeat(" ", size+i),
		}
		_, err := policy.Material(key)
		require.NoError(t, err, "it is a good key")
	}
	require.Less(t, heap()-before, int64(size), "and not %d times as much", n)
	runtime.KeepAlive(policy)
}
