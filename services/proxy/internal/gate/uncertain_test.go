package gate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	bigint "math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// withTwins has two roles with the same key, so that a mirror can send the file
// of the one for that of the other: "no such target" is uncertain.
func withTwins(w *world) {
	key := w.repo.Key("twins")
	for _, name := range []string{"left", "right"} {
		role := w.repo.Targets().Delegate(verifytest.Delegation{
			Name: name, Paths: []string{name + "/*"}, Keys: []*verifytest.Key{key}, Terminating: true,
		})
		role.AddTarget(name+"/file", []byte(name))
	}
	w.repo.Publish()
	w.m1.Publish(w.repo)
	w.m2.Publish(w.repo)
}

// either is a protocol that has two targets for each path.
type either struct{ protocol.Plain }

func (either) Plan(r protocol.Request) (protocol.Plan, error) {
	return protocol.Plan{Targets: []string{"left/" + r.Path, "right/" + r.Path}, ContentType: "text/plain"}, nil
}

// An uncertain "no" is told, and nothing else answers in its place.
func TestUncertain(t *testing.T) {
	newWorld(t, withTwins, func(w *world) {
		w.config.Routes["/either/"] = Route{Name: "either", Protocol: either{}, Upstream: "corp"}
	}).play([]step{
		{ask: "GET /corp/left/file", headers: "Tuf-Role Tuf-Version", want: "200 OK\nTuf-Role: left\nTuf-Version: 1\nleft"},
		{ask: "HEAD /corp/left/none", headers: "Tuf-Uncertain", want: "404 Not Found\nTuf-Uncertain: true"},
		{ask: "HEAD /corp/none", headers: "Tuf-Uncertain", want: "404 Not Found"},
		{ask: "GET /either/file", want: "200 OK\nleft"},
		{
			ask: "HEAD /either/none",
			want: "403 a mirror may have hidden it: every \"no such target\" is uncertain: \"left/none\": no such target " +
				"(targets -> left is terminating); that is uncertain: what was sent for left may be the file of another role",
		},
	})
}

// A certificate is read again when its files change, and one that cannot be
// read leaves the old one.
func TestCertificate(t *testing.T) {
	certificate, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	serial := func(c *Certificate) int64 {
		c.looked = time.Time{}
		pair, err := c.get(nil)
		require.NoError(t, err)
		x, err := x509.ParseCertificate(pair.Certificate[0])
		require.NoError(t, err)
		return x.SerialNumber.Int64()
	}
	_, err := OpenCertificate(certificate, key)
	require.Error(t, err)
	writePair(t, certificate, key, 1)
	c, err := OpenCertificate(certificate, key)
	require.NoError(t, err)
	require.Equal(t, int64(1), serial(c))
	writePair(t, certificate, key, 2)
	require.Equal(t, int64(2), serial(c))
	require.NoError(t, os.Remove(key))
	require.Equal(t, int64(2), serial(c))
}

func writePair(t *testing.T, certificate, key string, serial int64) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: bigint.NewInt(serial)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	later := time.Now().Add(time.Duration(serial) * time.Minute)
	for name, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
		require.NoError(t, os.Chtimes(name, later, later))
	}
}
