package verify_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/ratio"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// What grows, and how. The floor beside each row is that of BenchmarkCold. With
// the number of bins, MB/s should stay the same; with the number of targets it
// falls, for the floor too, as each small file costs a signature: there it is
// the ratio to the floor that should.
//
//	go test ./verify -run '^$' -bench 'Growth|Layouts|Trusted|Refresh|Warm'

// someBits are the sizes that repositories of hash bins are measured with:
// 1,024 to 65,536 bins.
var someBits = []int{10, 12, 14, 16}

type binKind struct {
	name  string
	build func(bits int, paths []string) func(*verifytest.Repo)
}

// binKinds are the two ways to write bins down.
var binKinds = []binKind{
	{"classic", func(bits int, paths []string) func(*verifytest.Repo) { return inClassicBins(1<<bits, paths) }},
	{"succinct", inSuccinctBins},
}

func somePaths(n int) []string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = fmt.Sprintf("packages/%02x/some_project-%04d-py3-none-any.whl", i&0xff, i)
	}
	return paths
}

// BenchmarkGrowthOfBins starts from nothing, for one target.
func BenchmarkGrowthOfBins(b *testing.B) {
	eachSize(b, 1, func(b *testing.B, m *served) { m.besideFloor(b, func() { m.cold(b) }) })
}

// BenchmarkLayouts starts from nothing, for one target in 16,384 bins, however
// the files are written.
func BenchmarkLayouts(b *testing.B) {
	paths := somePaths(1)
	for _, kind := range binKinds {
		for _, l := range []struct {
			name string
			verifytest.Options
		}{
			{"versions, compact", verifytest.Options{Compact: true}},
			{"versions, indented", verifytest.Options{}},
			{"hashes, compact", verifytest.Options{Compact: true, MetaHashes: true}},
			{"hashes, indented", verifytest.Options{MetaHashes: true}},
		} {
			b.Run(kind.name+"/"+l.name, func(b *testing.B) {
				m := serve(b, l.Options, kind.build(14, paths), paths...)
				m.besideFloor(b, func() { m.cold(b) })
			})
		}
	}
}

// BenchmarkGrowthOfTargets starts from nothing, in 16,384 bins.
func BenchmarkGrowthOfTargets(b *testing.B) {
	for _, kind := range binKinds {
		for _, n := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d targets", kind.name, n), func(b *testing.B) {
				paths := somePaths(n)
				m := serve(b, verifytest.Options{MetaHashes: true}, kind.build(14, paths), paths...)
				m.besideFloor(b, func() { m.cold(b) })
			})
		}
	}
}

// BenchmarkWarm starts from all files that an earlier run saved, for one
// target. The cold floor stands beside it.
func BenchmarkWarm(b *testing.B) {
	eachSize(b, 1, func(b *testing.B, m *served) {
		m.besideFloor(b, func() { m.find(b, m.session(b, m.saved), m.saved, m.source) })
	})
}

// BenchmarkRefresh goes through a cycle in which nothing is new, in a session
// that has found its target. The floor is the timestamp's signature.
func BenchmarkRefresh(b *testing.B) {
	eachSize(b, 1, func(b *testing.B, m *served) {
		s := m.session(b, nil)
		m.find(b, s, nil, m.source)
		check := storedFile(b, [][]byte{m.files["timestamp.json"]}, false)
		refresh := func() {
			require.NoError(b, s.Refresh(m.now))
			require.NoError(b, s.Run(nil, m.source))
		}
		ratio.InTurn(b, refresh, check)
		b.Run("tufwalk", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				refresh()
			}
		})
		b.Run("floor", func(b *testing.B) {
			for b.Loop() {
				check()
			}
		})
	})
}

// BenchmarkTrusted looks for targets in bins that are trusted already: one
// lookup at a time, of a hundred in turn. The floor is the path's hash.
func BenchmarkTrusted(b *testing.B) {
	eachSize(b, 100, func(b *testing.B, m *served) {
		s := m.session(b, nil)
		m.find(b, s, nil, m.source)
		b.Run("tufwalk", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				findTrusted(b, s, m.paths[i%len(m.paths)])
			}
		})
		b.Run("floor", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				sha256.Sum256([]byte(m.paths[i%len(m.paths)]))
			}
		})
	})
}

// findTrusted finds what nothing has to be fetched for.
func findTrusted(t testing.TB, s *verify.Session, path string) {
	l := s.Lookup(path)
	if batch, ok := s.Next(); !ok || len(batch.Done) != 1 || len(batch.Fetch) != 0 {
		t.Fatal("not found at once")
	}
	if _, err := l.Target(); err != nil {
		t.Fatal(err)
	}
}

// eachSize runs a benchmark on repositories of both kinds and all sizes, whose
// snapshots list hashes.
func eachSize(b *testing.B, targets int, run func(*testing.B, *served)) {
	paths := somePaths(targets)
	for _, kind := range binKinds {
		for _, bits := range someBits {
			b.Run(fmt.Sprintf("%s/%d bins", kind.name, 1<<bits), func(b *testing.B) {
				run(b, serve(b, verifytest.Options{MetaHashes: true}, kind.build(bits, paths), paths...))
			})
		}
	}
}

// besideFloor measures something and what no verifier can do without for the
// files that a cold client takes.
func (m *served) besideFloor(b *testing.B, ours func()) {
	check := storedFile(b, m.taken, m.hashes)
	ratio.InTurn(b, ours, check)
	for _, x := range []struct {
		name string
		do   func()
	}{{"tufwalk", ours}, {"floor", check}} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(m.size())
			for b.Loop() {
				x.do()
			}
		})
	}
}
