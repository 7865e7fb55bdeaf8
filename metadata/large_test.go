package metadata_test

import (
	"crypto/sha256"
	"fmt"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The documents of benchmarks and guards: of n members each, compact or
// indented.

func snapshotOf(n int, hashes bool, o verifytest.Options) []byte {
	repo := verifytest.New(o)
	repo.Edit("snapshot", func(signed map[string]any) {
		meta := signed["meta"].(map[string]any)
		for i := range n {
			info := map[string]any{"version": int64(1 + i%9)}
			if hashes {
				info["length"] = int64(600 + i%100)
				info["hashes"] = map[string]any{"sha256": digestOf(i)}
			}
			meta[binName(i)+".json"] = info
		}
	})
	repo.PublishOnly("snapshot")
	return repo.Metadata()[repo.FileName("snapshot")]
}

func binName(i int) string { return fmt.Sprintf("bin-%05x", i) }

func digestOf(i int) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(targetPath(i)))) }

// targetPath has the length that paths have on PyPI.
func targetPath(i int) string {
	return fmt.Sprintf("packages/%02x/%02x/some_project-%05d-py3-none-any.whl", i&0xff, i>>8&0xff, i)
}

// targetsOf publishes a top-level targets role, and nothing that it delegates
// to.
func targetsOf(build func(*verifytest.Role), o verifytest.Options) []byte {
	repo := verifytest.New(o)
	build(repo.Targets())
	repo.PublishOnly("targets")
	return repo.Metadata()[repo.FileName("targets")]
}

func listing(n int) func(*verifytest.Role) {
	return func(x *verifytest.Role) {
		for i := range n {
			x.AddTargetInfo(targetPath(i), 100_000+int64(i), map[string]string{"sha256": digestOf(i)})
		}
	}
}

func classicBins(n int) func(*verifytest.Role) {
	return func(x *verifytest.Role) { x.DelegateBins("bin", n) }
}

// patterned has n delegations of one pattern each.
func patterned(n int) func(*verifytest.Role) {
	return func(x *verifytest.Role) {
		key := []*verifytest.Key{verifytest.NewKey("ed25519", "all")}
		for i := range n {
			x.Delegate(verifytest.Delegation{Name: fmt.Sprintf("role-%05d", i), Paths: []string{fmt.Sprintf("dir-%05d/*", i)}, Keys: key})
		}
	}
}
