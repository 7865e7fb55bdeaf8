package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/ratio"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// served is a mirror that has the files of a repository which its clients ask
// for. The repository itself is left to the garbage collector: its heap is many
// times a client's, and would change what is measured.
type served struct {
	root   []byte // the initial trusted root
	now    time.Time
	hashes bool     // listed in timestamp and snapshot
	paths  []string // of the targets that clients look up
	files  verifytest.Files
	cost   [][]byte         // the files that a cold client reads, the root first
	saved  verifytest.Store // by a client that has found the targets
}

// wide are limits for repositories that are larger than a client should accept.
var wide = verify.Options{Limits: verify.Limits{MaxSnapshotBytes: 1 << 28, MaxTargetsBytes: 1 << 28}}

// serve builds a repository, and has a first client find the paths.
func serve(t testing.TB, o verifytest.Options, build func(*verifytest.Repo), paths ...string) *served {
	repo := verifytest.New(o)
	build(repo)
	repo.Publish()
	m := &served{
		root:   repo.TrustedRoot(),
		now:    repo.Now(),
		hashes: o.MetaHashes,
		paths:  paths,
		files:  verifytest.Files{},
		saved:  verifytest.Store{},
	}
	m.cost = append(m.cost, m.root)
	source := repo.Metadata().Source()
	m.find(t, m.session(t, nil), m.saved, func(_ context.Context, q verify.Request) ([]byte, error) {
		data, err := source(context.Background(), q)
		if err == nil {
			m.files[q.Path] = data
			m.cost = append(m.cost, data)
		}
		return data, err
	})
	return m
}

// size is the number of bytes that a cold client reads.
func (m *served) size() (n int64) {
	for _, data := range m.cost {
		n += int64(len(data))
	}
	return n
}

// session begins one from saved files, or from nothing.
func (m *served) session(t testing.TB, saved verifytest.Store) *verify.Session {
	s, err := verify.New(m.root, verify.LoadStored(context.Background(), saved), m.now, wide)
	require.NoError(t, err)
	return s
}

// find runs a session until it has found all paths.
func (m *served) find(t testing.TB, s *verify.Session, store verify.Store, source verify.Source) {
	lookups := make([]*verify.Lookup, len(m.paths))
	for i, path := range m.paths {
		lookups[i] = s.Lookup(path)
	}
	require.NoError(t, s.Run(context.Background(), store, source))
	for _, l := range lookups {
		_, err := l.Target()
		require.NoError(t, err)
	}
}

// cold finds all paths without any saved file.
func (m *served) cold(t testing.TB) { m.find(t, m.session(t, nil), nil, m.source) }

// source returns the files themselves: a copy would be measured too.
func (m *served) source(_ context.Context, q verify.Request) ([]byte, error) {
	if data, ok := m.files[q.Path]; ok {
		return data, nil
	}
	return nil, verify.ErrNotAtSource
}

// besideYardstick measures a client together with the yardstick for the files
// that a cold client reads.
func (m *served) besideYardstick(b *testing.B, ours func()) {
	check := yardstick(b, m.cost, m.hashes)
	ratio.InTurn(b, ours, check)
	bench := func(name string, do func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(m.size())
			for b.Loop() {
				do()
			}
		})
	}
	bench("tufwalk", ours)
	bench("yardstick", check)
}

// yardstick returns the work that no verifier can do without, for files of
// which the first is the initial trusted root: SHA-256 of the files whose
// hashes are listed, the signatures that are needed, and one json.Valid.
func yardstick(b testing.TB, files [][]byte, hashes bool) func() {
	type file struct {
		data, payload, sig []byte
		signatures         int
	}
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := private.Public().(ed25519.PublicKey)
	var list []file
	for i, data := range files {
		payload := []byte(payloadOf(b, data))
		f := file{data, payload, ed25519.Sign(private, payload), 1}
		if i > 0 && bytes.Contains(payload, []byte(`"_type":"root"`)) {
			f.signatures = 2 // the old root's key and its own
		}
		list = append(list, f)
	}
	return func() {
		for _, f := range list {
			if hashes {
				sha256.Sum256(f.data)
			}
			for range f.signatures {
				if !ed25519.Verify(public, f.payload, f.sig) {
					b.Fatal("not signed")
				}
			}
			if !json.Valid(f.data) {
				b.Fatal("not JSON")
			}
		}
	}
}
