// Package loopback serves the repositories of demonstrations, to this machine
// only.
package loopback

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Serve serves on a free port of the loopback interface until the context ends.
func Serve(ctx context.Context, h http.Handler) (base string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}
