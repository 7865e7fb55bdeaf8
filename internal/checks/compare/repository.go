package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// served is a repository as its mirror has it, and what every client of it has
// to begin with.
type served struct {
	anchor   []byte
	now      time.Time
	metadata verifytest.Files
	hashes   bool // snapshot and timestamp list hashes, not only versions
}

// build makes a repository up. Its JSON is indented, as most repositories' is.
func build(hashes bool, fill func(*verifytest.Repo)) *served {
	repo := verifytest.New(verifytest.Options{MetaHashes: hashes, Seed: "compare"})
	fill(repo)
	repo.Publish()
	return &served{anchor: repo.TrustedRoot(), now: repo.Now(), metadata: repo.Metadata(), hashes: hashes}
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

// bins is a repository with 1<<bits hash bins. The first wheels are in it, and
// the bins that they are in hold so many other targets each, which makes them
// as large as those of a repository in use.
type bins struct {
	bits, wheels, others int
}

// classic fills the bins as PEP 458 has them: path_hash_prefixes, below a role
// of their own.
func (b bins) classic(repo *verifytest.Repo) {
	delegator := repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
	delegator.DelegateBins("bin", 1<<b.bits)
	b.fill(delegator)
}

// succinct fills the bins as TAP 15 has them.
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
			delegator.Bin(path).AddTargetInfo(path, int64(i), map[string]string{"sha256": fmt.Sprintf("%064x", i)})
		}
	}
}

// number is the bin that a path is in.
func (b bins) number(path string) uint32 {
	sum := sha256.Sum256([]byte(path))
	return binary.BigEndian.Uint32(sum[:]) >> (32 - b.bits)
}

// globs is a repository in which 10,000 roles, with a key each, speak for a
// directory each.
func globs(repo *verifytest.Repo) {
	for i := range 10_000 {
		role := repo.Targets().Delegate(verifytest.Delegation{Name: fmt.Sprintf("role-%05d", i), Paths: []string{fmt.Sprintf("dir-%05d/*", i)}})
		if i == 9_999 {
			role.AddTarget("dir-09999/x", []byte("hello"))
		}
	}
}

// roots is a repository whose root key was replaced so many times.
func roots(rotations int) func(*verifytest.Repo) {
	return func(repo *verifytest.Repo) {
		repo.Targets().AddTarget("top", []byte("hello"))
		for i := range rotations {
			repo.Rotate("root", 1, repo.Key(fmt.Sprint("root", i)))
			repo.PublishOnly("root")
		}
	}
}
