package gate

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The host of a request stands in the links of a page. What is none leads
// nowhere, and headers of other proxies mean nothing.
func TestHosts(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.config.Routes["/corp/"] = Route{Name: "pages", Protocol: pages{}, Upstream: "corp"}
	})
	for head, want := range map[string]string{
		"HTTP/1.1\r\nHost: proxy.test":                                    "http://proxy.test/corp/",
		"HTTP/1.1\r\nHost: proxy.test\r\nX-Forwarded-Host: evil.example":  "http://proxy.test/corp/",
		"HTTP/1.1\r\nHost: proxy.test\r\nForwarded: host=evil.example":    "http://proxy.test/corp/",
		"HTTP/1.1\r\nHost: proxy.test\r\nX-Forwarded-Prefix: //evil.test": "http://proxy.test/corp/",
		"HTTP/1.0":                         "there is no such host",
		"HTTP/1.1\r\nHost: ":               "there is no such host",
		"HTTP/1.1\r\nHost: a@evil.example": "400 Bad Request",
		"HTTP/1.1\r\nHost: a/b":            "400 Bad Request",
		"HTTP/1.1\r\nHost: a\"b":           "400 Bad Request",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(conn, "GET /corp/page "+head+"\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.Contains(t, string(answer), want, head)
		require.NotContains(t, string(answer), "evil", head)
	}
}
