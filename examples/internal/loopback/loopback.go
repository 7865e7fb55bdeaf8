// Package loopback serves the repositories of demonstrations, to this machine
// only.
package loopback

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Serve serves on a free port of the loopback interface, until stop is called.
func Serve(handler http.Handler) (base string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: handler}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "demonstration's server:", err)
		}
	}()
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// Repository serves what a repository has published so far, below /metadata/
// and /targets/.
func Repository(repo *verifytest.Repo) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metadata/", http.StripPrefix("/metadata", http.FileServerFS(repo.Metadata().FS())))
	mux.Handle("/targets/", http.StripPrefix("/targets", http.FileServerFS(repo.TargetFiles().FS())))
	return mux
}
