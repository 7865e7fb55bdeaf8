package verify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// G3, K10: many roles delegate to one, each with a key of its own under the
// same ID, and a mirror serves another file of it for each of them. Each lookup
// succeeds. At most 16 of the files that came before are tried for the next
// delegation.
func TestOneFileForEachDelegator(t *testing.T) {
	const n = 60
	repo := verifytest.New(verifytest.Options{})
	keys, delegator := make([]*verifytest.Key, n), make([]string, n)
	for i := range n {
		k := *repo.Key(fmt.Sprint("key ", i))
		k.KeyID, k.KeyType, k.Scheme = "same", testScheme.KeyType, testScheme.Scheme
		keys[i], delegator[i] = &k, fmt.Sprint("d", i)
		shared := delegate(delegate(repo.Targets(), delegator[i], delegator[i]+"/*"), "shared", "*/*", &k)
		shared.AddTarget(delegator[i]+"/x", nil)
	}
	repo.SignWith("shared", keys[0])
	repo.Publish()
	files := map[string][]byte{} // by delegator
	for i := range n {
		repo.SignWith("shared", keys[i])
		repo.SetVersion("shared", 1)
		repo.Edit("shared", func(signed object) { signed["for"] = delegator[i] })
		repo.PublishOnly("shared")
		files[delegator[i]] = fileOf(repo, "shared")
	}
	tried := 0
	s := newSession(t, repo, verify.Stored{}, withScheme(func(metadata.Key) bool { tried++; return true }))
	mirror := func(ctx context.Context, req verify.Request) ([]byte, error) {
		if req.Role == "shared" {
			return files[req.Delegator], nil
		}
		return repo.Metadata().Source()(ctx, req)
	}
	for i := range n {
		before := tried
		l := s.Lookup(delegator[i] + "/x")
		require.NoError(t, s.Run(context.Background(), nil, mirror))
		target, err := l.Target()
		require.NoError(t, err)
		require.Equal(t, "shared", target.Role)
		require.Equal(t, min(i, 16)+1, tried-before, "those from before, and its own")
	}
}
