package client

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// While a repository of a map cannot be reached, the client answers from its
// earlier view: View and Expires show that one, and Watch warns before it
// expires, with a map as without one.
func TestViewOfAMapWhoseMirrorIsDown(t *testing.T) {
	for _, mapped := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			repo := verifytest.New(verifytest.Options{Start: time.Now()})
			repo.Targets().AddTarget("app", []byte("hello"))
			repo.Publish()
			n := clienttest.NewNetwork()
			defer n.Close()
			server := clienttest.NewServer(repo)
			n.Host("a", server)
			one := Repository{
				TrustedRoot: repo.TrustedRoot(), Metadata: []string{"https://a/metadata"},
				Targets: []string{"https://a/targets"}, HTTP: MirrorsConfig{Transport: n.Transport(), Retries: -1},
			}
			c := Config{TrustedRoot: one.TrustedRoot, Metadata: one.Metadata, Targets: one.Targets, HTTP: one.HTTP}
			if mapped {
				c = Config{Repositories: map[string]Repository{"a": one}}
				c.Map = parseMap(t, `{"repositories": {"a": ["https://a"]}, "mapping": [
					{"paths": ["*"], "repositories": ["a"], "threshold": 1, "terminating": true}]}`)
			}
			var warned []time.Duration
			began := time.Now()
			c.Observe = func(e Event) {
				if _, ok := e.(ExpiryAhead); ok {
					warned = append(warned, time.Since(began))
				}
			}
			client, err := Open(c)
			require.NoError(t, err)
			defer client.Close()
			require.NoError(t, client.Refresh(t.Context()))
			before := client.View()
			require.WithinDuration(t, time.Now().Add(24*time.Hour), client.Expires(), 0)

			server.Always("/metadata/*", clienttest.Status(503))
			require.Error(t, client.Refresh(t.Context()))
			now := client.View()
			require.Equal(t, before.Expires, now.Expires)
			require.Equal(t, before.Repositories[0].versions(), now.Repositories[0].versions())
			_, err = client.Find(t.Context(), "app")
			require.NoError(t, err)

			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Hour)
			defer cancel()
			_ = client.Watch(ctx, Watch{})
			require.Len(t, warned, 2, "mapped: %t", mapped)
			require.Equal(t, 24*time.Hour, warned[1].Round(time.Hour))
		})
	}
}
