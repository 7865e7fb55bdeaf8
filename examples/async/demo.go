package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/loopback"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// demo creates a repository, serves it from three mirrors on this machine, and
// downloads from all of them.
func (d *downloader) demo(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "tufwalk-demo-")
	if err != nil {
		return err
	}
	d.Parallel = 6
	var repo *verifytest.Repo
	repo, d.Targets = demoRepository(time.Now().UTC())
	d.Root, d.Cache = filepath.Join(dir, "root.json"), filepath.Join(dir, "cache")
	d.Dest = filepath.Join(dir, "downloaded")
	err = errors.Join(os.WriteFile(d.Root, repo.TrustedRoot(), 0o600), os.Mkdir(d.Dest, 0o755))
	if err != nil {
		return err
	}
	fmt.Fprint(d.stdout, `No arguments, so this is a demonstration. It creates a TUF repository with 24
targets in 8 hash bins, serves it from three mirrors on this machine, and
downloads from them. A mirror that lies or fails is asked last afterwards.

`)
	for _, m := range []struct {
		name, about string
		handler     http.Handler
	}{
		{"liar", "changes a byte of most targets", paced(serveRepo(repo, lie), 400*time.Nanosecond)},
		{"flaky", "is slow, sends 503 at times, and breaks off", paced(flaky(serveRepo(repo, nil)), 1200*time.Nanosecond)},
		{"honest", "serves the right files", paced(serveRepo(repo, nil), 400*time.Nanosecond)},
	} {
		base, stop, err := loopback.Serve(http.StripPrefix("/"+m.name, m.handler))
		if err != nil {
			return err
		}
		defer stop()
		d.MetadataURL = append(d.MetadataURL, base+"/"+m.name+"/metadata")
		d.TargetsURL = append(d.TargetsURL, base+"/"+m.name+"/targets")
		fmt.Fprintf(d.stdout, "  %s/%-7s %s\n", base, m.name, m.about)
	}
	fmt.Fprintf(d.stdout, "\n  trusted root  %s\n  into          %s\n\n", d.Root, d.Dest)
	if err := d.Validate(); err != nil {
		return err
	}
	return d.run(ctx)
}

func demoRepository(now time.Time) (*verifytest.Repo, []string) {
	repo := verifytest.New(verifytest.Options{Start: now, Seed: "demo", MetaHashes: true})
	assets := repo.Targets().Delegate(verifytest.Delegation{Name: "assets", Paths: []string{"assets/*"}})
	assets.DelegateBins("bin", 8)
	random := rand.New(rand.NewPCG(1, 2))
	var targets []string
	for i := range 24 {
		data := make([]byte, 100<<10+random.IntN(900<<10))
		for j := range data {
			data[j] = byte(random.Uint32())
		}
		targets = append(targets, fmt.Sprintf("assets/%02d.img", i+1))
		assets.AddToBin(targets[i], data)
	}
	repo.Publish()
	return repo, targets
}

// serveRepo serves a repository, with ranges and ETags. If change is not nil,
// it changes the target files first.
func serveRepo(repo *verifytest.Repo, change func(name string, data []byte)) http.Handler {
	targets := repo.TargetFiles().Clone()
	for name, data := range targets {
		if change != nil {
			change(name, data)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/metadata/", http.StripPrefix("/metadata", http.FileServerFS(repo.Metadata().FS())))
	mux.HandleFunc("/targets/", func(w http.ResponseWriter, r *http.Request) {
		data, ok := targets[strings.TrimPrefix(r.URL.EscapedPath(), "/targets/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"`+path.Base(r.URL.Path)+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	return mux
}

// lie changes the targets whose numbers do not end in 5.
func lie(name string, data []byte) {
	if !strings.HasSuffix(name, "5.img") {
		data[len(data)/2] ^= 1
	}
}

// flaky answers every fifth request with 503, and breaks off every second of
// the other answers for targets.
func flaky(h http.Handler) http.Handler {
	var requests, targets atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case requests.Add(1)%5 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case strings.HasPrefix(r.URL.Path, "/targets/") && targets.Add(1)%2 == 1:
			h.ServeHTTP(&cutWriter{w, 96 << 10}, r)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// cutWriter drops the connection after a number of bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		_ = http.NewResponseController(w.ResponseWriter).Flush() // or the earlier bytes would be lost
		panic(http.ErrAbortHandler)
	}
	w.left -= len(p)
	return w.ResponseWriter.Write(p)
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// paced sends no faster than one byte per perByte: slowly enough to watch.
func paced(h http.Handler, perByte time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&pacedWriter{w, perByte}, r)
	})
}

type pacedWriter struct {
	http.ResponseWriter
	perByte time.Duration
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * w.perByte)
	return w.ResponseWriter.Write(p)
}

func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
