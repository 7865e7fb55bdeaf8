package gate

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// HeaderTimeout is how long a client may take for the header of a request.
	HeaderTimeout = 10 * time.Second
	// IdleTimeout is how long a connection may be without a request.
	IdleTimeout = 60 * time.Second
	// MaxHeader bounds the header of a request, in bytes.
	MaxHeader = 32 << 10
	// DrainTimeout is how long requests may go on when the server ends.
	DrainTimeout = 30 * time.Second
	// certificateAge is how often the files of the certificate are looked at.
	certificateAge = 10 * time.Second
)

// Serve answers requests on a listener until the context ends, and then waits
// until those under way have ended, at most DrainTimeout. The certificate may
// be nil: plain HTTP.
func (g *Gate) Serve(ctx context.Context, listener net.Listener, certificate *Certificate) error {
	listener = netutil.LimitListener(listener, g.config.Limits.Clients)
	return serve(ctx, listener, g, certificate)
}

// ServeAdmin answers requests of the operator.
func (g *Gate) ServeAdmin(ctx context.Context, listener net.Listener) error {
	return serve(ctx, netutil.LimitListener(listener, 100), g.Admin(), nil)
}

func serve(ctx context.Context, listener net.Listener, h http.Handler, certificate *Certificate) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: HeaderTimeout, ReadTimeout: HeaderTimeout, IdleTimeout: IdleTimeout,
		MaxHeaderBytes: MaxHeader,
	}
	ended := make(chan error, 1)
	go func() {
		if certificate == nil {
			ended <- server.Serve(listener)
			return
		}
		server.TLSConfig = &tls.Config{GetCertificate: certificate.get, MinVersion: tls.VersionTLS12}
		ended <- server.ServeTLS(listener, "", "")
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), DrainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-ended
	return err
}

// Certificate is a certificate in two files, which are read again when they
// change.
type Certificate struct {
	certificate, key string

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time
	changed [2]time.Time
}

// OpenCertificate reads a certificate and its key.
func OpenCertificate(certificate, key string) (*Certificate, error) {
	c := &Certificate{certificate: certificate, key: key}
	return c, c.read()
}

func (c *Certificate) times() (times [2]time.Time) {
	for i, name := range []string{c.certificate, c.key} {
		if info, err := os.Stat(name); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}

func (c *Certificate) read() error {
	c.looked, c.changed = time.Now(), c.times()
	pair, err := tls.LoadX509KeyPair(c.certificate, c.key)
	if err == nil {
		c.current = &pair
	}
	return err
}

// get returns the certificate. If new files cannot be read, the old one stays.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > certificateAge {
		c.looked = time.Now()
		if c.times() != c.changed {
			_ = c.read()
		}
	}
	return c.current, nil
}
