package main

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

// Both clients find the same targets in the same files, or there would be
// nothing to compare. The table shows the same rounds.
func TestClientsAgree(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			repo := build(s.layout)
			w, err := repo.newWalker(repo.fromMemory, options(false))
			require.NoError(t, err)
			ours, err := w.resolve(s.paths)
			require.NoError(t, err)
			require.Equal(t, s.walk, w.rounds)
			again, err := repo.walkCold(s.paths, true)
			require.NoError(t, err)
			require.Equal(t, s.ahead, again.rounds)
			require.GreaterOrEqual(t, again.requests, w.requests)

			g, err := repo.newTUF(memory{repo}, memoryURL, t.TempDir(), false)
			require.NoError(t, err)
			theirs, err := g.resolve(s.paths)
			require.Equal(t, s.goTUF, g.fetcher.rounds)
			if s.notFound {
				require.EqualError(t, err, "target packages/0000.whl not found")
				require.ErrorAs(t, repo.known(err, s.paths), &base64Fault{})
				return
			}
			require.NoError(t, err)
			require.Len(t, theirs, len(ours))
			for i, target := range ours {
				require.Equal(t, s.paths[i], target.Path)
				require.Equal(t, target.Path, theirs[i].Path)
				require.Equal(t, target.Length, theirs[i].Length)
				hashes := map[string]string{"sha256": hex.EncodeToString(theirs[i].Hashes["sha256"])}
				require.Equal(t, hashes, maps.Collect(target.Hashes.All()))
			}
		})
	}
}

// The known fault is reported only if it occurred: not if both ways to write
// the hash match, and not for another error.
func TestKnown(t *testing.T) {
	classic, succinct := fewClassic(), fewSuccinct()
	both := build(layout{targets: bins{}.classic})
	notFound := errors.New("target packages/0000.whl not found")
	require.ErrorIs(t, classic.known(notFound, wheels(0, 1)), notFound)
	require.ErrorAs(t, classic.known(notFound, wheels(0, 1)), &base64Fault{})
	for _, r := range []*served{succinct, both} {
		require.Equal(t, notFound, r.known(notFound, wheels(0, 1)))
	}
	require.Equal(t, notFound, classic.known(notFound, []string{wheel(1)}), "another path")
	other := errors.New("no space left on device")
	require.Equal(t, other, classic.known(other, wheels(0, 1)))
	require.NoError(t, classic.known(nil, wheels(0, 1)))
}

// Both clients refuse a file that was changed: neither skips verification.
func TestClientsVerify(t *testing.T) {
	for _, name := range []string{"timestamp.json", "1.snapshot.json", "1.targets.json"} {
		t.Run(name, func(t *testing.T) {
			repo := fewSuccinct()
			data := repo.metadata[name]
			require.NotEmpty(t, data)
			data[len(data)/2] ^= 1
			_, err := repo.walkCold(wheels(0, 1), false)
			require.ErrorContains(t, err, name)
			_, err = repo.tufCold(t.TempDir(), wheels(0, 1))
			require.Error(t, err)
		})
	}
}

// With saved files, both ask for the next root and the timestamp only; with
// lookahead, in one round.
func TestWarm(t *testing.T) {
	repo := fewSuccinct()
	store, cache := memoryStore{}, t.TempDir()
	inOrder := func() (asked, error) { return repo.walkWarm(store, wheels(0, 20), false) }
	ahead := func() (asked, error) { return repo.walkWarm(store, wheels(0, 20), true) }
	goTUF := func() (asked, error) { return repo.tufWarm(cache, wheels(0, 20)) }
	for _, s := range []struct {
		name string
		run  func() (asked, error)
		want asked
	}{
		{"nothing is saved yet", inOrder, asked{5, 4 + fewBins}},
		{"saved", inOrder, asked{2, 2}},
		{"saved, ahead", ahead, asked{1, 2}},
		{"go-tuf, nothing is saved yet", goTUF, asked{4 + fewBins, 4 + fewBins}},
		{"go-tuf, saved", goTUF, asked{2, 2}},
	} {
		got, err := s.run()
		require.NoError(t, err, s.name)
		require.Equal(t, s.want, got, s.name)
	}
}

// The rounds that the documentation states for a long chain of roots.
func TestManyRoots(t *testing.T) {
	repo := build(layout{roots: 100, targets: small})
	for ahead, rounds := range map[bool]int{false: 104, true: 9} {
		got, err := repo.walkCold(wheels(0, 1), ahead)
		require.NoError(t, err)
		require.Equal(t, rounds, got.rounds)
	}
}

// Over HTTP the number of rounds is the same.
func TestOnline(t *testing.T) {
	c := &comparison{dir: t.TempDir()}
	for _, s := range scenes {
		if s.notFound {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			repo := build(s.layout)
			for _, client := range c.online() {
				got, err := wait(context.Background(), repo, 0, client, s.paths)
				require.NoError(t, err, client.name)
				switch client.name {
				case walkName:
					require.Equal(t, s.walk, got.rounds)
				case aheadName:
					require.Equal(t, s.ahead, got.rounds)
				case goTUFName:
					require.Equal(t, s.goTUF, got.rounds)
				}
			}
		})
	}
}

func TestTarget(t *testing.T) {
	const length = 3<<20 + 5
	repo, err := large(length)
	require.NoError(t, err)
	ours := watched(func() error { return repo.walkTarget(length) })
	require.NoError(t, ours.err)
	require.Less(t, ours.bytes, uint64(length), "it is never in memory as a whole")
	require.Error(t, repo.walkTarget(length-1))
	require.Error(t, repo.walkTarget(length+1))

	c := &comparison{dir: t.TempDir()}
	theirs := c.tufTarget(repo, nil, oneBuffer(length))()
	require.NoError(t, theirs.err)
	require.GreaterOrEqual(t, theirs.bytes, uint64(length))
	require.Error(t, c.tufTarget(repo, nil, oneBuffer(length-1))().err)
}
