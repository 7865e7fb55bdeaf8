package verifytest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// get asks a server over the network.
func get(t testing.TB, url string) ([]byte, error) {
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	switch resp.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusNotFound:
		return nil, verify.ErrNotAtSource
	}
	return nil, fmt.Errorf("%s: %s", url, resp.Status)
}

// A client installs from a folder that an ordinary file server serves, and
// again when more has been published and written over it.
func TestWriteDir(t *testing.T) {
	for _, o := range []verifytest.Options{
		{}, {NoConsistentSnapshot: true, MetaHashes: true},
		{Hashes: []string{"sha512", "sha256"}}, {EnvelopeFormat: metadata.DSSE},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			repo := verifytest.New(o)
			team := repo.Targets().Delegate(verifytest.Delegation{Name: "a/b", Paths: []string{"tools/*/*"}})
			team.AddTarget("tools/x y/hammer 100%.txt", []byte("hammer"))
			repo.Publish()
			dir := filepath.Join(t.TempDir(), "new", "mirror")
			require.NoError(t, repo.WriteDir(dir))
			server := httptest.NewServer(http.FileServer(http.Dir(dir)))
			defer server.Close()

			anchor, err := os.ReadFile(filepath.Join(dir, "root.json"))
			require.NoError(t, err)
			require.Equal(t, repo.TrustedRoot(), anchor)
			s, err := verify.New(anchor, verify.Stored{}, repo.Now(), verify.Options{EnvelopeFormat: o.EnvelopeFormat})
			require.NoError(t, err)
			install := func() string {
				l := s.Lookup("tools/x y/hammer 100%.txt")
				require.NoError(t, s.Run(context.Background(), nil, func(_ context.Context, r verify.Request) ([]byte, error) {
					return get(t, server.URL+"/metadata/"+r.Path)
				}))
				target, err := l.Target()
				require.NoError(t, err)
				require.Equal(t, "a/b", target.Role)
				paths, err := target.URLPaths()
				require.NoError(t, err)
				var out bytes.Buffer
				for _, path := range paths {
					out.Reset()
					body, err := get(t, server.URL+"/targets/"+path)
					require.NoError(t, err, path)
					require.NoError(t, target.Copy(&out, bytes.NewReader(body)))
				}
				return out.String()
			}
			require.Equal(t, "hammer", install())

			team.AddTarget("tools/x y/hammer 100%.txt", []byte("sledgehammer"))
			repo.Rotate("timestamp", 1, repo.Key("timestamp2"))
			repo.Publish()
			require.NoError(t, repo.WriteDir(dir))
			s, err = s.Renew(verify.Stored{}, repo.Now())
			require.NoError(t, err)
			require.Equal(t, "sledgehammer", install())

			_, err = get(t, server.URL+"/metadata/9.root.json")
			require.ErrorIs(t, err, verify.ErrNotAtSource)
		})
	}
}

// Every file is served, under every odd name that a folder can have, and
// nothing is written outside. What cannot be written is named.
func TestWriteDirOddNames(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for _, name := range oddNames {
			r := verifytest.New(verifytest.Options{NoConsistentSnapshot: plain})
			r.Targets().Delegate(verifytest.Delegation{Name: name})
			r.Targets().AddTarget("dir/"+name+".txt", []byte(name+"!"))
			r.Publish()
			dir := filepath.Join(t.TempDir(), "mirror")
			if err := r.WriteDir(dir); err != nil {
				require.ErrorContains(t, err, fmt.Sprintf("verifytest: %q", r.FileName(name)))
				require.FileExists(t, filepath.Join(dir, "metadata", "timestamp.json"), "the others are written")
				continue
			}
			require.NotContains(t, name, "\x00")
			for folder, files := range map[string]verifytest.Files{"metadata": r.Metadata(), "targets": r.TargetFiles()} {
				server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(dir, folder))))
				for file, want := range files {
					got, err := get(t, server.URL+"/"+file)
					require.NoError(t, err, file)
					require.Equal(t, want, got, file)
				}
				server.Close()
			}
			beside, err := os.ReadDir(filepath.Dir(dir))
			require.NoError(t, err)
			require.Len(t, beside, 1, "%q", name)
		}
	}
}

func TestWriteDirOneNameForTwo(t *testing.T) {
	dir := t.TempDir()
	err := verifytest.Files{
		"a/b": []byte("1"), "a%2Fb": []byte("2"), "a": []byte("3"), "%ff": nil, "%zz": nil, "": nil, "z": []byte("z"),
	}.WriteDir(dir)
	require.ErrorIs(t, err, fs.ErrExist)
	for _, name := range []string{`"a/b"`, `"%ff"`, `"%zz"`, `""`} {
		require.ErrorContains(t, err, "verifytest: "+name)
	}
	for name, want := range map[string]string{"a": "3", "z": "z"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(data))
	}
}

// The name that files have before they are whole is no file's: the next one
// would take it away.
func TestWriteDirUnfinishedName(t *testing.T) {
	dir := t.TempDir()
	err := verifytest.Files{
		".verifytest-unfinished": []byte("1"), "%2everifytest-unfinished/x": []byte("2"), "z": []byte("z"),
	}.WriteDir(dir)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.ErrorContains(t, err, `verifytest: ".verifytest-unfinished"`)
	require.ErrorContains(t, err, `verifytest: "%2everifytest-unfinished/x"`)
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, list, 1)
}
