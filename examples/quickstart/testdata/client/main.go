// Command client downloads one file of a TUF repository, and keeps it only if
// it is the right one.
//
//	client -root root.json -metadata https://example.com/metadata -targets https://example.com/targets -out app.tar.gz app.tar.gz
package main

import (
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
	store := flag.String("store", "tuf", "`folder` for what was trusted, one for each repository")
	out := flag.String("out", "", "`file` to write")
	flag.Parse()
	if flag.NArg() != 1 || *root == "" || *metadata == "" || *targets == "" || *out == "" {
		fmt.Fprintln(os.Stderr, "usage: client -root FILE -metadata URL -targets URL -out FILE TARGET")
		os.Exit(2)
	}
	if err := install(*root, *metadata, *targets, folder(*store), flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// install is the whole of TUF: what may be trusted now, where the target is,
// and whether that is what came.
func install(root, metadataURL, targetsURL string, store folder, name, out string) error {
	anchor, err := os.ReadFile(root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(store), 0o700); err != nil {
		return err
	}
	s, err := verify.New(anchor, verify.LoadStored(store.Load), time.Now(), verify.Options{})
	if err != nil {
		return err
	}
	lookup := s.Lookup(name)
	err = s.Run(store, mirror(metadataURL))
	for _, warning := range s.Warnings() { // such as a damaged folder: then nothing keeps a mirror from going back
		fmt.Fprintln(os.Stderr, "warning:", warning)
	}
	if err != nil {
		return err
	}
	target, err := lookup.Target()
	if err != nil {
		return err
	}
	paths, err := target.URLPaths() // a file with several hashes may have several names; most mirrors know the first
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

// mirror fetches what the session asks for.
func mirror(base string) verify.Source {
	return func(req verify.Request) ([]byte, error) {
		body, err := get(base + "/" + req.Path) // encoded already
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return io.ReadAll(io.LimitReader(body, req.MaxBytes+1)) // the one byte more shows that a file is too long
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
	if res.StatusCode == http.StatusNotFound { // only this says that there is no such file
		return nil, fmt.Errorf("%s: %w", url, verify.ErrNotAtSource)
	}
	return nil, fmt.Errorf("%s: %s", url, res.Status)
}

// folder keeps what was trusted, so that no mirror can go back behind it. It is
// for one process at a time; Session.Keep helps more.
type folder string

func (f folder) Load(name string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), name)) }

func (f folder) Save(rec verify.Record) error {
	return write(filepath.Join(string(f), rec.StoreName), func(w io.Writer) error { _, err := w.Write(rec.Data); return err })
}

// write gives a file its name only once it is filled without an error, and on
// the disk.
func write(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".partial-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // does nothing after the rename
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil || runtime.GOOS == "windows" {
		return err
	}
	dir, err := os.Open(filepath.Dir(path)) // the new name must last, too
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
