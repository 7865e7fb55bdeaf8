package verify_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/ratio"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// These benchmarks show what grows with the repository. The yardstick is that
// of BenchmarkCold. With the number of bins, MB/s should stay the same. With
// the number of targets it falls, for the yardstick too, because each small
// file costs a signature: there the ratio to the yardstick should stay the
// same.
//
//	go test ./verify -run '^$' -bench 'Growth|Layouts|Trusted|Renew|Warm'

// someBits are the sizes of the measured repositories: 1,024 to 65,536 bins.
var someBits = []int{10, 12, 14, 16}

// binKind is a way to list bins.
type binKind struct {
	name  string
	build func(bits int, paths []string) func(*verifytest.Repo)
}

var binKinds = []binKind{{"classic", inClassicBins}, {"succinct", inSuccinctBins}}

// inClassicBins and inSuccinctBins distribute the paths over 1<<bits bins.
func inClassicBins(bits int, paths []string) func(*verifytest.Repo) {
	return func(repo *verifytest.Repo) {
		repo.Targets().DelegateBins("bin", 1<<bits)
		addToBins(repo.Targets(), paths)
	}
}

func inSuccinctBins(bits int, paths []string) func(*verifytest.Repo) {
	return func(repo *verifytest.Repo) {
		repo.Targets().DelegateSuccinct("bin", bits)
		addToBins(repo.Targets(), paths)
	}
}

func addToBins(role *verifytest.Role, paths []string) {
	for _, path := range paths {
		role.AddToBin(path, []byte("hello"))
	}
}

func somePaths(n int) []string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = fmt.Sprintf("packages/%02x/some_project-%04d-py3-none-any.whl", i&0xff, i)
	}
	return paths
}

// serveBins serves so many targets in 1<<bits bins, with hashes listed.
func serveBins(t testing.TB, kind binKind, bits, targets int) *served {
	paths := somePaths(targets)
	return serve(t, verifytest.Options{MetaHashes: true}, kind.build(bits, paths), paths...)
}

// BenchmarkGrowthOfBins starts from nothing, for one target.
func BenchmarkGrowthOfBins(b *testing.B) {
	eachSize(b, 1, func(b *testing.B, m *served) { m.besideYardstick(b, func() { m.cold(b) }) })
}

// BenchmarkLayouts starts from nothing, for one target in 16,384 bins, with
// files in different layouts.
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
				m.besideYardstick(b, func() { m.cold(b) })
			})
		}
	}
}

// BenchmarkGrowthOfTargets starts from nothing, in 16,384 bins.
func BenchmarkGrowthOfTargets(b *testing.B) {
	for _, kind := range binKinds {
		for _, n := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d targets", kind.name, n), func(b *testing.B) {
				m := serveBins(b, kind, 14, n)
				m.besideYardstick(b, func() { m.cold(b) })
			})
		}
	}
}

// BenchmarkWarm starts from all files that an earlier run saved, for one
// target. It is compared with the yardstick of a cold start.
func BenchmarkWarm(b *testing.B) {
	eachSize(b, 1, func(b *testing.B, m *served) {
		m.besideYardstick(b, func() { m.find(b, m.session(b, m.saved), m.saved, m.source) })
	})
}

// BenchmarkRenew goes through an update in which nothing is new, in a session
// that has found its target. The yardstick is the timestamp's signature.
func BenchmarkRenew(b *testing.B) {
	eachSize(b, 1, func(b *testing.B, m *served) {
		s := m.session(b, nil)
		m.find(b, s, nil, m.source)
		check := yardstick(b, [][]byte{m.files["timestamp.json"]}, false)
		refresh := func() {
			s = renew(b, s, m.now)
			require.NoError(b, s.Run(context.Background(), nil, m.source))
		}
		ratio.InTurn(b, refresh, check)
		b.Run("tufwalk", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				refresh()
			}
		})
		b.Run("yardstick", func(b *testing.B) {
			for b.Loop() {
				check()
			}
		})
	})
}

// BenchmarkTrusted looks up targets in bins that are trusted already, one of a
// hundred after the other. The yardstick is the path's hash.
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
		b.Run("yardstick", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				sha256.Sum256([]byte(m.paths[i%len(m.paths)]))
			}
		})
	})
}

// findTrusted finds a target for which nothing has to be fetched.
func findTrusted(t testing.TB, s *verify.Session, path string) {
	l := s.Lookup(path)
	if batch, ok := s.Next(); !ok || len(batch.Done) != 1 || len(batch.Fetch) != 0 {
		t.Fatal("not found at once")
	}
	if _, err := l.Target(); err != nil {
		t.Fatal(err)
	}
}

// eachSize runs a benchmark in bins of both kinds and all sizes, with hashes
// listed.
func eachSize(b *testing.B, targets int, run func(*testing.B, *served)) {
	for _, kind := range binKinds {
		for _, bits := range someBits {
			b.Run(fmt.Sprintf("%s/%d bins", kind.name, 1<<bits), func(b *testing.B) {
				run(b, serveBins(b, kind, bits, targets))
			})
		}
	}
}
