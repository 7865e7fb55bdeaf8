package verifytest_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

type object = map[string]any

func mustDecode(t testing.TB, data []byte) object {
	t.Helper()
	v, err := verifytest.Decode(data)
	require.NoError(t, err)
	return v.(object)
}

// signed returns the content of a served file.
func signed(t testing.TB, r *verifytest.Repo, name string) object {
	t.Helper()
	require.Contains(t, r.Metadata(), name)
	return mustDecode(t, r.Metadata()[name])["signed"].(object)
}

// goodSignatures counts the valid signatures of a file by the keys of a role.
// keys and role are those of a root or of a list of delegations.
func goodSignatures(t testing.TB, data []byte, keys, role object) int {
	t.Helper()
	doc := mustDecode(t, data)
	message, err := cjson.EncodeCanonical(doc["signed"])
	require.NoError(t, err)
	n := 0
	for _, s := range doc["signatures"].([]any) {
		id := s.(object)["keyid"].(string)
		if !slices.Contains(role["keyids"].([]any), any(id)) {
			continue
		}
		sig, err := hex.DecodeString(s.(object)["sig"].(string))
		require.NoError(t, err)
		if verifierOf(t, keys[id].(object)).Verify(context.Background(), message, sig) == nil {
			n++
		}
	}
	return n
}

func requireSignedBy(t testing.TB, want int, r *verifytest.Repo, root, file string) {
	t.Helper()
	list := signed(t, r, root)
	role := signed(t, r, file)["_type"].(string)
	got := goodSignatures(t, r.Metadata()[file], list["keys"].(object), list["roles"].(object)[role].(object))
	require.Equal(t, want, got, "%s by the keys of %s", file, root)
}

func names(f verifytest.Files) []string { return slices.Sorted(maps.Keys(f)) }

// sample returns a repository with a past: delegations, bins, a rotation, a
// target that is no longer listed.
func sample(o verifytest.Options) *verifytest.Repo {
	r := verifytest.New(o)
	team := r.Targets().Delegate(verifytest.Delegation{Name: "team/α", Paths: []string{"team/*"}, Terminating: true})
	team.AddTarget("team/app v1.txt", []byte("app"))
	team.SetCustom("team/app v1.txt", object{"n": int64(1)})
	r.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}}).DelegateBins("bin", 32)
	r.Role("bins").AddToBin("other", []byte("x"))
	r.Publish()
	r.Advance(time.Hour)
	r.Rotate("root", 2, r.Key("root2"), r.Key("root3"))
	r.Role("team/α").RemoveTarget("team/app v1.txt")
	r.Publish()
	return r
}

func TestDeterministic(t *testing.T) {
	for _, o := range []verifytest.Options{
		{}, {NoConsistentSnapshot: true}, {MetaHashes: true, Hashes: []string{"sha512", "sha256"}}, {Compact: true},
		{Scheme: "ecdsa-sha2-nistp384"}, {Scheme: "rsassa-pss-sha384"}, {Scheme: "ml-dsa-87/1"},
	} {
		a, b := sample(o), sample(o)
		require.Equal(t, a.TrustedRoot(), b.TrustedRoot())
		require.Equal(t, a.Metadata(), b.Metadata())
		require.Equal(t, a.TargetFiles(), b.TargetFiles())
	}
	seeded := verifytest.New(verifytest.Options{Seed: "x"})
	require.NotEqual(t, verifytest.New(verifytest.Options{}).TrustedRoot(), seeded.TrustedRoot())
}

func TestNew(t *testing.T) {
	for _, scheme := range referenceSchemes {
		r := verifytest.New(verifytest.Options{Scheme: scheme})
		require.Equal(t, []string{"1.root.json", "1.snapshot.json", "1.targets.json", "timestamp.json"}, names(r.Metadata()))
		for _, file := range names(r.Metadata()) {
			requireSignedBy(t, 1, r, "1.root.json", file)
		}
		require.Equal(t, r.Metadata()["1.root.json"], r.TrustedRoot())
	}
	r := verifytest.New(verifytest.Options{NoConsistentSnapshot: true})
	require.Equal(t, []string{"1.root.json", "snapshot.json", "targets.json", "timestamp.json"}, names(r.Metadata()))
	require.Equal(t, false, signed(t, r, "1.root.json")["consistent_snapshot"])
	require.Equal(t, object{
		"_type": "timestamp", "spec_version": "1.0.34", "version": json.Number("1"), "expires": "2030-01-02T00:00:00Z",
		"meta": object{"snapshot.json": object{"version": json.Number("1")}},
	}, signed(t, r, "timestamp.json"))
}

