package loopback_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/internal/loopback"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestServe(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("dir/x", []byte("hello"))
	repo.Publish()
	base, stop, err := loopback.Serve(loopback.Repository(repo))
	require.NoError(t, err)
	get := func(path string) (int, string) {
		resp, err := http.Get(base + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	code, body := get("/metadata/timestamp.json")
	require.Equal(t, 200, code)
	require.Equal(t, string(repo.Metadata()["timestamp.json"]), body)
	for path, data := range repo.TargetFiles() {
		code, body = get("/targets/" + path)
		require.Equal(t, 200, code)
		require.Equal(t, string(data), body)
	}
	code, _ = get("/timestamp.json")
	require.Equal(t, 404, code)
	stop()
	_, err = http.Get(base + "/metadata/timestamp.json")
	require.Error(t, err)
}
