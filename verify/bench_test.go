package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// workload is a repository and what a client wants of it, from a cold start,
// everything in memory.
type workload struct {
	name    string
	hashes  bool // in the snapshot
	targets int
	build   func(repo *verifytest.Repo)
	path    func(i int) string
}

func binPath(i int) string { return fmt.Sprintf("packages/%04d.whl", i) }

var workloads = []workload{
	{"classic bins, hashes", true, 1, classicBins, binPath},
	{"succinct bins, hashes", true, 1, succinctBins, binPath},
	{"succinct bins, versions", false, 1, succinctBins, binPath},
	{"10,000 globs", false, 1, globs, func(int) string { return "dir-09999/x" }},
	{"100 roots", false, 1, roots, func(int) string { return "top" }},
	{"100 targets in classic bins", true, 100, classicBins, binPath},
}

func classicBins(repo *verifytest.Repo) {
	bins := repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
	bins.DelegateBins("bin", 16384)
	for i := range 100 {
		bins.AddToBin(binPath(i), []byte("hello"))
	}
}

func succinctBins(repo *verifytest.Repo) {
	repo.Targets().DelegateSuccinct("bin", 14)
	for i := range 100 {
		repo.Targets().AddToBin(binPath(i), []byte("hello"))
	}
}

func globs(repo *verifytest.Repo) {
	key := []*verifytest.Key{repo.Key("globs")}
	for i := range 10_000 {
		x := repo.Targets().Delegate(verifytest.Delegation{Name: fmt.Sprintf("role-%05d", i), Paths: []string{fmt.Sprintf("dir-%05d/*", i)}, Keys: key})
		if i == 9999 {
			x.AddTarget("dir-09999/x", []byte("hello"))
		}
	}
}

func roots(repo *verifytest.Repo) {
	repo.Targets().AddTarget("top", []byte("hello"))
	for i := range 100 {
		repo.Rotate("root", 1, repo.Key(fmt.Sprint("root", i)))
		repo.PublishOnly("root")
	}
}

// mirror is what is left of a repository when its builder, whose memory would
// be the collector's to walk, is gone.
type mirror struct {
	anchor []byte
	files  map[string][]byte
	now    time.Time
}

func (w workload) mirror() mirror {
	repo := verifytest.New(verifytest.Options{MetaHashes: w.hashes})
	w.build(repo)
	repo.Publish()
	return mirror{repo.TrustedRoot(), maps.Clone(repo.Metadata()), repo.Now()}
}

// cold runs a session from nothing, and returns the files that it took.
func (w workload) cold(b testing.TB, m mirror, files [][]byte) [][]byte {
	s, err := verify.New(m.anchor, verify.Stored{}, m.now, verify.Options{})
	require.NoError(b, err)
	lookups := make([]*verify.Lookup, w.targets)
	for i := range lookups {
		lookups[i] = s.Lookup(w.path(i))
	}
	for {
		batch, ok := s.Next()
		if !ok {
			break
		}
		for _, req := range batch.Fetch {
			data, ok := m.files[req.Path]
			if !ok {
				require.NoError(b, s.NotFound(req.ID))
				continue
			}
			require.NoError(b, s.Provide(req.ID, data))
			if files != nil {
				files = append(files, data)
			}
		}
	}
	for _, l := range lookups {
		_, err := l.Target()
		require.NoError(b, err)
	}
	return files
}

// BenchmarkCold compares a cold start with its floor: sha256 of the files that
// are listed with one, the signatures that are needed, and one json.Valid.
func BenchmarkCold(b *testing.B) {
	for _, w := range workloads {
		m := w.mirror()
		files := w.cold(b, m, [][]byte{m.anchor})
		size := int64(0)
		for _, f := range files {
			size += int64(len(f))
		}
		b.Run(w.name+"/tufwalk", func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				w.cold(b, m, nil)
			}
		})
		check := storedFile(b, files, w.hashes)
		b.Run(w.name+"/floor", func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				check()
			}
		})
	}
}

// floor returns what no verifier can do without, for the files that a session
// took, the anchor first.
func storedFile(b testing.TB, files [][]byte, hashes bool) func() {
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