func TestPublishOnlyWhatChanged(t *testing.T) {
	r := sample(verifytest.Options{})
	require.EqualValues(t, 2, r.Version("root"))
	require.EqualValues(t, 2, r.Version("targets"))
	require.EqualValues(t, 2, r.Version("team/α"))
	require.EqualValues(t, 1, r.Version("bin-00"))
	require.EqualValues(t, 3, r.Version("snapshot"))
	require.EqualValues(t, 3, r.Version("timestamp"))
	require.Equal(t, "2.team%2F%CE%B1.json", r.FileName("team/α"))
	require.Len(t, signed(t, r, "3.snapshot.json")["meta"].(object), 1+1+1+32)
	require.Equal(t, "2030-01-02T01:00:00Z", signed(t, r, "timestamp.json")["expires"])

	r.Touch("bin-00")
	r.Publish()
	require.EqualValues(t, 2, r.Version("bin-00"))
	require.EqualValues(t, 1, r.Version("bin-01"))

	r.PublishOnly("timestamp", "targets")
	require.EqualValues(t, 5, r.Version("timestamp"))
	require.EqualValues(t, 3, r.Version("targets"))
	require.EqualValues(t, 4, r.Version("snapshot"))
	require.Equal(t, object{"version": json.Number("2")}, signed(t, r, "4.snapshot.json")["meta"].(object)["targets.json"])
}

func TestMetaHashes(t *testing.T) {
	r := sample(verifytest.Options{MetaHashes: true, Hashes: []string{"sha256", "sha512"}})
	info := signed(t, r, "timestamp.json")["meta"].(object)["snapshot.json"].(object)
	data := r.Metadata()["3.snapshot.json"]
	require.Equal(t, json.Number(fmt.Sprint(len(data))), info["length"])
	require.Equal(t, object{"sha256": hexSHA256(data), "sha512": hexSHA512(data)}, info["hashes"])
	for role, info := range signed(t, r, "3.snapshot.json")["meta"].(object) {
		data := r.Metadata()[r.FileName(role[:len(role)-len(".json")])]
		require.Equal(t, hexSHA256(data), info.(object)["hashes"].(object)["sha256"], role)
	}
}

func TestTargetFiles(t *testing.T) {
	r := sample(verifytest.Options{Hashes: []string{"sha256", "sha512"}})
	app := []byte("app")
	require.Equal(t, app, r.TargetFiles()["team/"+hexSHA256(app)+".app%20v1.txt"])
	require.Equal(t, app, r.TargetFiles()["team/"+hexSHA512(app)+".app%20v1.txt"])
	require.Equal(t, object{"team/app v1.txt": object{
		"length": json.Number("3"),
		"hashes": object{"sha256": hexSHA256(app), "sha512": hexSHA512(app)},
		"custom": object{"n": json.Number("1")},
	}}, signed(t, r, "1.team%2F%CE%B1.json")["targets"])
	require.Empty(t, signed(t, r, "2.team%2F%CE%B1.json")["targets"])

	r = sample(verifytest.Options{NoConsistentSnapshot: true})
	require.Equal(t, []string{"other", "team/app%20v1.txt"}, names(r.TargetFiles()))

	r.Targets().AddTargetInfo("nowhere", 7, map[string]string{"blake2b-256": "00"})
	r.TargetFiles()["other"] = []byte("evil")
	r.Role("bins").Bin("other").AddTarget("empty", nil)
	r.Publish()
	require.Equal(t, []string{"empty", "other", "team/app%20v1.txt"}, names(r.TargetFiles()))
	require.Equal(t, "evil", string(r.TargetFiles()["other"]), "publishing again does not undo a test's change")
	require.Equal(t, object{"length": json.Number("7"), "hashes": object{"blake2b-256": "00"}},
		signed(t, r, "targets.json")["targets"].(object)["nowhere"])
}

func TestRotate(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	for i := 2; i <= 5; i++ {
		r.Rotate("root", 2, r.Key(fmt.Sprint("a", i)), r.Key(fmt.Sprint("b", i)))
		r.PublishOnly("root")
		old := fmt.Sprintf("%d.root.json", i-1)
		requireSignedBy(t, min(2, i-1), r, old, r.FileName("root"))
		requireSignedBy(t, 2, r, r.FileName("root"), r.FileName("root"))
	}
	require.Equal(t, "5.root.json", r.FileName("root"))

	r.Rotate("targets", 1, r.Key("new"), r.Key("newer"))
	r.Publish()
	requireSignedBy(t, 0, r, "1.root.json", "2.targets.json")
	requireSignedBy(t, 2, r, "6.root.json", "2.targets.json")
	require.Len(t, mustDecode(t, r.Metadata()["6.root.json"])["signatures"], 2)
	require.Equal(t, []*verifytest.Key{r.Key("new"), r.Key("newer")}, r.Keys("targets"))
}

