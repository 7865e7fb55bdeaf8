package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The yardstick does the work that no client can do without, and no more.
func TestYardstick(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			y, _, err := newYardsticks(build(s.layout), s.paths, nil)
			require.NoError(t, err)
			require.NoError(t, y.check())
			require.False(t, y.files[0].hashed, "no file lists the trusted root")
			require.NotEmpty(t, y.files[0].deciding, "but its signatures count")
		})
	}

	cold, more, err := newYardsticks(fewSuccinct(), wheels(0, 1), wheels(0, 20))
	require.NoError(t, err)
	require.Len(t, cold.files, 5, "root, timestamp, snapshot, targets, bin")
	require.Equal(t, 3, count(cold, func(f neededFile) int { return one(f.hashed) }))
	require.Len(t, more.files, fewBins-1)

	versions, _, err := newYardsticks(build(layout{targets: few.classic}), wheels(0, 1), nil)
	require.NoError(t, err)
	require.Zero(t, count(versions, func(f neededFile) int { return one(f.hashed) }))
	require.Equal(t, 1, count(versions, func(f neededFile) int { return one(f.shows != "") }), "R-5.6.8a, for the bin")

	roots, _, err := newYardsticks(build(layout{roots: 7, targets: small}), wheels(0, 1), nil)
	require.NoError(t, err)
	signatures := count(roots, func(f neededFile) int { return len(f.deciding) })
	require.Equal(t, 2*(1+7)+3, signatures, "two of the keys that two roots share decide for both")

	roots.files[2].payload[0] ^= 1
	require.Error(t, roots.check(), "the signatures are verified")
}

// Each file has the signatures of all keys of its role.
func TestDecidingSignatures(t *testing.T) {
	repo := build(layout{roots: 2, targets: small})
	for path, signatures := range map[string]int{"1.root.json": 3, "2.root.json": 4, "timestamp.json": 1} {
		require.Len(t, signaturesOf(t, repo.metadata[path]), signatures, path)
	}
}

// The same program makes the same repository.
func TestSeeded(t *testing.T) {
	l := layout{key: ecdsaKey, targets: few.classic}
	require.Equal(t, build(l).metadata, build(l).metadata)
	require.Equal(t, mixed()("root").id, mixed()("root").id)
}
