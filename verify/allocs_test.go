package verify_test

import (
	"context"
	"fmt"
	"io"
	"maps"
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
	little := allocatedByCopy(t, megabyte)
	much := allocatedByCopy(t, 64*megabyte)
	require.Less(t, much, little+16<<10)
	require.Less(t, much, int64(128<<10)) // io.Copy's buffer is 32 KiB of it
}

// allocatedByCopy returns how many bytes are allocated while a target of that
// size is copied.
func allocatedByCopy(t *testing.T, size int64) int64 {
	target := targetOfZeros(t, size)
	_, bytes := allocated(func() { require.NoError(t, target.Copy(io.Discard, zeros(size))) })
	return bytes
}

// allocated counts what f allocates. It returns the least of some runs, because
// other goroutines may allocate at the same time.
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

// A cold start holds the canonical text of each file, has it once more while
// the file is read, and copies it into a record: three bytes for each byte, and
// some for the session. A file in canonical form is its own text, which is the
// record too: two bytes, and the positions in it. The test finds another copy,
// and anything that is made for each bin.
func TestColdStartAllocatesLittle(t *testing.T) {
	for _, kind := range binKinds {
		for compact, perByte := range map[bool]float64{false: 3, true: 2.5} {
			t.Run(fmt.Sprintf("%s, compact: %v", kind.name, compact), func(t *testing.T) {
				o, paths := verifytest.Options{MetaHashes: true, Compact: compact}, somePaths(1)
				m := serve(t, o, kind.build(10, paths), paths...)
				objects, bytes := allocated(func() { m.cold(t) })
				t.Logf("%d objects, %d bytes for %d", objects, bytes, m.size())
				require.LessOrEqual(t, objects, int64(400))
				require.LessOrEqual(t, bytes, int64(perByte*float64(m.size()))+64<<10)
			})
		}
	}
}

// inAnyNumberOfBins runs a test in 16 and in 1,024 bins of each kind, with one
// target, and a session that has found it.
func inAnyNumberOfBins(t *testing.T, test func(t *testing.T, m *served, s *verify.Session)) {
	for _, kind := range binKinds {
		for _, bits := range []int{4, 10} {
			t.Run(fmt.Sprintf("%d bins, %s", 1<<bits, kind.name), func(t *testing.T) {
				m := serveBins(t, kind, bits, 1)
				s := m.session(t, nil)
				m.find(t, s, nil, m.source)
				test(t, m, s)
			})
		}
	}
}

// A lookup whose roles are trusted already allocates itself, its trail and its
// result, in any number of bins. The test finds work that is done again:
// reading or verifying a file, or going through the bins.
func TestTrustedLookupsAllocateTheSameInAnyNumberOfBins(t *testing.T) {
	inAnyNumberOfBins(t, func(t *testing.T, m *served, s *verify.Session) {
		n := testing.AllocsPerRun(50, func() { findTrusted(t, s, m.paths[0]) })
		require.LessOrEqual(t, n, 22.0)
	})
}

// An update in which nothing is new verifies the timestamp and nothing else, in
// any number of bins. The test finds work that is done again: verifying the
// snapshot, comparing it with itself, or reading the roles.
func TestUnchangedUpdateAllocatesTheSameInAnyNumberOfBins(t *testing.T) {
	inAnyNumberOfBins(t, func(t *testing.T, m *served, s *verify.Session) {
		n := testing.AllocsPerRun(10, func() {
			s = renew(t, s, m.now)
			require.NoError(t, s.Run(context.Background(), nil, m.source))
		})
		require.LessOrEqual(t, n, 180.0)
	})
}

// A start from saved files allocates no more objects with more bins. The test
// finds a comparison of two snapshots that looks each version up.
func TestWarmStartAllocatesTheSameInAnyNumberOfBins(t *testing.T) {
	inAnyNumberOfBins(t, func(t *testing.T, m *served, _ *verify.Session) {
		objects, _ := allocated(func() { m.find(t, m.session(t, m.saved), m.saved, m.source) })
		require.LessOrEqual(t, objects, int64(450))
	})
}

