package gate

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// withIndexes has a map cover the indexes of the names that begin with acme,
// and a public registry answer all else.
func withIndexes(w *world) {
	m, err := metadata.ParseMap([]byte(`{"repositories": {"private": ["https://m1"]}, "mapping": [{"paths": [
		"acme-*/index.json", "@acme/*/index.json", "simple/acme-*/*", "acme.example/*/@v/list"
	], "repositories": ["private"], "threshold": 1, "terminating": true}]}`))
	require.NoError(w, err)
	w.config.Upstreams["corp"] = Upstream{client.Config{Map: m, RootGrace: 50 * time.Millisecond,
		Repositories: map[string]client.Repository{"private": {
			TrustedRoot: w.repo.TrustedRoot(), Metadata: w.bases("metadata", "m1"), Targets: w.bases("targets", "m1"),
			HTTP: w.http(),
		}}}}
	public := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte("not signed"))
	}))
	w.Cleanup(public.Close)
	w.config.Unverified = map[string]Unverified{"public": {URL: public.URL + "/", Patterns: []string{
		"*/-/*", "*/*/-/*", "packages/*", "*/*/@v/*", "*/*/*/@v/*", "*/*/*/@latest",
	}}}
	for name, p := range map[string]protocol.Protocol{
		"npm": protocol.NPM{}, "pypi": protocol.PyPI{}, "go": protocol.Go{},
	} {
		w.config.Routes["/"+name+"/"] = Route{Name: name, Protocol: p, Upstream: "corp", Unverified: []string{"public"}}
	}
}

// A map that covers the index of a name covers the name: its files do not come
// from an upstream without TUF either.
func TestFilesOfCoveredNames(t *testing.T) {
	w := newWorld(t, withIndexes)
	for _, path := range []string{
		"npm/acme-tool/-/acme-tool-9.9.9.tgz", "npm/@acme/tool/-/tool-9.9.9.tgz", "npm/@acme%2ftool/-/tool-9.9.9.tgz",
		"pypi/packages/acme_tool-9.9.9-py3-none-any.whl", "pypi/packages/Acme.Tool-9.9.9.tar.gz",
		"pypi/packages/acme_tool-9.9.9-py3-none-any.whl.metadata", "pypi/packages/acme-tool-9.9.9.zip",
		"go/acme.example/tool/@v/v9.9.9.zip", "go/acme.example/tool/@v/v9.9.9.mod",
		// Of the modules that may have a package, go takes the one with
		// the longest path.
		"go/acme.example/tool/package/@v/list", "go/acme.example/tool/package/@latest",
		"go/acme.example/tool/v2/@v/v2.0.0.zip",
	} {
		require.Equal(t, "404 Not Found", w.ask("HEAD /"+path, "Tuf-Unverified"), path)
	}
	for _, path := range []string{
		"npm/left-pad/-/left-pad-1.0.0.tgz", "npm/@other/tool/-/tool-9.9.9.tgz",
		"pypi/packages/requests-2.0-py3-none-any.whl", "go/other.example/tool/@v/v9.9.9.zip",
	} {
		require.Equal(t, "200 OK\nTuf-Unverified: public\nnot signed", w.ask("GET /"+path, "Tuf-Unverified"), path)
	}
}
