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
)

const (
	// HeaderTimeout is how long a client may take for the header of a request.
	HeaderTimeout = 10 * time.Second
	// IdleTimeout is how long a connection may be without a request. It is
	// longer than npm waits before it tries again, which is a minute.
	IdleTimeout = 90 * time.Second
	// MaxHeader bounds the header of a request, in bytes.
	MaxHeader = 32 << 10
	// DrainTimeout is how long requests may go on when the server ends.
	DrainTimeout = 30 * time.Second
	// certificateAge is how often the files of the certificate are looked at.
	certificateAge = 10 * time.Second
	// adminClients are connections at once at the operator's address.
	adminClients = 100
)

// Serve answers requests on a listener until the context ends, and then waits
// until those under way have ended, at most DrainTimeout. The certificate may
// be nil: plain HTTP.
func (g *Gate) Serve(ctx context.Context, listener net.Listener, certificate *Certificate) error {
	return serve(ctx, limit(listener, g.config.Limits.Clients), g, certificate)
}

// ServeAdmin answers requests of the operator.
func (g *Gate) ServeAdmin(ctx context.Context, listener net.Listener) error {
	return serve(ctx, limit(listener, adminClients), g.Admin(), nil)
}

func serve(ctx context.Context, listener *limited, h http.Handler, certificate *Certificate) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: HeaderTimeout, ReadTimeout: HeaderTimeout, IdleTimeout: IdleTimeout,
		MaxHeaderBytes: MaxHeader, ConnState: listener.note,
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

// limited is a listener that accepts only so many connections at once: the
// others wait. It leaves the connections as they are, so that the system can
// copy files to them.
type limited struct {
	net.Listener
	room  chan struct{}
	close func()
	done  chan struct{}
}

func limit(listener net.Listener, most int) *limited {
	done := make(chan struct{})
	return &limited{listener, make(chan struct{}, most), sync.OnceFunc(func() { close(done) }), done}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.room
	}
	return conn, err
}

func (l *limited) Close() error {
	l.close()
	return l.Listener.Close()
}

// note makes room when the server is done with a connection.
func (l *limited) note(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		<-l.room
	}
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
