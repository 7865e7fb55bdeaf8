package metadata_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// FuzzParse checks, for whatever parses as any role: that it parses to the same
// payload when it is written out again as ordinary JSON; that the payload is
// the reference's canonical form of "signed", wherever the reference accepts
// it; that canonical text is a fixed point; and that decoding and reading all
// of the content never panics. What parses as a DSSE envelope has the payload
// that the reference has, and reads as the same content in a classic one; and
// the other way round. Nothing parses as both (T17-1).
func FuzzParse(f *testing.F) {
	repo := verifytest.New(verifytest.Options{MetaHashes: true})
	repo.Targets().Delegate(verifytest.Delegation{Name: "a b", Paths: []string{"x/*", "[!a]?"}, Terminating: true}).AddTarget("x/1", []byte("1"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "bins", PathHashPrefixes: []string{""}}).DelegateSuccinct("bin", 3)
	repo.Publish()
	for _, data := range repo.Metadata() {
		f.Add(data)
		f.Add(inDSSE(contentIn(f, data)))
	}
	for _, s := range []string{
		timestampWith(`,"a":"\ud83c\udf7a\u0022\n"`), timestampWith(`,"b":1,"a":[1.5]`), `{"signatures":[],"signed":{"_type":"targets"}}`,
		`{"signatures":[{"keyid":"","sig":"00"}],"signed":{"_type":"root","roles":null},"x":1e5}`,
		`{"payload":"eyJfdHlwZSI6InJvb3QifQ==","payloadType":"application/vnd.tuf+json","signatures":[{"sig":"-_=="},{"sig":""}]}`,
		`{"payload":"eyJfdHlwZSI6InJvb3QifQ==","payloadType":"application/vnd.tuf+json","signatures":[],"signed":{"_type":"root"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkParse[metadata.Root](t, data)
		checkParse[metadata.Timestamp](t, data)
		checkParse[metadata.Snapshot](t, data)
		checkParse[metadata.Targets](t, data)
		checkDSSE[metadata.Root](t, data)
		checkDSSE[metadata.Timestamp](t, data)
		checkDSSE[metadata.Snapshot](t, data)
		checkDSSE[metadata.Targets](t, data)
	})
}

func checkDSSE[T metadata.Content](t *testing.T, data []byte) {
	before := bytes.Clone(data)
	env, err := parseDSSE[T](data)
	require.Equal(t, before, data)
	if err != nil {
		require.ErrorIs(t, err, metadata.ErrSyntax)
		return
	}
	_, err = metadata.Parse[T](data, metadata.Options{})
	require.ErrorIs(t, err, metadata.ErrSyntax, "one file, two forms")
	tree, err := verifytest.Decode(data)
	require.NoError(t, err)
	again, err := parseDSSE[T](verifytest.Encode(tree, "  "))
	require.NoError(t, err)
	require.Equal(t, env.Payload(), again.Payload())
	require.Equal(t, env.Signatures(), again.Signatures())
	reference := dsse.Envelope{PayloadType: metadata.PayloadType, Payload: tree.(map[string]any)["payload"].(string)}
	raw, err := reference.DecodeB64Payload()
	require.NoError(t, err)
	require.Equal(t, string(dsse.PAE(metadata.PayloadType, raw)), string(env.Payload()))
	classic, err := metadata.Parse[T]([]byte(`{"signatures":[],"signed":`+string(raw)+`}`), metadata.Options{})
	require.NoError(t, err)
	want, fault := classic.Unverified()
	require.NoError(t, sameInBothForms(string(raw), want, fault))
}

func checkParse[T metadata.Content](t *testing.T, data []byte) {
	before := bytes.Clone(data)
	env, err := metadata.Parse[T](data, metadata.Options{})
	require.Equal(t, before, data)
	if err != nil {
		require.ErrorIs(t, err, metadata.ErrSyntax)
		return
	}
	tree, err := verifytest.Decode(data)
	require.NoError(t, err, "encoding/json must take whatever we take")
	for _, indent := range []string{"", "  "} {
		again, err := metadata.Parse[T](verifytest.Encode(tree, indent), metadata.Options{})
		require.NoError(t, err)
		require.Equal(t, string(env.Payload()), string(again.Payload()))
		require.Equal(t, env.Signatures(), again.Signatures())
	}
	if reference, err := cjson.EncodeCanonical(tree.(map[string]any)["signed"]); err == nil {
		require.Equal(t, string(reference), string(env.Payload()))
	}
	content, err := env.Unverified()
	require.NoError(t, sameInBothForms(contentIn(t, data), content, err))
	if err != nil {
		require.ErrorIs(t, err, metadata.ErrSyntax)
		return
	}
	readAll(t, content)
}

// readAll goes through everything that a content gives access to.
func readAll(t *testing.T, content any) {
	signers := func(s metadata.RoleKeys) {
		require.Positive(t, s.Threshold())
		for range s.KeyIDs() {
		}
	}
	key := func(k metadata.Key) {
		_, _ = k.PublicKey()
		require.True(t, json.Valid(k.JSON()))
		require.Len(t, k.ContentID(), 64)
	}
	switch c := content.(type) {
	case *metadata.Root:
		for k := range c.Keys() {
			key(k)
			same, ok := c.Key(k.ID)
			require.True(t, ok)
			require.Equal(t, k, same)
		}
		for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
			s, ok := c.Role(role)
			require.True(t, ok)
			signers(s)
		}
	case *metadata.Timestamp:
		for range c.Snapshot().Hashes.All() {
		}
	case *metadata.Snapshot:
		for name, info := range c.Files() {
			same, ok := c.Listed(name)
			require.True(t, ok)
			require.Equal(t, info, same)
		}
	case *metadata.Targets:
		for path, info := range c.Files() {
			same, ok := c.File(path)
			require.True(t, ok)
			require.Equal(t, info, same)
			if custom, ok := info.Custom(); ok {
				require.True(t, json.Valid(custom))
			}
		}
		d := c.Delegations()
		if d == nil {
			return
		}
		for k := range d.Keys() {
			key(k)
		}
		for i := range d.Len() {
			role := d.At(i)
			signers(role.RoleKeys)
			for range role.Paths() {
			}
			for prefix := range role.PathHashPrefixes() {
				require.Contains(t, slices.Collect(d.Matching((prefix + zeros)[:64], func(string) bool { return false })), i)
			}
		}
		if s := d.SuccinctRoles(); s != nil {
			signers(s.RoleKeys)
			require.True(t, s.Has(s.Bin(0)))
		}
	}
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
