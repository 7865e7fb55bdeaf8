package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/services/proxy/internal/gate"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// program is the proxy as a program, before the repository corp.
type program struct {
	*testing.T
	dir          string
	proxy, admin string // their URLs
	mirror       *clienttest.Server
	stop         func() int
}

func newProgram(t *testing.T, more string) *program {
	p := &program{T: t, dir: t.TempDir()}
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("hello.txt", []byte("hello"))
	repo.Publish()
	p.mirror = clienttest.NewServer(repo)
	server := httptest.NewServer(p.mirror)
	t.Cleanup(server.Close)
	p.write("root.json", repo.TrustedRoot())
	p.write("proxy.yaml", fmt.Appendf(nil, `listen: 127.0.0.1:0
admin: localhost:0
bucket: file://%[1]s/bucket
repositories:
  corp: {root: root.json, metadata: ["%[2]s/metadata"], targets: ["%[2]s/targets"]}
routes:
  /corp/: {protocol: plain, repository: corp}
%[3]s`, p.dir, server.URL, more))
	p.start()
	t.Cleanup(func() { p.stop() })
	return p
}

func (p *program) write(name string, data []byte) {
	require.NoError(p, os.WriteFile(filepath.Join(p.dir, name), data, 0o600))
}

func (p *program) start() {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--config", filepath.Join(p.dir, "proxy.yaml")}, in, io.Discard)
		_ = in.Close()
	}()
	lines := bufio.NewScanner(out)
	for _, url := range []*string{&p.proxy, &p.admin} {
		require.True(p, lines.Scan())
		_, address, _ := strings.Cut(lines.Text(), " at ")
		*url = "http://" + address
	}
	p.stop = func() int {
		cancel()
		code := <-ended
		p.stop = func() int { return code }
		return code
	}
}

func (p *program) get(c *http.Client, url string) (status int, body string) {
	res, err := c.Get(url)
	require.NoError(p, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return res.StatusCode, string(data)
}

func TestProgram(t *testing.T) {
	p := newProgram(t, "")
	status, body := p.get(http.DefaultClient, p.proxy+"/corp/hello.txt")
	require.Equal(t, "200 hello", fmt.Sprint(status, " ", body))

	status, body = p.get(http.DefaultClient, p.admin+"/readyz")
	require.Equal(t, 200, status)
	require.Contains(t, body, "corp ready=true expires=2030-01-02T00:00:00Z")
	_, body = p.get(http.DefaultClient, p.admin+"/status.json")
	var s gate.Status
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Equal(t, gate.CacheStatus{Files: 1, Bytes: 5}, s.Cache)
	_, body = p.get(http.DefaultClient, p.admin+"/metrics")
	require.Contains(t, body, `tufwalk_requests_total{outcome="verified",protocol="plain",route="/corp/"} 1`)

	// A restart needs no network.
	require.Equal(t, 0, p.stop())
	p.mirror.Always("/*/*", clienttest.Status(500))
	p.start()
	status, body = p.get(http.DefaultClient, p.proxy+"/corp/hello.txt")
	require.Equal(t, "200 hello", fmt.Sprint(status, " ", body))
	require.Equal(t, 0, p.stop())
}

func TestNoProgram(t *testing.T) {
	var out, errs strings.Builder
	require.Equal(t, 2, run(t.Context(), []string{"--config", "none.yaml"}, &out, &errs))
	require.Contains(t, errs.String(), "none.yaml: no such file or directory")
	errs.Reset()
	require.Equal(t, 2, run(t.Context(), []string{"--none"}, &out, &errs))
	require.Contains(t, errs.String(), "unknown flag --none")
	file := filepath.Join(t.TempDir(), "proxy.yaml")
	require.NoError(t, os.WriteFile(file, []byte("listen: 1\nadmin: 2\n"), 0o600))
	errs.Reset()
	require.Equal(t, 2, run(t.Context(), []string{"--config", file, "--check"}, &out, &errs))
	require.Contains(t, errs.String(), "proxy: "+file+":1: listen: must be a text, is a number\nproxy: "+file+":2: "+
		"admin: must be")
}

// With TLS, clients may speak HTTP/2.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, certificate, key)
	p := newProgram(t, fmt.Sprintf("tls: {certificate: %q, key: %q}\n", certificate, key))
	roots := x509.NewCertPool()
	data, err := os.ReadFile(certificate)
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(data))
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	url := strings.Replace(p.proxy, "http:", "https:", 1)
	res, err := c.Get(url + "/corp/hello.txt")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, "HTTP/2.0 200 OK", res.Proto+" "+res.Status)

	// HTTP/2 has no status phrase.
	p.mirror.Always("/targets/*", clienttest.Wrong())
	require.NoError(t, os.RemoveAll(filepath.Join(p.dir, "bucket", "files")))
	require.NoError(t, os.Mkdir(filepath.Join(p.dir, "bucket", "files"), 0o700))
	res, err = c.Get(url + "/corp/hello.txt")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, 403, res.StatusCode)
	require.Contains(t, res.Header.Get("Tuf-Refused"), "it did not verify (127.0.0.1:")
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "hash mismatch")
}

func writeCertificate(t *testing.T, certificate, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	der2, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der2}), 0o600))
}

// systemd is told when the proxy is ready, and when it stops.
func TestNotify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	p := newProgram(t, "")
	require.Equal(t, 0, p.stop())
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		got := make([]byte, 100)
		n, err := conn.Read(got)
		require.NoError(t, err)
		require.Equal(t, want, string(got[:n]))
	}
}
