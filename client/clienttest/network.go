package clienttest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// Network is a network in memory. Its hosts are handlers, such as a Server, by
// their names. It is safe for many goroutines. It must be closed.
type Network struct {
	mu      sync.Mutex
	hosts   map[string]*host
	down    map[string]error
	clients []*http.Transport
	done    chan struct{}
	running sync.WaitGroup
}

type host struct {
	server *http.Server
	conns  chan net.Conn
}

// NewNetwork returns a network without hosts.
func NewNetwork() *Network {
	return &Network{hosts: map[string]*host{}, down: map[string]error{}, done: make(chan struct{})}
}

// Host has a name answered by a handler: on any port, by http and https. (There
// is no cryptography in this https.)
func (n *Network) Host(name string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[name] != nil {
		panic("clienttest: there is a host " + name + " already")
	}
	added := &host{
		server: &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)},
		conns:  make(chan net.Conn),
	}
	n.hosts[name] = added
	n.running.Go(func() { _ = added.server.Serve(listener{added.conns, n.done}) })
}

// Down has new connections to a host fail with an error, until it is called
// with nil. Those that are open go on: see Transport.CloseIdleConnections. A
// host that only Down knows needs no handler.
func (n *Network) Down(name string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[name] = err
}

// Unanswered is an error for Down: connections are not refused, but never
// made.
var Unanswered error = unanswered{}

type unanswered struct{}

func (unanswered) Error() string { return "clienttest: nobody answers" }

// Transport returns a transport into the network. A host that it does not have
// is unknown to DNS. A test may set its Proxy, also to a host of the network.
func (n *Network) Transport() *http.Transport {
	t := &http.Transport{DisableCompression: true, DialContext: n.dial, DialTLSContext: n.dial}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clients = append(n.clients, t)
	return t
}

// Proxy returns a proxy of the network for Transport.Proxy.
func Proxy(name string) func(*http.Request) (*url.URL, error) {
	return http.ProxyURL(&url.URL{Scheme: "http", Host: name})
}

func (n *Network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	to, down := n.hosts[name], n.down[name]
	n.mu.Unlock()
	switch {
	case down == Unanswered:
		return nil, n.wait(ctx, nil, nil)
	case down != nil:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: down}
	case to == nil:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	ours, theirs := net.Pipe()
	if err := n.wait(ctx, to.conns, theirs); err != nil {
		return nil, err
	}
	return ours, nil
}

// wait waits until a host accepts a connection. A nil channel accepts none.
func (n *Network) wait(ctx context.Context, conns chan<- net.Conn, c net.Conn) error {
	select {
	case conns <- c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-n.done:
		return net.ErrClosed
	}
}

// Close ends all connections, and waits for the hosts.
func (n *Network) Close() {
	n.mu.Lock()
	close(n.done)
	for _, t := range n.clients {
		t.CloseIdleConnections()
	}
	for _, h := range n.hosts {
		_ = h.server.Close()
	}
	n.mu.Unlock()
	n.running.Wait()
}

// listener accepts the connections of a host, until the network is closed.
type listener struct {
	conns <-chan net.Conn
	done  <-chan struct{}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (listener) Close() error { return nil }

func (listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "memory" }
