package metadata_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Good contents. Tests replace parts of them.
const (
	goodRoot = `{"_type":"root","consistent_snapshot":true,"expires":"2030-01-02T00:00:00Z","keys":{` +
		`"k1":{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519","x":1},` +
		`"k2":{"keytype":"future","keyval":{"identity":"i"},"scheme":"s"}},` +
		`"roles":{"root":{"keyids":["k1","k2"],"threshold":2},"snapshot":{"keyids":["k1"],"threshold":1},` +
		`"targets":{"keyids":["k1"],"threshold":1},"timestamp":{"keyids":["k1"],"threshold":1}},` +
		`"spec_version":"1.0.34","version":7}`
	goodTimestamp = `{"_type":"timestamp","expires":"2030-01-02T00:00:00Z",` +
		`"meta":{"snapshot.json":{"hashes":{"sha256":"AB"},"length":10,"version":3}},` +
		`"spec_version":"1.0","version":7}`
	goodSnapshot = `{"_type":"snapshot","expires":"2030-01-02T00:00:00Z",` +
		`"meta":{"a b.json":{"version":2},"root.json":{"version":1},"targets.json":{"version":3}},` +
		`"spec_version":"1.0.34","version":7}`
	goodTargets = `{"_type":"targets","delegations":{` +
		`"keys":{"k1":{"keytype":"ed25519","keyval":{"public":"aa"},"scheme":"ed25519"}},"roles":[` +
		`{"keyids":["k1"],"name":"a","paths":["a/*","b"],"terminating":true,"threshold":1},` +
		`{"keyids":["k1"],"name":"b","path_hash_prefixes":["00","0a1"],"threshold":2}]},` +
		`"expires":"2030-01-02T00:00:00Z","spec_version":"1.0.34","targets":{"a/1":{"custom":{"n":[1,"\n"]},` +
		`"hashes":{"sha256":"aa","sha512":"bb","x":"cc"},"length":0},` +
		`"b\"":{"hashes":{"md5":"d"},"length":5}},"version":7}`
	succinctTargets = `{"_type":"targets","delegations":{"keys":{},` +
		`"succinct_roles":{"bit_length":14,"keyids":["k1"],"name_prefix":"bin","threshold":1}},` +
		`"expires":"2030-01-02T00:00:00Z","spec_version":"1.0.34","targets":{},"version":7}`
)

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// decode reads a content. It tries each content in both envelope formats.
func decode[T metadata.Content](signed string) (*T, error) {
	var content *T
	env, err := metadata.Parse[T]([]byte(`{"signatures":[],"signed":`+signed+`}`), metadata.Options{})
	if err == nil {
		content, err = env.Unverified()
	}
	if differ := sameInBothFormats(signed, content, err); differ != nil {
		return nil, differ
	}
	return content, err
}

func mustDecode[T metadata.Content](t *testing.T, signed string) *T {
	t.Helper()
	c, err := decode[T](signed)
	require.NoError(t, err)
	return c
}

// replaced is a replacement in a good content, and the error that it causes.
type replaced struct{ old, new, want string }

func mustNotDecode[T metadata.Content](t *testing.T, good string, cases []replaced) {
	t.Helper()
	for _, c := range cases {
		require.Equal(t, 1, strings.Count(good, c.old), "%s must be in the document once", c.old)
		_, err := decode[T](strings.Replace(good, c.old, c.new, 1))
		require.ErrorIs(t, err, metadata.ErrSyntax, "%s -> %s", c.old, c.new)
		require.ErrorContains(t, err, c.want, "%s -> %s", c.old, c.new)
	}
}

// unverified reads a classic file.
func unverified[T metadata.Content](t testing.TB, data []byte) *T {
	env, err := metadata.Parse[T](data, metadata.Options{})
	require.NoError(t, err)
	c, err := env.Unverified()
	require.NoError(t, err)
	return c
}

// timestampWith returns an unsigned timestamp file. The given JSON follows the
// members of its content.
func timestampWith(member string) string {
	return `{"signatures":[],"signed":{"_type":"timestamp","expires":"2030-01-02T00:00:00Z",` +
		`"meta":{"snapshot.json":{"version":1}},"spec_version":"1.0.34","version":1` + member + `}}`
}

// payload returns the bytes that the signatures of a timestamp cover.
func payload(t *testing.T, file string) string {
	t.Helper()
	env, err := metadata.Parse[metadata.Timestamp]([]byte(file), metadata.Options{})
	require.NoError(t, err)
	return string(env.Payload())
}

// contentIn returns the value of "signed" in a classic file, as written.
func contentIn(t require.TestingT, file []byte) string {
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(file, &members))
	return string(members["signed"])
}

// inDSSE returns an unsigned DSSE envelope around a content.
func inDSSE(content string) []byte {
	return verifytest.Encode(verifytest.SignDSSE([]byte(content)), "")
}

func parseDSSE[T metadata.Content](data []byte) (*metadata.Envelope[T], error) {
	return metadata.Parse[T](data, metadata.Options{EnvelopeFormat: metadata.DSSE})
}

// sameInBothFormats returns an error unless a content in a DSSE envelope gives
// the same content or the same error as in a classic one.
func sameInBothFormats[T metadata.Content](content string, want *T, fault error) error {
	var got *T
	env, err := parseDSSE[T](inDSSE(content))
	if err == nil {
		got, err = env.Unverified()
	}
	if fault == nil {
		if err != nil || !reflect.DeepEqual(want, got) {
			return fmt.Errorf("with DSSE it is not the same: %v", err)
		}
		return nil
	}
	var a, b *metadata.SyntaxError
	if !errors.As(fault, &a) || !errors.As(err, &b) ||
		a.Reason != b.Reason || strings.Replace(a.Path, "signed", "payload", 1) != b.Path {
		return fmt.Errorf("classic: %v; with DSSE: %v", fault, err)
	}
	return nil
}

// snapshotOf returns a snapshot of n files.
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

// targetPath returns a path as long as those of PyPI.
func targetPath(i int) string {
	return fmt.Sprintf("packages/%02x/%02x/some_project-%05d-py3-none-any.whl", i&0xff, i>>8&0xff, i)
}

// targetsOf returns the file of a top-level targets role.
func targetsOf(build func(*verifytest.Role), o verifytest.Options) []byte {
	repo := verifytest.New(o)
	build(repo.Targets())
	repo.PublishOnly("targets")
	return repo.Metadata()[repo.FileName("targets")]
}

// listing adds n targets to a role.
func listing(n int) func(*verifytest.Role) {
	return func(x *verifytest.Role) {
		for i := range n {
			x.AddTargetInfo(targetPath(i), 100_000+int64(i), map[string]string{"sha256": digestOf(i)})
		}
	}
}

// classicBins adds n hash bins to a role.
func classicBins(n int) func(*verifytest.Role) {
	return func(x *verifytest.Role) { x.DelegateBins("bin", n) }
}

// patterned adds n delegations with one pattern each to a role.
func patterned(n int) func(*verifytest.Role) {
	return func(x *verifytest.Role) {
		key := []*verifytest.Key{verifytest.NewKey("ed25519", "all")}
		for i := range n {
			x.Delegate(verifytest.Delegation{
				Name:  fmt.Sprintf("role-%05d", i),
				Paths: []string{fmt.Sprintf("dir-%05d/*", i)},
				Keys:  key,
			})
		}
	}
}
