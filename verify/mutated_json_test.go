package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestEveryPath replaces the value at every JSON path of every role's file by
// null, [], {}, "", 0, -1, 1.5, true, or itself twice (G1, G2, J5,
// CVE-2026-23991), as a mirror would and, signed anew, as a repository would.
// The one must not be trusted but for what is not signed; the other may be
// refused or taken, and neither may panic, now or in what comes after.
//
//
func TestEveryPath(t *testing.T) {
	for _, succinct := range []bool{false, true} {
		repo := rich(succinct, metadata.Classic)
		for _, role := range []string{"root", "timestamp", "snapshot", "targets", "a"} {
			file := repo.Metadata()[repo.FileName(role)]
			tampered, resigned, taken := 0, 0, 0
			for m := range mutations(t, file) {
				tampered++
				if offer(t, repo, role, m.file) {
					require.Equal(t, payloadOf(t, file), payloadOf(t, m.file), "%s: %s was trusted", role, m.path)
				}
				if signed, ok := m.tree["signed"].(map[string]any); ok && strings.HasPrefix(m.path, "signed.") && !m.duplicate {
					resigned++
					if offer(t, repo, role, verifytest.Encode(verifytest.Sign(signed, repo.Keys(role)...), "")) {
						taken++
					}
				}
			}
			require.Greater(t, tampered, 100, role)
			require.Greater(t, resigned, taken, role)
			require.Positive(t, taken, "an unknown member may be anything")
			require.True(t, offer(t, repo, role, file))
		}
	}
}

// TestEveryPathWithDSSE does the same to DSSE envelopes and, inside of them, to
// the payload: what it says counts as it would in a classic file.
func TestEveryPathWithDSSE(t *testing.T) {
	for _, succinct := range []bool{false, true} {
		repo, twin := rich(succinct, metadata.DSSE), rich(succinct, metadata.Classic)
		for _, role := range []string{"root", "timestamp", "snapshot", "targets", "a"} {
			file := repo.Metadata()[repo.FileName(role)]
			for m := range mutations(t, file) {
				if offer(t, repo, role, m.file) {
					require.Equal(t, payloadOf(t, file), payloadOf(t, m.file), "%s: %s was trusted", role, m.path)
				}
			}
			envelope, err := verifytest.Decode(file)
			require.NoError(t, err)
			payload := envelope.(object)["payload"]
			resigned, taken := 0, 0
			for m := range mutations(t, verifytest.Encode(object{"signed": contentOf(t, file)}, "")) {
				signed, ok := m.tree["signed"].(object)
				if !ok || !strings.HasPrefix(m.path, "signed.") || m.duplicate {
					continue
				}
				text := verifytest.Encode(signed, "")
				envelope.(object)["payload"] = base64.StdEncoding.EncodeToString(text)
				require.False(t, offer(t, repo, role, verifytest.Encode(envelope, "")), "%s: %s was trusted", role, m.path)
				good := offer(t, repo, role, verifytest.Encode(verifytest.SignDSSE(text, repo.Keys(role)...), ""))
				require.Equal(t, offer(t, twin, role, verifytest.Encode(verifytest.Sign(signed, twin.Keys(role)...), "")), good, "%s: %s", role, m.path)
				if resigned++; good {
					taken++
				}
			}
			require.Greater(t, resigned, max(taken, 50), role)
			require.Positive(t, taken, role)
			envelope.(object)["payload"] = payload
			require.True(t, offer(t, repo, role, verifytest.Encode(envelope, "")))
		}
	}
}

// rich is a repository whose files have every member that there is, and unknown
// ones.
func rich(succinct bool, form metadata.EnvelopeFormat) *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{EnvelopeFormat: form})
	repo.Targets().AddTarget("top", []byte("hello"))
	repo.Targets().SetCustom("top", map[string]any{"k": "v"})
	a := repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}, Terminating: true})
	a.AddTarget("a/0", []byte("hello"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "b", PathHashPrefixes: []string{"0", "f"}})
	if succinct {
		a.DelegateSuccinct("bin", 2)
	} else {
		a.Delegate(verifytest.Delegation{Name: "c", Paths: []string{"a/1"}}).AddTarget("a/1", []byte("hello"))
	}
	for _, role := range []string{"root", "timestamp", "snapshot", "targets", "a"} {
		repo.Edit(role, func(signed map[string]any) { signed["x-unknown"] = []any{"x", map[string]any{"y": int64(1)}} })
	}
	repo.Publish()
	return repo
}

type mutation struct {
	path      string
	duplicate bool
	file      []byte
	tree      map[string]any
}

// mutations yields the file with one value after the other replaced.
func mutations(t *testing.T, file []byte) func(func(mutation) bool) {
	return func(yield func(mutation) bool) {
		tree, err := verifytest.Decode(file)
		require.NoError(t, err)
		root := tree.(map[string]any)
		var walk func(path string, v any, set func(any)) bool
		walk = func(path string, v any, set func(any)) bool {
			for _, r := range []any{nil, []any{}, map[string]any{}, "", int64(0), int64(-1), json.Number("1.5"), true} {
				set(r)
				if !yield(mutation{path, false, verifytest.Encode(tree, ""), root}) {
					return false
				}
			}
			set(v)
			switch v := v.(type) {
			case map[string]any:
				for _, k := range slices.Sorted(maps.Keys(v)) {
					v[k+"\x00"] = v[k]
					double := bytes.Replace(verifytest.Encode(tree, ""), []byte(strings.TrimSuffix(string(verifytest.Encode(k, "")), `"`)+`\u0000"`), verifytest.Encode(k, ""), 1)
					delete(v, k+"\x00")
					if !yield(mutation{path + "." + k, true, double, root}) || !walk(join(path, k), v[k], func(x any) { v[k] = x }) {
						return false
					}
				}
			case []any:
				set(append(slices.Clone(v), v...))
				more := yield(mutation{path, true, verifytest.Encode(tree, ""), root})
				set(v)
				if !more {
					return false
				}
				for i := range v {
					if !walk(fmt.Sprintf("%s[%d]", path, i), v[i], func(x any) { v[i] = x }) {
						return false
					}
				}
			}
			return true
		}
		walk("", tree, func(x any) { tree = x })
	}
}

func join(path, k string) string {
	if path == "" {
		return k
	}
	return path + "." + k
}

// offer offers a file as a role's, all others being right, and says whether it
// was taken. Then the update goes on to its end.
func offer(t *testing.T, repo *verifytest.Repo, role string, file []byte) bool {
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{EnvelopeFormat: repo.EnvelopeFormat()})
	require.NoError(t, err)
	for _, path := range []string{"top", "a/0", "a/1", "b", "c"} {
		s.Lookup(path)
	}
	taken := false
	source := repo.Metadata().Source()
	for {
		b, ok := s.Next()
		if !ok {
			return taken
		}
		for _, req := range b.Fetch {
			if req.Role == role && req.Version != 3 {
				err := s.Provide(req.ID, file)
				if taken = err == nil; !taken {
					require.Equal(t, []verify.Request{req}, s.Outstanding())
					return false
				}
				continue
			}
			if data, err := source(req); err != nil || s.Provide(req.ID, data) != nil {
				require.NoError(t, s.NotFound(req.ID))
			}
		}
	}
}
