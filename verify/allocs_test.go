package verify_test

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A target is checked in the buffer that its bytes pass through: 64 times as
// many take no more memory.
func TestCopyTakesConstantMemory(t *testing.T) {
	const megabyte = 1 << 20
	small := allocatedByCopy(t, megabyte)
	large := allocatedByCopy(t, 64*megabyte)
	require.Less(t, large, small+16<<10)
	require.Less(t, large, int64(128<<10)) // io.Copy's buffer is 32 KiB of it
}

// allocatedByCopy returns how many bytes are allocated while a target of that
// size is copied.
func allocatedByCopy(t *testing.T, size int64) int64 {
	target := targetOfZeros(t, size)
	_, bytes := allocated(func() { require.NoError(t, target.Copy(io.Discard, zeros(size))) })
	return bytes
}

// allocated counts what f allocates: the least of some runs, as others may
// allocate at the same time.
func allocated(f func()) (objects, bytes int64) {
	objects, bytes = math.MaxInt64, math.MaxInt64
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		objects = min(objects, int64(after.Mallocs-before.Mallocs))
		bytes = min(bytes, int64(after.TotalAlloc-before.TotalAlloc))
	}
	return objects, bytes
}

// A cold start keeps the canonical text of each file once, has it in its hands
// once more while the file is read, and makes a record of it: three bytes for
// each byte, and some for the session. A guard against another copy, and
// against anything that is made once for each bin.
func TestColdStartAllocatesLittle(t *testing.T) {
	for _, kind := range binKinds {
		t.Run(kind.name, func(t *testing.T) {
			paths := somePaths(1)
			m := serve(t, verifytest.Options{MetaHashes: true}, kind.build(10, paths), paths...)
			objects, bytes := allocated(func() { m.cold(t) })
			t.Logf("%d objects, %d bytes for %d", objects, bytes, m.size())
			require.LessOrEqual(t, objects, int64(400))
			require.LessOrEqual(t, bytes, 3*m.size()+64<<10)
		})
	}
}

// foundOnce returns a path in one of 2^bits bins, and a session that has found
// it.
func foundOnce(t *testing.T, kind binKind, bits int) (*served, *verify.Session, string) {
	paths := somePaths(1)
	m := serve(t, verifytest.Options{MetaHashes: true}, kind.build(bits, paths), paths...)
	s := m.session(t, nil)
	m.find(t, s, nil, m.source)
	return m, s, paths[0]
}

// A lookup whose roles are trusted allocates itself, its trail and its answer,
// in any number of bins. A guard against decoding or verifying anything again,
// and against walking through the bins.
func TestTrustedLookupsAllocateTheSameInAnyNumberOfBins(t *testing.T) {
	const most = 22
	for _, kind := range binKinds {
		t.Run(kind.name, func(t *testing.T) {
			for _, bits := range []int{4, 10} {
				_, s, path := foundOnce(t, kind, bits)
				n := testing.AllocsPerRun(50, func() { findTrusted(t, s, path) })
				require.LessOrEqual(t, n, float64(most))
			}
		})
	}
}

// A cycle in which nothing is new verifies the timestamp and nothing else, in
// any number of bins. A guard against opening the snapshot again, comparing it
// with itself, and reading the roles.
func TestUnchangedRefreshAllocatesTheSameInAnyNumberOfBins(t *testing.T) {
	const most = 112
	for _, kind := range binKinds {
		t.Run(kind.name, func(t *testing.T) {
			for _, bits := range []int{4, 10} {
				m, s, _ := foundOnce(t, kind, bits)
				require.LessOrEqual(t, testing.AllocsPerRun(10, func() {
					require.NoError(t, s.Refresh(m.now))
					require.NoError(t, s.Run(nil, m.source))
				}), float64(most), "%d bins", 1<<bits)
			}
		})
	}
}

// A start from saved files takes no more objects with more bins. A guard
// against comparing the versions in two snapshots by looking each up.
func TestWarmStartAllocatesTheSameInAnyNumberOfBins(t *testing.T) {
	const most = 450
	for _, kind := range binKinds {
		t.Run(kind.name, func(t *testing.T) {
			for _, bits := range []int{4, 10} {
				paths := somePaths(1)
				m := serve(t, verifytest.Options{MetaHashes: true}, kind.build(bits, paths), paths...)
				objects, _ := allocated(func() { m.find(t, m.session(t, m.saved), m.saved, m.source) })
				require.LessOrEqual(t, objects, int64(most), "%d bins", 1<<bits)
			}
		})
	}
}

