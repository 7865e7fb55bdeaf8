package verify_test

import (
	"fmt"
	"testing"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// workload is a repository, and the paths that a client looks up in it.
type workload struct {
	name   string
	hashes bool // listed in timestamp and snapshot
	paths  []string
	build  func(repo *verifytest.Repo)
}

func binPath(i int) string { return fmt.Sprintf("packages/%04d.whl", i) }

// hundredPaths are the targets in bins.
var hundredPaths = func() (paths []string) {
	for i := range 100 {
		paths = append(paths, binPath(i))
	}
	return paths
}()

var workloads = []workload{
	{"classic bins, hashes", true, hundredPaths[:1], classicBins},
	{"succinct bins, hashes", true, hundredPaths[:1], succinctBins},
	{"succinct bins, versions", false, hundredPaths[:1], succinctBins},
	{"10,000 globs", false, []string{"dir-09999/x"}, globs},
	{"100 roots", false, []string{"top"}, hundredRoots},
	{"100 targets in classic bins", true, hundredPaths, classicBins},
}

func classicBins(repo *verifytest.Repo) {
	bins := repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
	bins.DelegateBins("bin", 16384)
	addToBins(bins, hundredPaths)
}

func succinctBins(repo *verifytest.Repo) {
	repo.Targets().DelegateSuccinct("bin", 14)
	addToBins(repo.Targets(), hundredPaths)
}

func globs(repo *verifytest.Repo) {
	for i := range 10_000 {
		name, paths := fmt.Sprintf("role-%05d", i), fmt.Sprintf("dir-%05d/*", i)
		x := delegate(repo.Targets(), name, paths, repo.Key("globs"))
		if i == 9999 {
			x.AddTarget("dir-09999/x", []byte("hello"))
		}
	}
}

func hundredRoots(repo *verifytest.Repo) {
	repo.Targets().AddTarget("top", []byte("hello"))
	for i := range 100 {
		repo.Rotate("root", 1, repo.Key(fmt.Sprint("root", i)))
		repo.PublishOnly("root")
	}
}

// BenchmarkCold compares a cold start with the yardstick: what no verifier can
// do without.
func BenchmarkCold(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			m := serve(b, verifytest.Options{MetaHashes: w.hashes}, w.build, w.paths...)
			m.besideYardstick(b, func() { m.cold(b) })
		})
	}
}
