package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestYardstick(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			y, err := newYardstick(build(s.hashes, s.fill), s.paths)
			require.NoError(t, err)
			require.NoError(t, y.check())
			require.Equal(t, 1, y.files[0].signatures, "the trusted root's own")
			require.False(t, y.files[0].hashed, "no file lists it")
		})
	}

	y, err := newYardstick(build(true, few.succinct), wheels(20))
	require.NoError(t, err)
	hashed := 0
	for _, file := range y.files {
		if file.hashed {
			hashed++
		}
	}
	require.Len(t, y.files, 4+fewBins, "root, timestamp, snapshot, targets, bins")
	require.Equal(t, 2+fewBins, hashed)

	y, err = newYardstick(build(false, roots(7)), []string{"top"})
	require.NoError(t, err)
	signatures := 0
	for _, file := range y.files {
		require.False(t, file.hashed)
		signatures += file.signatures
	}
	require.Equal(t, 1+2*7+3, signatures)

	y.files[2].payload[0] ^= 1
	require.Error(t, y.check(), "the signatures are verified")
}
