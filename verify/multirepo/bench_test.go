package multirepo_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/ratio"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// BenchmarkGroup looks up one target that all of several repositories list,
// from empty stores. Each repository has 4,096 hash bins. It compares the group
// with the same repositories' sessions, one after the other: a group costs
// their sum.
//
//	go test ./verify/multirepo -run '^$' -bench Group
func BenchmarkGroup(b *testing.B) {
	for _, n := range []int{1, 2, 8} {
		b.Run(fmt.Sprint(n, " repositories"), func(b *testing.B) { benchmarkGroup(b, n) })
	}
}

func benchmarkGroup(b *testing.B, n int) {
	start, sources := map[string]multirepo.Repository{}, map[string][]verify.Source{}
	var names []any
	listed := map[string]any{}
	var now time.Time
	for i := range n {
		name := fmt.Sprint("r", i)
		repo := verifytest.New(verifytest.Options{Seed: name, Compact: true})
		repo.Targets().DelegateBins("bin", 4096)
		repo.Targets().AddToBin("x", []byte("same"))
		repo.Publish()
		names, listed[name] = append(names, name), []any{"u"}
		start[name], now = multirepo.Repository{TrustedRoot: repo.TrustedRoot()}, repo.Now()
		sources[name] = []verify.Source{repo.Metadata().Source()}
	}
	entry := map[string]any{"paths": []any{"*"}, "repositories": names, "threshold": int64(n)}
	file := verifytest.Encode(map[string]any{"repositories": listed, "mapping": []any{entry}}, "")
	m, err := metadata.ParseMap(file)
	require.NoError(b, err)
	together := func() {
		g, err := multirepo.New(m, start, now, multirepo.Options{})
		require.NoError(b, err)
		l := g.Lookup("x")
		require.NoError(b, g.Run(b.Context(), nil, sources))
		_, err = l.Target()
		require.NoError(b, err)
	}
	alone := func() {
		var all []*verify.Session // in memory together, as the group's are
		for name, r := range start {
			s, err := verify.New(r.TrustedRoot, r.Stored, now, verify.Options{})
			require.NoError(b, err)
			l := s.Lookup("x")
			require.NoError(b, s.Run(b.Context(), nil, sources[name]...))
			_, err = l.Target()
			require.NoError(b, err)
			all = append(all, s)
		}
		runtime.KeepAlive(all)
	}
	ratio.InTurn(b, together, alone)
}
