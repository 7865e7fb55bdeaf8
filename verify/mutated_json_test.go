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

// richRoles are the roles of a rich repository whose files are mutated.
var richRoles = append(slices.Clone(topLevel), "a")

// rich returns a repository whose files have every member that there is, and
// unknown ones.
func rich(succinct bool, format metadata.EnvelopeFormat) *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{EnvelopeFormat: format})
	repo.Targets().AddTarget("top", []byte("hello"))
	repo.Targets().SetCustom("top", object{"k": "v"})
	a := repo.Targets().Delegate(verifytest.Delegation{
		Name: "a", Paths: []string{"a/*"}, Terminating: true,
	})
	a.AddTarget("a/0", []byte("hello"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "b", PathHashPrefixes: []string{"0", "f"}})
	if succinct {
		a.DelegateSuccinct("bin", 2)
	} else {
		delegate(a, "c", "a/1").AddTarget("a/1", []byte("hello"))
	}
	for _, role := range richRoles {
		repo.Edit(role, func(signed object) {
			signed["x-unknown"] = []any{"x", object{"y": int64(1)}}
		})
	}
	repo.Publish()
	return repo
}

// TestEveryPath replaces the value at every JSON path of every role's file by
// null, [], {}, "", 0, -1, 1.5, true, or itself twice (G1, G2, J5,
// CVE-2026-23991). It does so as a mirror would, and also signs the result, as
// a repository would. The first must not be trusted, unless only unsigned bytes
// changed. The second may be accepted or rejected. Neither may panic, now or
// later.
//
//
func TestEveryPath(t *testing.T) {
	for _, succinct := range []bool{false, true} {
		repo := rich(succinct, metadata.Classic)
		for _, role := range richRoles {
			file := fileOf(repo, role)
			tampered, resigned, accepted := 0, 0, 0
			for m := range mutations(t, file) {
				tampered++
				m.mustBeUnsigned(t, repo, role, file)
				if signed, ok := m.signed(); ok {
					resigned++
					again := verifytest.Sign(signed, repo.Keys(role)...)
					if offer(t, repo, role, verifytest.Encode(again, "")) {
						accepted++
					}
				}
			}
			require.Greater(t, tampered, 100, role)
			require.Greater(t, resigned, accepted, role)
			require.Positive(t, accepted, "an unknown member may have any value")
			require.True(t, offer(t, repo, role, file))
		}
	}
}

// TestEveryPathWithDSSE does the same to DSSE envelopes and to the payload in
// them, which is accepted where a classic file with that content is.
func TestEveryPathWithDSSE(t *testing.T) {
	for _, succinct := range []bool{false, true} {
		repo, classic := rich(succinct, metadata.DSSE), rich(succinct, metadata.Classic)
		for _, role := range richRoles {
			testEveryPathWithDSSE(t, repo, classic, role)
		}
	}
}

func testEveryPathWithDSSE(t *testing.T, repo, classic *verifytest.Repo, role string) {
	file := fileOf(repo, role)
	for m := range mutations(t, file) {
		m.mustBeUnsigned(t, repo, role, file)
	}
	tree, err := verifytest.Decode(file)
	require.NoError(t, err)
	envelope := tree.(object)
	payload := envelope["payload"]
	resigned, accepted := 0, 0
	for m := range mutations(t, verifytest.Encode(object{"signed": contentOf(t, file)}, "")) {
		signed, ok := m.signed()
		if !ok {
			continue
		}
		text := verifytest.Encode(signed, "")
		envelope["payload"] = base64.StdEncoding.EncodeToString(text)
		trusted := offer(t, repo, role, verifytest.Encode(envelope, ""))
		require.False(t, trusted, "%s: %s was trusted", role, m.path)
		dsseFile := verifytest.Encode(verifytest.SignDSSE(text, repo.Keys(role)...), "")
		classicFile := verifytest.Encode(verifytest.Sign(signed, classic.Keys(role)...), "")
		good := offer(t, repo, role, dsseFile)
		require.Equal(t, offer(t, classic, role, classicFile), good, "%s: %s", role, m.path)
		if resigned++; good {
			accepted++
		}
	}
	require.Greater(t, resigned, max(accepted, 50), role)
	require.Positive(t, accepted, role)
	envelope["payload"] = payload
	require.True(t, offer(t, repo, role, verifytest.Encode(envelope, "")))
}

