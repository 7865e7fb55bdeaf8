package verifytest_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var oddNames = []string{
	"a/b", "a%2Fb", "?", "#", "/x", "../x", "..", ".", "", "with space", "a//b", "%", "%zz", "日本",
	"🍺/30", "A~b_c-d.e", "a\\b", "con", "http://evil.example/x", "a\x00b", "+&=:@$;,",
}

func TestFSWithHTTP(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for _, name := range oddNames {
			r := verifytest.New(verifytest.Options{NoConsistentSnapshot: plain})
			r.Targets().Delegate(verifytest.Delegation{Name: name})
			r.Targets().AddTarget("dir/"+name+".txt", []byte(name+"!"))
			r.Publish()

			metadata := httptest.NewServer(http.FileServerFS(r.Metadata().FS()))
			targets := httptest.NewServer(http.FileServerFS(r.TargetFiles().FS()))
			get := func(url string) (int, string) {
				resp, err := http.Get(url)
				require.NoError(t, err)
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				return resp.StatusCode, string(body)
			}
			for file, want := range r.Metadata() {
				code, body := get(metadata.URL + "/" + file)
				require.Equal(t, 200, code, file)
				require.Equal(t, string(want), body, file)
			}
			for file, want := range r.TargetFiles() {
				code, body := get(targets.URL + "/" + file)
				require.Equal(t, 200, code, file)
				require.Equal(t, string(want), body, file)
			}
			code, _ := get(metadata.URL + "/9.root.json")
			require.Equal(t, 404, code)
			metadata.Close()
			targets.Close()
		}
	}
}

func TestFS(t *testing.T) {
	r := verifytest.New(verifytest.Options{})
	for _, name := range []string{"a/b", "with space", "日本"} {
		r.Targets().Delegate(verifytest.Delegation{Name: name})
	}
	r.Publish()
	fsys := r.Metadata().FS()
	require.NoError(t, fstest.TestFS(fsys, "1.root.json", "1.a/b.json", "1.with space.json", "1.日本.json"))

	decoded, err := fs.ReadFile(fsys, "1.a/b.json")
	require.NoError(t, err)
	encoded, err := fs.ReadFile(fsys, "1.a%2Fb.json")
	require.NoError(t, err)
	require.Equal(t, decoded, encoded)

	// It shows changes, and prefers a decoded name to an encoded one.
	r.Targets().Delegate(verifytest.Delegation{Name: "a%2Fb"})
	r.Publish()
	encoded, err = fs.ReadFile(fsys, "1.a%2Fb.json")
	require.NoError(t, err)
	require.Equal(t, r.Metadata()[r.FileName("a%2Fb")], encoded)

	r.Metadata()["1.root.json"] = []byte("junk")
	data, err := fs.ReadFile(fsys, "1.root.json")
	require.NoError(t, err)
	require.Equal(t, "junk", string(data))

	_, err = fs.ReadFile(fsys, "2.root.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFSOddKeys(t *testing.T) {
	f := verifytest.Files{
		"%ff.json":    nil,
		"%zz.json":    []byte("z"),
		"..%2F..%2Fx": []byte("x"),
		"%2E":         nil,
		"":            nil,
		"d/":          []byte("d"),
		"/abs":        []byte("abs"),
	}
	require.NoError(t, fstest.TestFS(f.FS(), "x", "d", "abs"))
	data, err := fs.ReadFile(f.FS(), "%zz.json")
	require.NoError(t, err)
	require.Equal(t, "z", string(data))
	_, err = fs.ReadFile(f.FS(), "\xff.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
