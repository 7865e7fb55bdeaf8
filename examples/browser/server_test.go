package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestWhatIsServed(t *testing.T) {
	base := serve(t, demoWorld())
	for path, contentType := range map[string]string{
		"/": "text/html", "/style.css": "text/css", "/app.js": "text/javascript", "/icon.svg": "image/svg+xml",
		"/wasm_exec.js": "text/javascript", "/bridge.wasm": "application/wasm", "/config.json": "application/json",
		"/mirrors/honest/metadata/timestamp.json": "application/octet-stream",
	} {
		res, data := get(t, base+path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		got := res.Header.Get("Content-Type")
		require.True(t, strings.HasPrefix(got, contentType), "%s: %s", path, got)
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'", path)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
		require.NotEmpty(t, data, path)
	}
	for _, path := range []string{
		"/nothing", "/mirrors/", "/mirrors/honest", "/mirrors/nobody/metadata/timestamp.json",
		"/mirrors/honest/secrets/x", "/mirrors/honest/metadata/9.root.json", "/main.go",
	} {
		res, _ := get(t, base+path)
		require.Equal(t, http.StatusNotFound, res.StatusCode, path)
	}
}

func TestTheProgramIsCompressedForThoseWhoCan(t *testing.T) {
	base := serve(t, demoWorld())
	sizes := map[string]int{}
	for _, encoding := range []string{"gzip", "identity"} {
		req, err := http.NewRequest(http.MethodGet, base+"/bridge.wasm", nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", encoding)
		res, err := http.DefaultTransport.RoundTrip(req)
		require.NoError(t, err)
		data, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		sizes[res.Header.Get("Content-Encoding")] = len(data)
	}
	require.Equal(t, 5000, sizes[""])
	require.Less(t, sizes["gzip"], 500)
}

// The same mirrors, seen by an ordinary client.
func TestEachMirrorLiesAsItSays(t *testing.T) {
	now := time.Now().UTC()
	w := demo(now, pace{}, nil)
	base := serve(t, w)
	res, data := get(t, base+"/config.json")
	require.Equal(t, http.StatusOK, res.StatusCode)
	var config world
	require.NoError(t, json.Unmarshal(data, &config))
	require.Equal(t, w.TrustedRoot, config.TrustedRoot)
	require.Len(t, config.Mirrors, 5)
	another := demo(now.Add(time.Second), pace{}, nil)
	serve(t, another)
	require.NotEqual(t, config.Store, another.Store, "each repository has its own store")

	stored := verifytest.Store{}
	for _, c := range []struct {
		mirror         string
		update, target error
	}{
		{"honest", nil, nil},
		{"metadata", verify.ErrThreshold, nil},
		{"target", nil, verify.ErrHash},
		{"frozen", verify.ErrRollback, nil},
		{"expired", verify.ErrExpired, nil},
	} {
		s, err := verify.New(config.TrustedRoot, verify.LoadStored(t.Context(), stored), now, verify.Options{})
		require.NoError(t, err)
		l := s.Lookup(anvil)
		err = s.Run(t.Context(), stored, fetch(t, base+"/mirrors/"+c.mirror+"/metadata"))
		if c.update != nil {
			require.ErrorIs(t, err, c.update, c.mirror)
			continue
		}
		require.NoError(t, err, c.mirror)
		target, err := l.Target()
		require.NoError(t, err)
		paths, err := target.URLPaths()
		require.NoError(t, err)
		_, body := get(t, base+"/mirrors/"+c.mirror+"/targets/"+paths[0])
		err = target.Copy(io.Discard, bytes.NewReader(body))
		require.ErrorIs(t, err, c.target, c.mirror)
	}
}

// fetch is the one mirror at a base URL.
func fetch(t *testing.T, base string) verify.Source {
	t.Helper()
	m, err := client.NewMirrors(client.MirrorsConfig{Metadata: []string{base}, Retries: -1})
	require.NoError(t, err)
	return m.Sources()[0].Fetch
}

// A server may say anything. Nothing but a whole file or an error is passed on:
// net/http itself would panic at a status below 100.
func TestProxyOfStrangeAnswers(t *testing.T) {
	for answer, want := range map[string]int{
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":                                 200,
		"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n":                               410,
		"HTTP/1.1 099 Strange\r\nContent-Length: 0\r\n\r\n":                            502,
		"HTTP/1.1 204 No Content\r\n\r\n":                                              502,
		"HTTP/1.1 206 Partial Content\r\nContent-Length: 0\r\n\r\n":                    502,
		"HTTP/1.1 304 Not Modified\r\n\r\n":                                            502,
		"HTTP/1.1 999 Strange\r\nContent-Length: 0\r\n\r\n":                            502,
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx":      502,
		"HTTP/1.1 302 Found\r\nLocation: ftp://elsewhere\r\nContent-Length: 0\r\n\r\n": 502,
		"no HTTP": 502,
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}
		}()
		pass := proxy("http://" + listener.Addr().String())
		base := serve(t, &world{Mirrors: []*choice{{Name: "real", metadata: pass, targets: pass}}})
		res, _ := get(t, base+"/mirrors/real/metadata/x")
		require.Equal(t, want, res.StatusCode, answer)
		require.NoError(t, listener.Close())
	}
}