func TestSignWith(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	r.SignWith("timestamp", r.Key("stranger"), r.Key("timestamp"), r.Key("timestamp"))
	r.Publish()
	require.Len(t, mustDecode(t, r.Metadata()["timestamp.json"])["signatures"], 3)
	requireSignedBy(t, 2, r, "1.root.json", "timestamp.json")
	r.SignWith("timestamp", r.Key("stranger"))
	r.Publish()
	requireSignedBy(t, 0, r, "1.root.json", "timestamp.json")
	r.SignWith("timestamp")
	r.Publish()
	requireSignedBy(t, 1, r, "1.root.json", "timestamp.json")
	require.Len(t, mustDecode(t, r.Metadata()["timestamp.json"])["signatures"], 1)
}

func TestEdit(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	r.Edit("targets", func(signed object) { signed["x-extra"] = []any{nil, json.Number("1e3")} })
	r.EditEnvelope("targets", func(envelope object) {
		envelope["signatures"] = append(envelope["signatures"].([]any), object{"keyid": "k", "sig": ""})
	})
	r.Publish()
	doc := mustDecode(t, r.Metadata()["2.targets.json"])
	require.Equal(t, []any{nil, json.Number("1e3")}, doc["signed"].(object)["x-extra"])
	require.Len(t, doc["signatures"], 2)

	r.Edit("targets", nil)
	r.EditEnvelope("targets", nil)
	r.Publish()
	doc = mustDecode(t, r.Metadata()["3.targets.json"])
	require.NotContains(t, doc["signed"], "x-extra")
	require.Len(t, doc["signatures"], 1)
	requireSignedBy(t, 1, r, "1.root.json", "3.targets.json")
}

func TestVersionAndLifetime(t *testing.T) {
	r := verifytest.New(verifytest.Options{Start: time.Date(2031, 2, 3, 4, 5, 6, 7, time.FixedZone("", 3600))})
	r.SetVersion("timestamp", 9)
	r.SetLifetime("timestamp", -time.Second)
	r.Publish()
	ts := signed(t, r, "timestamp.json")
	require.Equal(t, json.Number("9"), ts["version"])
	require.Equal(t, "2031-02-03T03:05:05Z", ts["expires"])
	r.Publish()
	require.EqualValues(t, 10, r.Version("timestamp"))
	r.SetVersion("timestamp", 2)
	r.Publish()
	require.Equal(t, json.Number("2"), signed(t, r, "timestamp.json")["version"])
}

func TestSetConsistentSnapshot(t *testing.T) {
	r := verifytest.New(verifytest.Options{NoConsistentSnapshot: true})
	r.Targets().AddTarget("d/a", []byte("a"))
	r.Publish()
	r.SetConsistentSnapshot(true)
	r.PublishOnly("root")
	require.Equal(t, true, signed(t, r, "2.root.json")["consistent_snapshot"])
	require.Equal(t, []string{
		"1.root.json", "2.root.json", "2.snapshot.json", "2.targets.json", "snapshot.json", "targets.json", "timestamp.json",
	}, names(r.Metadata()))
	require.Equal(t, []string{"d/a", "d/" + hexSHA256([]byte("a")) + ".a"}, names(r.TargetFiles()))
	r.Publish()
	require.Contains(t, r.Metadata(), "3.snapshot.json")
}

func TestTampering(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	old := r.Metadata().Clone()
	root := r.TrustedRoot()
	r.Metadata()["1.root.json"][0] = 'x'
	r.TrustedRoot()[0] = 'x'
	require.Equal(t, root, r.TrustedRoot())
	require.Equal(t, byte('{'), old["1.root.json"][0])
	r.Publish()
	require.NotEqual(t, old["timestamp.json"], r.Metadata()["timestamp.json"])
}

func TestMistakesPanic(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	options := func(o verifytest.Options) func() { return func() { verifytest.New(o) } }
	for want, f := range map[string]func(){
		`verifytest: no targets role "x"`:                        func() { r.Role("x") },
		`verifytest: Rotate: "x" is not a top-level role`:        func() { r.Rotate("x", 1) },
		`verifytest: no hash "md5"`:                              options(verifytest.Options{Hashes: []string{"md5"}}),
		`verifytest: no scheme "x"`:                              options(verifytest.Options{Scheme: "x"}),
		`verifytest: role "targets" has no bins`:                 func() { r.Targets().Bin("a") },
		`verifytest: role "targets" has no target "a"`:           func() { r.Targets().SetCustom("a", nil) },
		`verifytest: role "targets" does not delegate to "a"`:    func() { r.Targets().Undelegate("a") },
		`verifytest: DelegateSuccinct: 33 bits; must be 1 to 32`: func() { r.Targets().DelegateSuccinct("a", 33) },
	} {
		require.PanicsWithValue(t, want, f)
	}
	require.Panics(t, func() { r.Targets().DelegateBins("a", 3) })
}
