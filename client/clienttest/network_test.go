package clienttest

import (
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A name is down before it has a host, and unknown again after it.
func TestDownWithoutAHost(t *testing.T) {
	n := NewNetwork()
	defer n.Close()
	get := func() error {
		res, err := (&http.Client{Transport: n.Transport()}).Get("http://a/metadata/timestamp.json")
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	broken := errors.New("broken")
	n.Down("a", broken)
	require.ErrorIs(t, get(), broken)
	n.Down("a", nil)
	unknown := new(net.DNSError)
	require.ErrorAs(t, get(), &unknown)
	n.Down("a", broken)
	n.Host("a", NewServer(nil))
	require.ErrorIs(t, get(), broken)
	n.Down("a", nil)
	require.NoError(t, get())
}
