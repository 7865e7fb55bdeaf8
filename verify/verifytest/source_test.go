package verifytest_test

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestSource(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	r.Targets().Delegate(verifytest.Delegation{Name: "../a b"})
	r.Publish()
	source := r.Metadata().Source()

	data, err := source(t.Context(), verify.Request{Path: "1...%2Fa%20b.json", MaxBytes: 1})
	require.NoError(t, err)
	require.Equal(t, r.Metadata()[r.FileName("../a b")], data)
	data[0] = 'x'
	require.Equal(t, byte('{'), r.Metadata()[r.FileName("../a b")][0])

	_, err = source(t.Context(), verify.Request{Path: "2.root.json"})
	require.ErrorIs(t, err, verify.ErrNotAtSource)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, "verifytest: 2.root.json: not found at the source")

	r.Metadata()["2.root.json"] = []byte("junk")
	data, err = source(t.Context(), verify.Request{Path: "2.root.json"})
	require.NoError(t, err)
	require.Equal(t, "junk", string(data))
}
