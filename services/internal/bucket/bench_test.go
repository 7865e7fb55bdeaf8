package bucket

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkServe compares files from a folder with http.FileServer, on the same
// files.
func BenchmarkServe(b *testing.B) {
	for _, size := range []int{1000, 100_000, 10_000_000} {
		dir := b.TempDir()
		bucket, err := Open(b.Context(), "file://"+filepath.ToSlash(dir))
		require.NoError(b, err)
		defer bucket.Close()
		files, data := bucket.Files(FilesOptions{}), bodyOf("served", size)
		digest := digestOf(data)
		file, err := files.Get(b.Context(), digest, int64(size), (&filling{data: data}).fill)
		require.NoError(b, err)
		file.Close()
		key := wanted{digest, int64(size)}.key()
		for name, handler := range map[string]http.Handler{
			"FileServer": http.FileServer(http.Dir(dir)),
			"bucket": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				f, err := files.Get(r.Context(), digest, int64(size), notNeeded)
				if err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
				defer f.Close()
				w.Header().Set("Content-Type", "application/octet-stream")
				http.ServeContent(w, r, "", f.ModTime, f)
			}),
		} {
			server := httptest.NewServer(handler)
			defer server.Close()
			b.Run(fmt.Sprintf("%d bytes/%s", size, name), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						res, err := http.Get(server.URL + "/" + key)
						if err != nil || res.StatusCode != http.StatusOK {
							b.Error(err)
							return
						}
						if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(size) {
							b.Error(n, err)
						}
						res.Body.Close()
					}
				})
			})
		}
	}
}
