package roles_test

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The sub-benchmark "yardstick" is the least work that gives the same answer.

// keyYardstick decodes the one key of a role.
func keyYardstick(k *verifytest.Key) func() bool {
	digits := k.Object()["keyval"].(map[string]any)["public"].(string)
	return func() bool {
		public, err := hex.DecodeString(digits)
		return err == nil && len(public) == ed25519.PublicKeySize
	}
}

func BenchmarkRole(b *testing.B) {
	repo := verifytest.New(verifytest.Options{})
	root := trustedRoot(b, repo)
	measure(b, "top-level", 0, func() bool {
		_, err := roles.TopLevel(root, "targets", roles.Policy{})
		return err == nil
	}, keyYardstick(repo.Key("targets")))

	for _, n := range []int{256, 16_384} {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().DelegateBins("bin", n)
		repo.PublishOnly("targets")
		name := fmt.Sprintf("bin-%0*x", len(fmt.Sprintf("%x", n-1)), n/3)
		targets := trustedFile[metadata.Targets](b, repo, "targets")
		measure(b, fmt.Sprintf("delegated/%d classic bins", n), 0, func() bool {
			_, err := roles.Delegated(targets, n/3, name, roles.Policy{})
			return err == nil
		}, keyYardstick(repo.Key("bin")))
	}

	repo = verifytest.New(verifytest.Options{})
	repo.Targets().DelegateSuccinct("bin", 32)
	repo.PublishOnly("targets")
	targets := trustedFile[metadata.Targets](b, repo, "targets")
	measure(b, "delegated/succinct bins", 0, func() bool {
		_, err := roles.Delegated(targets, -1, "bin-0000abcd", roles.Policy{})
		return err == nil
	}, keyYardstick(repo.Key("bin")))
}

// BenchmarkVerify parses and verifies files. The least work is to verify the
// signature, and json.Valid.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{1, 16_384} {
		repo := verifytest.New(verifytest.Options{})
		addListedTargets(repo, n)
		repo.PublishOnly("targets")
		role, err := roles.TopLevel(trustedRoot(b, repo), "targets", roles.Policy{})
		require.NoError(b, err)
		data := newest(repo, "targets")
		measure(b, fmt.Sprintf("%d targets", n), len(data), func() bool {
			env, err := metadata.Parse[metadata.Targets](data, metadata.Options{})
			if err == nil {
				_, err = roles.Verify(env, role)
			}
			return err == nil
		}, signedYardstick(b, data, payloadOf[metadata.Targets](b, data), 1))
	}
}

// BenchmarkVerifyNextRoot verifies a root that is signed by the old key and by
// its own.
func BenchmarkVerifyNextRoot(b *testing.B) {
	repo := verifytest.New(verifytest.Options{})
	trusted := trustedRoot(b, repo)
	repo.Rotate("root", 1, repo.Key("another"))
	repo.PublishOnly("root")
	data := newest(repo, "root")
	measure(b, "rotated key", len(data), func() bool {
		env, err := metadata.Parse[metadata.Root](data, metadata.Options{})
		if err == nil {
			_, err = roles.VerifyNextRoot(trusted, env, roles.Policy{})
		}
		return err == nil
	}, signedYardstick(b, data, payloadOf[metadata.Root](b, data), 2))
}

// signedYardstick verifies a number of signatures of a file, and checks its
// syntax.
func signedYardstick(b *testing.B, data, payload []byte, signatures int) func() bool {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, signature := private.Public().(ed25519.PublicKey), ed25519.Sign(private, payload)
	return func() bool {
		for range signatures {
			if !ed25519.Verify(public, payload, signature) {
				return false
			}
		}
		return json.Valid(data)
	}
}

// BenchmarkCheckSnapshot looks for rollbacks in a long list. The least work is
// to compare two sorted lists of names and versions.
func BenchmarkCheckSnapshot(b *testing.B) {
	const n = 16_384
	stored, next, listed := longSnapshots(b, n)

	type file struct {
		name    string
		version int64
	}
	list := func(s *metadata.Snapshot) (files []file) {
		for name, info := range s.Files() {
			files = append(files, file{strings.Clone(name), info.Version})
		}
		return files
	}
	before, after := list(stored.Content()), list(next.Content())
	measure(b, "16,384 files", 0, func() bool { return roles.CheckSnapshot(stored, next, listed) == nil }, func() bool {
		rest := after
		for _, f := range before {
			for len(rest) > 0 && cmp.Compare(rest[0].name, f.name) < 0 {
				rest = rest[1:]
			}
			if len(rest) == 0 || rest[0].name != f.name || rest[0].version < f.version {
				return false
			}
		}
		return true
	})
}

func BenchmarkCheckFile(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		data := make([]byte, size)
		sum := sha256.Sum256(data)
		repo := verifytest.New(verifytest.Options{})
		repo.Edit("snapshot", func(signed map[string]any) {
			signed["meta"].(map[string]any)["targets.json"] = map[string]any{
				"version": int64(1), "length": int64(size), "hashes": map[string]any{"sha256": hex.EncodeToString(sum[:])},
			}
		})
		repo.PublishOnly("snapshot")
		listed, ok := trustedFile[metadata.Snapshot](b, repo, "snapshot").Content().File("targets")
		require.True(b, ok)
		measure(b, fmt.Sprintf("%d KiB", size>>10), size,
			func() bool { return roles.CheckFile("targets", data, listed, roles.Policy{}) == nil },
			func() bool { return sha256.Sum256(data) == sum })
	}
}

// measure measures a piece of work and the least work for it.
func measure(b *testing.B, name string, size int, ours, yardstick func() bool) {
	for _, m := range []struct {
		name string
		do   func() bool
	}{{"/tufwalk", ours}, {"/yardstick", yardstick}} {
		b.Run(name+m.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if !m.do() {
					b.Fatal("failed")
				}
			}
		})
	}
}
