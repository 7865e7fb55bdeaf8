// Command byhand downloads one file from a TUF repository and verifies it. It
// is a client on package verify alone, with net/http and os: for programs whose
// I/O must be their own. Start from quickstart otherwise.
//
//	byhand -root root.json -metadata URL -targets URL -out FILE app.tar.gz
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

func main() {
	root := flag.String("root", "", "the root `file` that you trust")
	metadata := flag.String("metadata", "", "base `URL` of the metadata")
	targets := flag.String("targets", "", "base `URL` of the target files")
	store := flag.String("store", "tuf", "`folder` for trusted metadata, one for each repository")
	out := flag.String("out", "", "`file` to write")
	flag.Parse()
	if flag.NArg() != 1 || *root == "" || *metadata == "" || *targets == "" || *out == "" {
		fmt.Fprintln(os.Stderr, "usage: byhand -root FILE -metadata URL -targets URL -out FILE TARGET")
		os.Exit(2)
	}
	if err := install(*root, *metadata, *targets, folder(*store), flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "byhand:", err)
		os.Exit(1)
	}
}

// install does all of TUF: update the metadata, look up the target, download
// and verify it.
func install(root, metadataURL, targetsURL string, store folder, name, out string) error {
	trustedRoot, err := os.ReadFile(root)
	if err := errors.Join(err, os.MkdirAll(string(store), 0o700)); err != nil {
		return err
	}
	s, err := verify.New(trustedRoot, verify.LoadStored(context.Background(), store), time.Now(), verify.Options{})
	if err != nil {
		return err
	}
	lookup := s.Lookup(name)
	err = s.Run(context.Background(), store, mirror(metadataURL))
	for _, warning := range s.Warnings() { // a damaged file in the folder gives no rollback protection
		fmt.Fprintln(os.Stderr, "warning:", warning)
	}
	if err != nil {
		return err
	}
	target, err := lookup.Target()
	if err != nil {
		return err
	}
	paths, err := target.URLPaths() // one for each hash; most mirrors have the first
	if err != nil {
		return err
	}
	body, err := get(targetsURL + "/" + paths[0])
	if err != nil {
		return err
	}
	defer body.Close()
	return write(out, func(w io.Writer) error { return target.Copy(w, body) })
}

// mirror fetches what the session requests.
func mirror(base string) verify.Source {
	return func(_ context.Context, req verify.Request) ([]byte, error) {
		body, err := get(base + "/" + req.Path) // encoded already
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return io.ReadAll(io.LimitReader(body, req.MaxBytes+1)) // one byte more shows that a file is too long
	}
}

var client = &http.Client{Timeout: 10 * time.Minute}

func get(url string) (io.ReadCloser, error) {
	res, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	res.Body.Close()
	if res.StatusCode == http.StatusNotFound { // no other status says that there is no such file
		return nil, fmt.Errorf("%s: %w", url, verify.ErrNotAtSource)
	}
	return nil, fmt.Errorf("%s: %s", url, res.Status)
}

// folder stores trusted metadata, for rollback protection. Only one process at
// a time may use it; for more, it has to be a verify.Locker.
type folder string

func (f folder) Load(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), name))
}

func (f folder) Save(_ context.Context, rec verify.Record) error {
	return write(filepath.Join(string(f), rec.StoreName), func(w io.Writer) error {
		_, err := w.Write(rec.Data)
		return err
	})
}

// write gives a file its name only after fill has succeeded and the content is
// on the disk.
func write(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".partial-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil || runtime.GOOS == "windows" {
		return err
	}
	dir, err := os.Open(filepath.Dir(path)) // the new name must be on the disk, too
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
