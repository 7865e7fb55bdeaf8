package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// served is a repository as its mirror has it, with the trusted root and the
// time that every client begins with.
type served struct {
	trustedRoot []byte
	now         time.Time
	metadata    verifytest.Files
	hashes      bool // snapshot and timestamp list hashes, not only versions
}

// build makes up a repository. Its JSON is indented, as in most repositories.
func build(hashes bool, fill func(*verifytest.Repo)) *served {
	repo := verifytest.New(verifytest.Options{MetaHashes: hashes, Seed: "compare"})
	fill(repo)
	repo.Publish()
	return &served{trustedRoot: repo.TrustedRoot(), now: repo.Now(), metadata: repo.Metadata(), hashes: hashes}
}

// wheel is the path of target i.
func wheel(i int) string { return fmt.Sprintf("packages/%04d.whl", i) }

func wheels(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = wheel(i)
	}
	return list
}

// bins is a repository with 1<<bits hash bins. It lists the first wheels. Each
// bin that lists one of them lists so many other targets too, to be as large as
// in a real repository.
type bins struct {
	bits, wheels, others int
}

// classic makes bins as in PEP 458: with path_hash_prefixes, below a role of
// their own.
func (b bins) classic(repo *verifytest.Repo) {
	delegator := repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
	delegator.DelegateBins("bin", 1<<b.bits)
	b.fill(delegator)
}

// succinct makes bins as in TAP 15.
func (b bins) succinct(repo *verifytest.Repo) {
	repo.Targets().DelegateSuccinct("bin", b.bits)
	b.fill(repo.Targets())
}

func (b bins) fill(delegator *verifytest.Role) {
	missing := make(map[uint32]int) // by bin
	total := 0
	for i := range b.wheels {
		delegator.AddToBin(wheel(i), []byte("hello"))
		if n := b.number(wheel(i)); missing[n] == 0 {
			missing[n] = b.others
			total += b.others
		}
	}
	for i := 0; total > 0; i++ {
		path := fmt.Sprintf("packages/other-%d.whl", i)
		if n := b.number(path); missing[n] > 0 {
			missing[n]--
			total--
			hashes := map[string]string{"sha256": fmt.Sprintf("%064x", i)}
			delegator.Bin(path).AddTargetInfo(path, int64(i), hashes)
		}
	}
}

// number is the number of the bin for a path.
func (b bins) number(path string) uint32 {
	sum := sha256.Sum256([]byte(path))
	return binary.BigEndian.Uint32(sum[:]) >> (32 - b.bits)
}

// globs is a repository with 10,000 delegated roles. Each has its own key and
// its own directory.
func globs(repo *verifytest.Repo) {
	for i := range 10_000 {
		role := repo.Targets().Delegate(verifytest.Delegation{
			Name:  fmt.Sprintf("role-%05d", i),
			Paths: []string{fmt.Sprintf("dir-%05d/*", i)},
		})
		if i == 9_999 {
			role.AddTarget("dir-09999/x", []byte("hello"))
		}
	}
}

// roots is a repository whose root key was replaced that many times.
func roots(rotations int) func(*verifytest.Repo) {
	return func(repo *verifytest.Repo) {
		repo.Targets().AddTarget("top", []byte("hello"))
		for i := range rotations {
			repo.Rotate("root", 1, repo.Key(fmt.Sprint("root", i)))
			repo.PublishOnly("root")
		}
	}
}
