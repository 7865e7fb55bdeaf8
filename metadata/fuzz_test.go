package metadata_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// FuzzParse checks, for every input that is a file of any type:
//
//   - written again as ordinary JSON, it has the same payload;
//   - its payload is the reference implementation's canonical form of "signed",
//     if the reference accepts that;
//   - canonical text is its own canonical form;
//   - decoding and reading the whole content does not panic;
//   - a DSSE envelope has the same payload in the reference implementation;
//   - the content is the same in both envelope formats, and no file is valid in
//     both (T17-1).
func FuzzParse(f *testing.F) {
	repo := verifytest.New(verifytest.Options{MetaHashes: true})
	repo.Targets().Delegate(verifytest.Delegation{
		Name: "a b", Paths: []string{"x/*", "[!a]?"}, Terminating: true,
	}).AddTarget("x/1", []byte("1"))
	repo.Targets().Delegate(verifytest.Delegation{
		Name: "bins", PathHashPrefixes: []string{""},
	}).DelegateSuccinct("bin", 3)
	repo.Publish()
	for _, data := range repo.Metadata() {
		f.Add(data)
		f.Add(inDSSE(contentIn(f, data)))
	}
	const payload = `"payload":"eyJfdHlwZSI6InJvb3QifQ==","payloadType":"application/vnd.tuf+json"`
	for _, s := range []string{
		timestampWith(`,"a":"\ud83c\udf7a\u0022\n"`),
		timestampWith(`,"b":1,"a":[1.5]`),
		`{"signatures":[],"signed":{"_type":"targets"}}`,
		`{"signatures":[{"keyid":"","sig":"00"}],"signed":{"_type":"root","roles":null},"x":1e5}`,
		`{` + payload + `,"signatures":[{"sig":"-_=="},{"sig":""}]}`,
		`{` + payload + `,"signatures":[],"signed":{"_type":"root"}}`,
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
	require.ErrorIs(t, err, metadata.ErrSyntax, "one file, two formats")
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
	require.NoError(t, sameInBothFormats(string(raw), want, fault))
}

func checkParse[T metadata.Content](t *testing.T, data []byte) {
	before := bytes.Clone(data)
	env, err := metadata.Parse[T](data, metadata.Options{})
	require.Equal(t, before, data)
	if err != nil {
		require.ErrorIs(t, err, metadata.ErrSyntax)
		return
	}
	if file := env.File(); file != nil {
		require.Equal(t, data, file)
		require.Contains(t, string(file), string(env.Payload()))
	}
	tree, err := verifytest.Decode(data)
	require.NoError(t, err, "encoding/json must accept what we accept")
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
	require.NoError(t, sameInBothFormats(contentIn(t, data), content, err))
	if err != nil {
		require.ErrorIs(t, err, metadata.ErrSyntax)
		return
	}
	readAll(t, content)
}

// readAll reads everything in a content.
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
				require.Contains(t, matching(d, (prefix + zeros)[:64]), i)
			}
		}
		if s := d.SuccinctRoles(); s != nil {
			signers(s.RoleKeys)
			require.True(t, s.Has(s.Bin(0)))
		}
	}
}

// FuzzSavedTarget checks that a saved target which is accepted is the same when
// it is written and read again.
func FuzzSavedTarget(f *testing.F) {
	for _, s := range []string{
		`{"consistent_snapshot":true,"expires":"2030-01-02T00:00:00Z","path":"app","role":"targets",` +
			`"target":{"hashes":{"sha256":"00"},"length":5}}`,
		`{"consistent_snapshot":false,"expires":"2030-01-02T00:00:00.5+01:00","path":"\u0022\\\n","role":"",` +
			`"target":{"hashes":{"a":"b","c":""},"length":0,"custom":{"x":[null,"\u0001"]}},"more":1.5}`,
		`{"target":{"hashes":{}}}`,
		`{"consistent_snapshot":true,"expires":"9999-12-31T23:59:59.1-01:00","path":"","role":"r",` +
			`"target":{"hashes":{"a":"b"},"length":0}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		saved, err := metadata.ParseSavedTarget(data)
		if err != nil {
			require.ErrorIs(t, err, metadata.ErrSyntax)
			return
		}
		written := saved.JSON()
		require.True(t, json.Valid(written))
		again, err := metadata.ParseSavedTarget(written)
		require.NoError(t, err)
		require.True(t, saved.Expires.Equal(again.Expires))
		again.Expires = saved.Expires
		require.Equal(t, saved, again)
		require.Equal(t, written, again.JSON())
	})
}
