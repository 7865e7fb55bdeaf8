package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFloor(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			f, err := newFloor(build(s.hashes, s.fill), s.paths)
			require.NoError(t, err)
			require.NoError(t, f.check())
			require.Equal(t, 1, f.files[0].signatures, "the anchor's own")
			require.False(t, f.files[0].hashed, "nobody lists it")
		})
	}

	f, err := newFloor(build(true, few.succinct), wheels(20))
	require.NoError(t, err)
	hashed := 0
	for _, file := range f.files {
		if file.hashed {
			hashed++
		}
	}
	require.Len(t, f.files, 4+fewBins, "root, timestamp, snapshot, targets, bins")
	require.Equal(t, 2+fewBins, hashed)

	f, err = newFloor(build(false, roots(7)), []string{"top"})
	require.NoError(t, err)
	signatures := 0
	for _, file := range f.files {
		require.False(t, file.hashed)
		signatures += file.signatures
	}
	require.Equal(t, 1+2*7+3, signatures)

	f.files[2].payload[0] ^= 1
	require.Error(t, f.check(), "the signatures are verified")
}