// The proxy passes on requests, with the same path, and answers.
func TestProxy(t *testing.T) {
	var asked []string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		switch {
		case strings.HasSuffix(r.URL.Path, "absent"):
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, "odd"): // net/http sends no such status
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				_ = conn.Close()
			}
		case strings.HasSuffix(r.URL.Path, "short"):
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("cut"))
		default:
			_, _ = w.Write([]byte("bytes"))
		}
	}))
	t.Cleanup(upstream.Close)
	pass := proxy(upstream.URL + "/base/")
	base := serve(t, &world{Mirrors: []*choice{{Name: "real", metadata: pass, targets: pass}}})

	for _, path := range []string{"timestamp.json", "1.a%2Fb.json", "a//b", "%3Fx", "%252F", "1.%C3%BC.json"} {
		asked = nil
		res, data := get(t, base+"/mirrors/real/metadata/"+path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Equal(t, "bytes", string(data))
		require.Equal(t, []string{"/base/" + path}, asked)
	}
	res, _ := get(t, base+"/mirrors/real/targets/absent")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	res, _ = get(t, base+"/mirrors/real/targets/odd")
	require.Equal(t, http.StatusBadGateway, res.StatusCode)

	_, err := fetch(t, base+"/mirrors/real/targets")(t.Context(), verify.Request{Path: "short", MaxBytes: 1000})
	require.ErrorContains(t, err, "EOF", "a truncated file must not look complete")

	res, err = http.Post(base+"/mirrors/real/metadata/x", "text/plain", nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusNotFound, res.StatusCode, "only GET and HEAD are passed on")

	upstream.Close()
	res, _ = get(t, base+"/mirrors/real/metadata/x")
	require.Equal(t, http.StatusBadGateway, res.StatusCode)
}

func TestCompile(t *testing.T) {
	p := mustCompile(t)
	require.Equal(t, "\x00asm", string(p.wasm[:4]))
	require.Contains(t, string(p.wasmExec), "globalThis.Go")

	t.Setenv("PATH", t.TempDir())
	_, err := compile(t.Context())
	require.ErrorContains(t, err, "the go command is missing")
}

func TestCommandLine(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root.json")
	require.NoError(t, os.WriteFile(root, []byte("{}"), 0o600))
	for _, c := range []struct {
		args    string
		code    int
		because string
	}{
		{"--help", 0, "--metadata-url=URL"},
		{"--colour", 2, "unknown flag --colour"},
		{"--root " + root, 2, "--metadata-url"},
		{"--root " + root + " --metadata-url ftp://x --targets-url http://x", 2, `ftp://x: it is not a URL with http`},
		{"--addr 127.0.0.1:0 --root " + root + "x --metadata-url http://x --targets-url http://x", 1, "root.jsonx"},
		{"--addr nowhere", 1, "--addr"},
	} {
		var out bytes.Buffer
		require.Equal(t, c.code, run(t.Context(), strings.Fields(c.args), &out, &out), c.args)
		require.Contains(t, out.String(), c.because, c.args)
	}
}

// The program itself, until it is interrupted.
func TestProgram(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"--addr", "127.0.0.1:0"}, stdout, stdout)
		_ = stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
		if url := strings.TrimSpace(lines.Text()); strings.HasPrefix(url, "http://127.0.0.1:") {
			res, data := get(t, url)
			require.Equal(t, http.StatusOK, res.StatusCode)
			require.Contains(t, string(data), "The mirror may lie.")
			interrupt()
		}
	}
	require.Equal(t, 0, <-code, said)
	require.Contains(t, said, "Open this in a browser")
}

// A foreign page cannot use this server: not with a name that resolves to it,
// and not with a link.
func TestForeignPagesAreRefused(t *testing.T) {
	handler, err := newHandler(demo(time.Now(), pace{}, nil), &program{})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	get := func(path, host, site string) int {
		req, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		req.Host = host
		req.Header.Set("Sec-Fetch-Site", site)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	for _, host := range []string{"127.0.0.1:8420", "localhost:8420", "[::1]:8420"} {
		require.Equal(t, http.StatusOK, get("/config.json", host, "same-origin"), host)
		require.Equal(t, http.StatusOK, get("/", host, "none"), host)
		require.Equal(t, http.StatusForbidden, get("/config.json", host, "cross-site"), host)
	}
	require.Equal(t, http.StatusForbidden, get("/config.json", "evil.example:8420", "same-origin"))
	for path, plain := range map[string]bool{
		"a/b.json": true, "1.a%2Fb.json": true, "..json": true, "1...%2Fx.json": true,
		"../a": false, "a/%2e%2E/b": false, "..%2f..%2fadmin": false, `a%5Cb`: false, "%zz": false, "./a": false,
	} {
		require.Equal(t, plain, plainPath(path), path)
	}
}
