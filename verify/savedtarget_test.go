package verify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A checked answer survives being saved, with all that it says.
func TestSavedTarget(t *testing.T) {
	for _, o := range []verifytest.Options{
		{}, {NoConsistentSnapshot: true}, {Hashes: []string{"sha512", "sha256", "sha384"}},
	} {
		repo := verifytest.New(o)
		path := "dir/\"quoted\" \\ é \u2028/app"
		repo.Targets().AddTarget(path, []byte("hello"))
		repo.Targets().SetCustom(path, map[string]any{"note": "line\none", "n": int64(7)})
		repo.Publish()
		target := newClient(t, repo).mustFind(path)
		saved, err := json.Marshal(target)
		require.NoError(t, err)
		again, err := verify.TrustSavedTarget(saved, roles.Policy{})
		require.NoError(t, err)
		require.Equal(t, target.Expires.UTC(), again.Expires.UTC())
		again.Expires = target.Expires
		require.Equal(t, target, again)
		custom, _ := again.Custom()
		require.JSONEq(t, `{"note":"line\none","n":7}`, string(custom))
		require.NoError(t, again.Check([]byte("hello")))
		require.ErrorIs(t, again.Check([]byte("hallo")), verify.ErrHash)
		require.ErrorIs(t, again.Check([]byte("hell")), verify.ErrLength)
		require.ErrorIs(t, again.Check([]byte("hello!")), verify.ErrLength)
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(saved), string(twice))
	}
}

// What was not saved by this library is refused: the reading is as strict as
// that of metadata. JSON does not make a Target by accident.
func TestBadSavedTargets(t *testing.T) {
	target := targetOf(t, "app", []byte("hello"), verifytest.Options{})
	saved, err := json.Marshal(target)
	require.NoError(t, err)
	for name, change := range map[string][2]string{
		"cut":           {`}}`, ``},
		"no hashes":     {`"hashes":{`, `"hashes":{},"other":{`},
		"a fraction":    {`"length":5`, `"length":5.0`},
		"below 0":       {`"length":5`, `"length":-1`},
		"no path":       {`"path"`, `"Path"`},
		"twice":         {`"path":"app"`, `"path":"app","path":"evil"`},
		"no role":       {`"role":"targets",`, ``},
		"no time":       {`"expires":"2`, `"expires":"x`},
		"not a boolean": {`"consistent_snapshot":true`, `"consistent_snapshot":1`},
	} {
		bad := strings.Replace(string(saved), change[0], change[1], 1)
		require.NotEqual(t, string(saved), bad, name)
		_, err := verify.TrustSavedTarget([]byte(bad), roles.Policy{})
		require.ErrorIs(t, err, verify.ErrSyntax, name)
		require.ErrorContains(t, err, "saved target: ", name)
	}
	var accident verify.Target
	require.NoError(t, json.Unmarshal(saved, &accident)) // its exported fields alone
	require.ErrorIs(t, accident.Check([]byte("hello")), verify.ErrHash)
	_, err = json.Marshal(verify.Target{})
	require.ErrorIs(t, err, verify.ErrUntrusted)
	require.Error(t, new(verify.Target).Check(nil))
}

// Copy says whose fault it is: the source's, the destination's or that of the
// bytes.
func TestWhoseFaultACopyIs(t *testing.T) {
	target := targetOf(t, "app", []byte("hello"), verifytest.Options{})
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		dst     io.Writer
		src     io.Reader
		writing bool
		want    string
	}{
		"source":           {io.Discard, iotest.ErrReader(broken), false, "app could not be read from its source: broken"},
		"source, later":    {io.Discard, io.MultiReader(strings.NewReader("he"), iotest.ErrReader(broken)), false, "read"},
		"source, too late": {io.Discard, io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)), false, "read"},
		"destination":      {brokenWriter{broken}, strings.NewReader("hello"), true, "app could not be written: broken"},
		"short":            {brokenWriter{nil}, strings.NewReader("hello"), true, io.ErrShortWrite.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			err := target.Copy(c.dst, c.src)
			fault := new(verify.CopyError)
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.writing, fault.Writing)
			require.Equal(t, "app", fault.Path)
			require.ErrorContains(t, err, c.want)
			if name != "short" {
				require.ErrorIs(t, err, broken)
			}
		})
	}
	for content, want := range map[string]error{
		"hallo": verify.ErrHash, "hell": verify.ErrLength, "hello!": verify.ErrLength,
	} {
		var dst bytes.Buffer
		err := target.Copy(&dst, strings.NewReader(content))
		require.ErrorIs(t, err, want)
		require.False(t, errors.As(err, new(*verify.CopyError)), content)
	}
}
