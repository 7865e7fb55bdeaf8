package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/loopback"
)

// embed creates an index, serves it on this machine, and makes the installer
// use it.
func (in *installer) embed() (stop func(), err error) {
	dir, err := os.MkdirTemp("", "tufwalk-pypi-")
	if err != nil {
		return nil, err
	}
	var shop *shop // begins after its hosts, whose URLs it has
	var url [3]string
	var end [3]func()
	for i, find := range []func(path string) ([]byte, bool){
		func(path string) ([]byte, bool) { return shop.index(path) }, // and its metadata
		func(path string) ([]byte, bool) { return shop.files(path) },
		func(path string) ([]byte, bool) { return shop.extra(path) },
	} {
		if url[i], end[i], err = loopback.Serve(slowly(serveFiles(find))); err != nil {
			return nil, err
		}
	}
	stop = func() {
		for _, f := range end {
			f()
		}
		fmt.Fprintf(in.stdout, "The files stay in %s; delete it when you like.\n", dir)
	}

	start := time.Now()
	shop = newShop(shopOptions{
		bits: 14, succinct: in.Bins == "succinct", filesURL: url[1], now: start.UTC(), largest: 1 << 20,
		hashes: true,
	})
	shop.stock(catalogue)
	shop.publish()
	shop.stockExtra("inhouse-report 0.3 requires leather>=1.2", "tongs 99.0")
	took := time.Since(start)

	in.Root = filepath.Join(dir, "root.json")
	if err := os.WriteFile(in.Root, shop.repo.TrustedRoot(), 0o600); err != nil {
		stop()
		return nil, err
	}
	in.MetadataURL, in.IndexURL, in.FilesURL = url[0]+"/metadata", url[0], url[1]
	extra := ""
	if in.ExtraURL == "" {
		in.ExtraURL = url[2] + "/simple"
		extra = "\n  extra     " + in.ExtraURL +
			"\n            an index without TUF: has inhouse-report, and a tongs 99.0 that must\n" +
			"            not be installed"
	}
	if in.Cache == "" {
		in.Cache = filepath.Join(dir, "cache")
	}
	if in.Dest == "" {
		in.Dest = filepath.Join(dir, "installed")
	}
	files, bytes := shop.metadataSize()
	how := "path_hash_prefixes"
	if in.Bins == "succinct" {
		how = "succinct_roles (TAP 15)"
	}
	if in.demo {
		fmt.Fprintf(in.stdout, "No arguments, so this is a demonstration of\n\n  pypi install %s\n\n",
			strings.Join(in.Packages, " "))
	}
	fmt.Fprintf(in.stdout, `Without --root, the program creates a package index and serves it on this
machine, over HTTP and slowly enough to watch.

  metadata  %s
            %d files, %s, signed in %.1f s
            16,384 bins by %s
            anvil is claimed: its developers sign for it with their own key
            rivet was claimed recently
  pages     %s/simple/
  files     %s/packages/%s
  root      %s
  into      %s

`, in.MetadataURL, files, size(bytes), took.Seconds(), how, in.IndexURL, in.FilesURL, extra, in.Root, in.Dest)
	return stop, nil
}

// serveFiles serves files by the path as it is sent.
func serveFiles(find func(path string) ([]byte, bool)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		data, ok := find(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
		if !ok {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/octet-stream")
		_, _ = rw.Write(data)
	})
}

// slowly sends wheels at about a megabyte a second, in pieces of 16 KiB.
func slowly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".whl") {
			rw = slowWriter{rw}
		}
		h.ServeHTTP(rw, r)
	})
}

type slowWriter struct{ http.ResponseWriter }

func (w slowWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), 16<<10)]
		p = p[len(piece):]
		time.Sleep(time.Duration(len(piece)) * time.Microsecond)
		if _, err = w.ResponseWriter.Write(piece); err == nil {
			n += len(piece)
		}
	}
	return n, err
}
