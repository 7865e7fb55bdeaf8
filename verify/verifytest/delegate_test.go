package verifytest_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func hexSHA512(data []byte) string {
	sum := sha512.Sum512(data)
	return hex.EncodeToString(sum[:])
}

// entries returns the delegations that a role's newest file lists.
func entries(t testing.TB, r *verifytest.Repo, role string) (list []object) {
	for _, e := range signed(t, r, r.FileName(role))["delegations"].(object)["roles"].([]any) {
		list = append(list, e.(object))
	}
	return list
}

// delegated counts the good signatures of a role's newest file by the keys that
// the delegator lists for it.
func delegated(t testing.TB, r *verifytest.Repo, delegator, role string) int {
	t.Helper()
	keys := signed(t, r, r.FileName(delegator))["delegations"].(object)["keys"].(object)
	for _, e := range entries(t, r, delegator) {
		if e["name"] == role {
			return goodSignatures(t, r.Metadata()[r.FileName(role)], keys, e)
		}
	}
	t.Fatalf("%s does not delegate to %s", delegator, role)
	return 0
}

func TestDelegate(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	r.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}})
	r.Targets().Delegate(verifytest.Delegation{
		Name:             "b",
		PathHashPrefixes: []string{},
		Terminating:      true,
		Threshold:        2,
		Keys:             []*verifytest.Key{r.Key("b1"), r.Key("b2"), r.Key("b3")},
	})
	r.Publish()
	require.Equal(t, []object{
		{
			"name":        "a",
			"keyids":      []any{r.Key("a").ID()},
			"threshold":   json.Number("1"),
			"terminating": false,
			"paths":       []any{"a/*"},
		},
		{
			"name":               "b",
			"keyids":             []any{r.Key("b1").ID(), r.Key("b2").ID(), r.Key("b3").ID()},
			"threshold":          json.Number("2"),
			"terminating":        true,
			"path_hash_prefixes": []any{},
		},
	}, entries(t, r, "targets"))
	require.Equal(t, 1, delegated(t, r, "targets", "a"))
	require.Equal(t, 3, delegated(t, r, "targets", "b"))

	// Replaced in its place, with another key.
	r.Targets().Delegate(verifytest.Delegation{Name: "a", Keys: []*verifytest.Key{r.Key("a2")}})
	r.Publish()
	require.Equal(t, "a", entries(t, r, "targets")[0]["name"])
	require.NotContains(t, entries(t, r, "targets")[0], "paths")
	require.Equal(t, 1, delegated(t, r, "targets", "a"))
	require.EqualValues(t, 2, r.Version("a"))

	r.Targets().Undelegate("a")
	r.Publish()
	require.Len(t, entries(t, r, "targets"), 1)
	require.Contains(t, signed(t, r, r.FileName("snapshot"))["meta"], "a.json")
}

func TestDelegateReservedName(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	require.Nil(t, r.Targets().Delegate(verifytest.Delegation{Name: "snapshot"}))
	r.Publish()
	require.Equal(t, "snapshot", entries(t, r, "targets")[0]["name"])
	requireSignedBy(t, 1, r, "1.root.json", "2.snapshot.json")
}

func TestDiamond(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	left := r.Targets().Delegate(verifytest.Delegation{Name: "left"})
	right := r.Targets().Delegate(verifytest.Delegation{Name: "right"})
	a := left.Delegate(verifytest.Delegation{Name: "release", Keys: []*verifytest.Key{r.Key("l")}})
	b := right.Delegate(verifytest.Delegation{Name: "release", Keys: []*verifytest.Key{r.Key("r")}})
	require.Same(t, a, b)
	r.Publish()
	require.Equal(t, 1, delegated(t, r, "left", "release"))
	require.Equal(t, 1, delegated(t, r, "right", "release"))

	r.SignWith("release", r.Key("l"))
	r.Publish()
	require.Equal(t, 1, delegated(t, r, "left", "release"))
	require.Equal(t, 0, delegated(t, r, "right", "release"))
}