// allocatedPerByte bounds what a session does for each byte of a body, and
// allocatedAtFirst what it does for any.
const allocatedPerByte, allocatedAtFirst = 40, 65_536

// CVE-2020-6173, K10, J7: a body that anybody may send costs a session a
// multiple of its length, at every role. package metadata tries more shapes.
func TestBodiesCostAtMostAMultiple(t *testing.T) {
	const n = 200_000
	repeat := func(piece string) string { return strings.Repeat(piece, n/len(piece)) }
	var signatures []string
	for i := range n / 40 {
		signatures = append(signatures, fmt.Sprintf(`{"keyid":"%d","sig":"00"}`, i))
	}
	bodies := map[string]string{
		"nesting": repeat("["), "empty names": "{" + repeat(`"":0,`) + `"":0}`, "a number": repeat("9"), "spaces": repeat(" "),
		"a string of spaces": `{"signatures":[],"signed":{"_type":"%s","x":"` + repeat(" ") + `"}}`,
		"a string of quotes": `{"signatures":[],"signed":{"_type":"%s","x":"` + repeat(`\"`) + `"}}`,
		"signatures":         `{"signatures":[` + strings.Join(signatures, ",") + `],"signed":{"_type":"%s"}}`,
		"1,024 signatures":   `{"signatures":[` + strings.Join(signatures[:1024], ",") + `],"signed":{"_type":"%s","x":"` + repeat("x") + `"}}`,
	}
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*"}})
	repo.PublishOnly("root")
	repo.Publish()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	s.Lookup("x")
	asked := map[string]bool{}
	require.NoError(t, s.Run(nil, func(req verify.Request) ([]byte, error) {
		asked[req.Role] = true
		kind := map[string]string{"a": "targets"}[req.Role]
		if kind == "" {
			kind = req.Role
		}
		for name, body := range bodies {
			data := []byte(strings.ReplaceAll(body, "%s", kind))
			var err error
			_, cost := allocated(func() { err = s.Provide(req.ID, data) })
			require.Error(t, err)
			require.LessOrEqual(t, cost, int64(allocatedPerByte*len(data)+allocatedAtFirst), "%s as %s", name, req.Role)
		}
		return repo.Metadata().Source()(req)
	}))
	require.Len(t, asked, 5)
}

// What is signed costs a multiple too: a role that delegates a path to very
// many others, by very many prefixes and patterns.
func TestLookupsCostAtMostAMultiple(t *testing.T) {
	for name, of := range map[string]func(i int) map[string]any{
		"prefixes": func(i int) map[string]any { return map[string]any{"path_hash_prefixes": []any{"", "0", "a"}} },
		"patterns": func(i int) map[string]any { return map[string]any{"paths": []any{"*a*a*a*b", "*"}} },
		"nobody's": func(i int) map[string]any { return map[string]any{} },
	} {
		t.Run(name, func(t *testing.T) {
			repo := verifytest.New(verifytest.Options{Compact: true})
			repo.Edit("targets", func(signed map[string]any) {
				var list []any
				for i := range 20_000 {
					role := of(i)
					role["name"], role["keyids"], role["threshold"] = fmt.Sprintf("%05d", i), []any{}, int64(1)
					list = append(list, role)
				}
				signed["delegations"] = map[string]any{"keys": map[string]any{}, "roles": list}
			})
			repo.Publish()
			room := int64(allocatedPerByte*len(repo.Metadata()[repo.FileName("targets")]) + 4*allocatedAtFirst)
			var c *client
			_, cost := allocated(func() {
				c = newClient(t, repo)
				require.NoError(t, c.session.Run(nil, repo.Metadata().Source()))
			})
			require.LessOrEqual(t, cost, room)
			_, cost = allocated(func() { c.session.Lookup(strings.Repeat("a", 100)) })
			require.LessOrEqual(t, cost, room)
		})
	}
}