// mutation is a file with one change.
type mutation struct {
	path      string
	duplicate bool // a value or a member is there twice
	file      []byte
	tree      object
}

// signed returns the content if it was changed, and can be signed as it is.
func (m mutation) signed() (object, bool) {
	signed, ok := m.tree["signed"].(object)
	return signed, ok && strings.HasPrefix(m.path, "signed.") && !m.duplicate
}

// mustBeUnsigned checks that the mutation is rejected, or changes only what is
// not signed.
func (m mutation) mustBeUnsigned(t *testing.T, repo *verifytest.Repo, role string, file []byte) {
	if offer(t, repo, role, m.file) {
		require.Equal(t, payloadOf(t, file), payloadOf(t, m.file), "%s: %s was trusted", role, m.path)
	}
}

// mutations yields the file with one change after the other.
func mutations(t *testing.T, file []byte) func(func(mutation) bool) {
	return func(yield func(mutation) bool) {
		tree, err := verifytest.Decode(file)
		require.NoError(t, err)
		m := mutator{tree: tree, yield: yield}
		m.walk("", tree, func(x any) { m.tree = x })
	}
}

// mutator changes a document, and yields it after each change.
type mutator struct {
	tree  any
	yield func(mutation) bool
}

func (m *mutator) emit(path string, duplicate bool, file []byte) bool {
	tree, _ := m.tree.(object)
	return m.yield(mutation{path, duplicate, file, tree})
}

// walk changes the value at a path, which set replaces, and those below it. It
// says whether to go on.
func (m *mutator) walk(path string, v any, set func(any)) bool {
	for _, r := range []any{nil, []any{}, object{}, "", int64(0), int64(-1), json.Number("1.5"), true} {
		set(r)
		if !m.emit(path, false, verifytest.Encode(m.tree, "")) {
			return false
		}
	}
	set(v)
	switch v := v.(type) {
	case object:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if !m.emit(path+"."+k, true, m.withTwice(v, k)) {
				return false
			}
			if !m.walk(join(path, k), v[k], func(x any) { v[k] = x }) {
				return false
			}
		}
	case []any:
		set(append(slices.Clone(v), v...))
		more := m.emit(path, true, verifytest.Encode(m.tree, ""))
		set(v)
		if !more {
			return false
		}
		for i := range v {
			if !m.walk(fmt.Sprintf("%s[%d]", path, i), v[i], func(x any) { v[i] = x }) {
				return false
			}
		}
	}
	return true
}

// withTwice returns the document with a member of an object twice.
func (m *mutator) withTwice(v object, k string) []byte {
	v[k+"\x00"] = v[k]
	defer delete(v, k+"\x00")
	name := verifytest.Encode(k, "")
	marked := strings.TrimSuffix(string(name), `"`) + `\u0000"`
	return bytes.Replace(verifytest.Encode(m.tree, ""), []byte(marked), name, 1)
}

func join(path, k string) string {
	if path == "" {
		return k
	}
	return path + "." + k
}

// offer offers a file as a role's, with all others right, and says whether it
// was accepted. Then the update goes on to its end.
func offer(t *testing.T, repo *verifytest.Repo, role string, file []byte) bool {
	s := newSession(t, repo, verify.Stored{}, verify.Options{EnvelopeFormat: repo.EnvelopeFormat()})
	for _, path := range []string{"top", "a/0", "a/1", "b", "c"} {
		s.Lookup(path)
	}
	accepted := false
	for b, ok := s.Next(); ok; b, ok = s.Next() {
		for _, req := range b.Fetch {
			if req.Role == role && req.Version != 3 {
				if s.Provide(req.ID, file) != nil {
					require.Equal(t, []verify.Request{req}, s.Outstanding())
					return false
				}
				accepted = true
				continue
			}
			data, ok := repo.Metadata()[req.Path]
			if !ok || s.Provide(req.ID, data) != nil {
				require.NoError(t, s.NotFound(req.ID))
			}
		}
	}
	return accepted
}