// allocatedPerByte bounds the bytes that a session allocates for each byte of a
// body, and allocatedAtFirst those for any body.
const allocatedPerByte, allocatedAtFirst = 40, 65_536

// costlyBodies are bodies of about 200,000 bytes that are cheap to send. %s is
// the type.
func costlyBodies() map[string]string {
	const n = 200_000
	repeat := func(piece string) string { return strings.Repeat(piece, n/len(piece)) }
	var signatures []string
	for i := range n / 40 {
		signatures = append(signatures, fmt.Sprintf(`{"keyid":"%d","sig":"00"}`, i))
	}
	envelope := func(signatures []string, content string) string {
		return `{"signatures":[` + strings.Join(signatures, ",") + `],"signed":{"_type":"%s"` + content + `}}`
	}
	return map[string]string{
		"nesting":            repeat("["),
		"empty names":        "{" + repeat(`"":0,`) + `"":0}`,
		"a number":           repeat("9"),
		"spaces":             repeat(" "),
		"a string of spaces": envelope(nil, `,"x":"`+repeat(" ")+`"`),
		"a string of quotes": envelope(nil, `,"x":"`+repeat(`\"`)+`"`),
		"signatures":         envelope(signatures, ""),
		"1,024 signatures":   envelope(signatures[:1024], `,"x":"`+repeat("x")+`"`),
	}
}

// CVE-2020-6173, K10, J7: a body that anyone may send costs a session a
// multiple of its length, for every role. Package metadata tests more shapes.
func TestBodiesCostAtMostAMultiple(t *testing.T) {
	bodies := costlyBodies()
	repo := verifytest.New(verifytest.Options{})
	delegateAll(repo, "a")
	repo.PublishOnly("root")
	repo.Publish()
	s := newClient(t, repo).session
	s.Lookup("x")
	asked := map[string]bool{}
	require.NoError(t, s.Run(context.Background(), nil, func(_ context.Context, req verify.Request) ([]byte, error) {
		asked[req.Role] = true
		typ := req.Role
		if typ == "a" {
			typ = "targets"
		}
		for name, body := range bodies {
			data := []byte(strings.ReplaceAll(body, "%s", typ))
			var err error
			_, cost := allocated(func() { err = s.Provide(req.ID, data) })
			require.Error(t, err)
			most := int64(allocatedPerByte*len(data) + allocatedAtFirst)
			require.LessOrEqual(t, cost, most, "%s as %s", name, req.Role)
		}
		return repo.Metadata().Source()(context.Background(), req)
	}))
	require.Len(t, asked, 5)
}

// A signed file costs a multiple too: that of a role that delegates a path to
// very many others, by very many prefixes and patterns.
func TestLookupsCostAtMostAMultiple(t *testing.T) {
	for name, members := range map[string]object{
		"prefixes": {"path_hash_prefixes": []any{"", "0", "a"}},
		"patterns": {"paths": []any{"*a*a*a*b", "*"}},
		"neither":  {},
	} {
		t.Run(name, func(t *testing.T) {
			repo := verifytest.New(verifytest.Options{Compact: true})
			repo.Edit("targets", func(signed object) {
				var list []any
				for i := range 20_000 {
					role := object{"name": fmt.Sprintf("%05d", i), "keyids": []any{}, "threshold": int64(1)}
					maps.Copy(role, members)
					list = append(list, role)
				}
				signed["delegations"] = object{"keys": object{}, "roles": list}
			})
			repo.Publish()
			most := int64(allocatedPerByte*len(fileOf(repo, "targets")) + 4*allocatedAtFirst)
			var c *client
			_, cost := allocated(func() {
				c = newClient(t, repo)
				require.NoError(t, c.update())
			})
			require.LessOrEqual(t, cost, most)
			_, cost = allocated(func() { c.session.Lookup(strings.Repeat("a", 100)) })
			require.LessOrEqual(t, cost, most)
		})
	}
}
