package roles_test

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// What stands beside a row of these benchmarks as "floor" is what nobody who
// asks the same question can leave out.

// keyFloor decodes the one key of a role.
func keyFloor(k *verifytest.Key) func() bool {
	digits := k.Object()["keyval"].(map[string]any)["public"].(string)
	return func() bool {
		public, err := hex.DecodeString(digits)
		return err == nil && len(public) == ed25519.PublicKeySize
	}
}

func BenchmarkRole(b *testing.B) {
	repo := verifytest.New(verifytest.Options{})
	root := benchAnchor(b, repo)
	beside(b, "top-level", 0, func() bool {
		_, err := roles.TopLevel(root, "targets", roles.Policy{})
		return err == nil
	}, keyFloor(repo.Key("targets")))

	for _, n := range []int{256, 16_384} {
		repo := verifytest.New(verifytest.Options{})
		repo.Targets().DelegateBins("bin", n)
		repo.PublishOnly("targets")
		name := fmt.Sprintf("bin-%0*x", len(fmt.Sprintf("%x", n-1)), n/3)
		targets := benchTargets(b, repo)
		beside(b, fmt.Sprintf("delegated/%d classic bins", n), 0, func() bool {
			_, err := roles.Delegated(targets, n/3, name, roles.Policy{})
			return err == nil
		}, keyFloor(repo.Key("bin")))
	}

	repo = verifytest.New(verifytest.Options{})
	repo.Targets().DelegateSuccinct("bin", 32)
	repo.PublishOnly("targets")
	targets := benchTargets(b, repo)
	beside(b, "delegated/succinct bins", 0, func() bool {
		_, err := roles.Delegated(targets, -1, "bin-0000abcd", roles.Policy{})
		return err == nil
	}, keyFloor(repo.Key("bin")))
}

// BenchmarkOpen reads files from their bytes on; the floor is the signature and
// one json.Valid.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1, 16_384} {
		repo := verifytest.New(verifytest.Options{})
		for i := range n {
			repo.Targets().AddTargetInfo(fmt.Sprintf("packages/%05d.whl", i), 1, map[string]string{"sha256": strings.Repeat("0a", 32)})
		}
		repo.PublishOnly("targets")
		role, err := roles.TopLevel(benchAnchor(b, repo), "targets", roles.Policy{})
		require.NoError(b, err)
		data := newest(repo, "targets")
		beside(b, fmt.Sprintf("%d targets", n), len(data), func() bool {
			env, err := metadata.Parse[metadata.Targets](data, metadata.Options{})
			if err == nil {
				_, err = roles.Verify(env, role)
			}
			return err == nil
		}, signedFloor(b, data, payloadOf[metadata.Targets](b, data), 1))
	}
}

// BenchmarkNextRoot reads a root that is signed by the old key and by its own.
func BenchmarkNextRoot(b *testing.B) {
	repo := verifytest.New(verifytest.Options{})
	trusted := benchAnchor(b, repo)
	repo.Rotate("root", 1, repo.Key("another"))
	repo.PublishOnly("root")
	data := newest(repo, "root")
	beside(b, "rotated key", len(data), func() bool {
		env, err := metadata.Parse[metadata.Root](data, metadata.Options{})
		if err == nil {
			_, err = roles.VerifyNextRoot(trusted, env, roles.Policy{})
		}
		return err == nil
	}, signedFloor(b, data, payloadOf[metadata.Root](b, data), 2))
}

// signedFloor verifies so many signatures of a file and looks at its form once.
func signedFloor(b *testing.B, data, payload []byte, signatures int) func() bool {
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

// longSnapshots returns two versions of a snapshot that lists so many files,
// and what a timestamp says of the second.
func longSnapshots(tb testing.TB, n int) (old, next roles.Trusted[metadata.Snapshot], pin metadata.MetaFile) {
	repo := verifytest.New(verifytest.Options{})
	repo.Edit("snapshot", func(signed map[string]any) {
		for i := range n {
			signed["meta"].(map[string]any)[fmt.Sprintf("bin-%04x.json", i)] = map[string]any{"version": int64(i + 1)}
		}
	})
	root := benchAnchor(tb, repo)
	repo.PublishOnly("snapshot")
	old = benchOpen[metadata.Snapshot](tb, repo, root, "snapshot")
	repo.PublishOnly("snapshot")
	next = benchOpen[metadata.Snapshot](tb, repo, root, "snapshot")
	return old, next, metadata.MetaFile{Version: next.Content().Version, Length: -1}
}

// BenchmarkCheckSnapshot looks for rollbacks in a long list; the floor walks
// two sorted lists of names and versions.
func BenchmarkCheckSnapshot(b *testing.B) {
	const n = 16_384
	old, next, pin := longSnapshots(b, n)

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
	before, after := list(old.Content()), list(next.Content())
	beside(b, "16,384 files", 0, func() bool { return roles.CheckSnapshot(old, next, pin) == nil }, func() bool {
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
		pin, ok := benchOpen[metadata.Snapshot](b, repo, benchAnchor(b, repo), "snapshot").Content().File("targets")
		require.True(b, ok)
		beside(b, fmt.Sprintf("%d KiB", size>>10), size,
			func() bool { return roles.CheckFile("targets", data, pin, roles.Policy{}) == nil },
			func() bool { return sha256.Sum256(data) == sum })
	}
}

// beside measures something and its floor, in the same run.
func beside(b *testing.B, name string, size int, ours, floor func() bool) {
	for _, m := range []struct {
		name string
		do   func() bool
	}{{"/tufwalk", ours}, {"/floor", floor}} {
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

func newest(repo *verifytest.Repo, role string) []byte {
	return slices.Clone(repo.Metadata()[repo.FileName(role)])
}

func payloadOf[T metadata.Content](t testing.TB, data []byte) []byte {
	env, err := metadata.Parse[T](data, metadata.Options{})
	require.NoError(t, err)
	return env.Payload()
}

func benchAnchor(t testing.TB, repo *verifytest.Repo) roles.Trusted[metadata.Root] {
	env, err := metadata.Parse[metadata.Root](repo.TrustedRoot(), metadata.Options{})
	require.NoError(t, err)
	root, err := roles.VerifyInitialRoot(env, roles.Policy{})
	require.NoError(t, err)
	return root
}

func benchOpen[T metadata.Content](t testing.TB, repo *verifytest.Repo, root roles.Trusted[metadata.Root], name string) roles.Trusted[T] {
	role, err := roles.TopLevel(root, name, roles.Policy{})
	require.NoError(t, err)
	env, err := metadata.Parse[T](newest(repo, name), metadata.Options{})
	require.NoError(t, err)
	file, err := roles.Verify(env, role)
	require.NoError(t, err)
	return file
}

func benchTargets(t testing.TB, repo *verifytest.Repo) roles.Trusted[metadata.Targets] {
	return benchOpen[metadata.Targets](t, repo, benchAnchor(t, repo), "targets")
}