func TestBinsCoverEveryPrefixOnce(t *testing.T) {
	for _, n := range []int{1, 2, 8, 16, 32, 256, 1024, 4096} {
		r := verifytest.New(verifytest.Options{Compact: true})
		r.Targets().DelegateBins("bin", n)
		r.Publish()
		list := entries(t, r, "targets")
		require.Len(t, list, n)
		owner := map[string]string{}
		digits := len(list[0]["path_hash_prefixes"].([]any)[0].(string))
		for _, e := range list {
			for _, p := range e["path_hash_prefixes"].([]any) {
				require.Len(t, p, digits)
				require.NotContains(t, owner, p)
				owner[p.(string)] = e["name"].(string)
			}
		}
		require.LessOrEqual(t, digits, 4)
		for i := range 1 << 16 {
			require.NotEmpty(t, owner[fmt.Sprintf("%04x", i)[:digits]])
		}
		for i := range 100 {
			path := fmt.Sprint("file", i)
			require.Equal(t, owner[hexSHA256([]byte(path))[:digits]], r.Targets().Bin(path).Name())
		}
		require.Equal(t, 1, delegated(t, r, "targets", list[n-1]["name"].(string)))
	}
}

func TestSuccinct(t *testing.T) {
	for bits, want := range map[int][2]string{
		1:  {"b-0", "b-1"},
		4:  {"b-0", "b-f"},
		5:  {"b-00", "b-1f"},
		8:  {"b-00", "b-ff"},
		9:  {"b-000", "b-1ff"},
		13: {"b-0000", "b-1fff"},
	} {
		r := verifytest.New(verifytest.Options{})
		r.Targets().DelegateSuccinct("b", bits)
		r.Targets().AddToBin("x", []byte("x"))
		r.Publish()
		require.Equal(t, object{
			"keys": object{r.Key("b").ID(): mustDecode(t, verifytest.Encode(r.Key("b").Object(), ""))},
			"succinct_roles": object{
				"keyids": []any{r.Key("b").ID()}, "threshold": json.Number("1"),
				"bit_length": json.Number(fmt.Sprint(bits)), "name_prefix": "b",
			},
		}, signed(t, r, "2.targets.json")["delegations"])
		meta := signed(t, r, "2.snapshot.json")["meta"].(object)
		require.Len(t, meta, 1+1<<bits)
		require.Contains(t, meta, want[0]+".json")
		require.Contains(t, meta, want[1]+".json")
		bin := r.Targets().Bin("x").Name()
		require.Contains(t, signed(t, r, "1."+bin+".json")["targets"], "x")
	}
}

func TestSuccinctWide(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	r.Targets().DelegateSuccinct("b", 32, r.Key("one"), r.Key("two"))
	r.Targets().AddToBin("x", []byte("x"))
	r.Publish()
	name := "b-" + hexSHA256([]byte("x"))[:8]
	require.Equal(t, name, r.Targets().Bin("x").Name())
	require.Len(t, signed(t, r, "2.snapshot.json")["meta"].(object), 2)
	require.Len(t, mustDecode(t, r.Metadata()["1."+name+".json"])["signatures"], 2)
}

// Classic and succinct bins of the same number are the same bins.
func TestClassicAndSuccinctAgree(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	classic := r.Targets().Delegate(verifytest.Delegation{Name: "classic"})
	succinct := r.Targets().Delegate(verifytest.Delegation{Name: "succinct"})
	classic.DelegateBins("c", 128)
	succinct.DelegateSuccinct("s", 7)
	for i := range 500 {
		path := fmt.Sprint(i)
		require.Equal(t, classic.Bin(path).Name()[1:], succinct.Bin(path).Name()[1:])
	}
}

func buildBins(o verifytest.Options, succinct bool) *verifytest.Repo {
	r := verifytest.New(o)
	if succinct {
		r.Targets().DelegateSuccinct("bin", 14)
	} else {
		bins := r.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}})
		bins.DelegateBins("bin", 1<<14)
	}
	r.Publish()
	return r
}

func BenchmarkBins(b *testing.B) {
	for _, kind := range []string{"classic", "succinct"} {
		for _, o := range []struct {
			name string
			verifytest.Options
		}{{"plain", verifytest.Options{}}, {"hashes", verifytest.Options{MetaHashes: true}}} {
			b.Run(kind+"/"+o.name, func(b *testing.B) {
				for b.Loop() {
					buildBins(o.Options, kind == "succinct")
				}
			})
			b.Run(kind+"/"+o.name+"/again", func(b *testing.B) {
				r := buildBins(o.Options, kind == "succinct")
				for b.Loop() {
					r.Touch("bin-0000")
					r.Publish()
				}
			})
		}
	}
}
