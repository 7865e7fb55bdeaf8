package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

type packCmd struct {
	trust
	MetadataURL string        `required:"" placeholder:"URL" help:"Base URL of the metadata."`
	TargetsURL  string        `required:"" placeholder:"URL" help:"Base URL of the target files."`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`
	Bundle      string        `arg:"" help:"The archive to write."`
	Targets     []string      `arg:"" name:"target" help:"Target paths to pack."`
}

// Validate finds mistakes before anything is asked of anybody. Package kong
// calls it.
func (p *packCmd) Validate() error {
	for _, s := range []string{p.MetadataURL, p.TargetsURL} {
		if err := mirror.CheckBase(s); err != nil {
			return err
		}
	}
	return place.CheckNames(p.Targets)
}

// Run verifies over HTTP, packs what was accepted, and verifies the archive
// before it gets its name.
func (p *packCmd) Run(ctx context.Context, out *terminal) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	client := mirror.NewClient()
	if err := p.load(); err != nil {
		return err
	}
	s, err := p.begin(p.At)
	if err != nil {
		return err
	}
	first := s.Version("root")
	files := map[string][]byte{metadata.FileName("root", first): p.anchor}
	lookups, err := find(s, p.memory(ctx, s), keep(files, mirror.WithContext(ctx, p.MetadataURL, client)), p.Targets)
	out.warn(s)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp("", "tufwalk-bundle-*.zip")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := p.fill(ctx, out, client, temp, files, lookups); err != nil {
		return fmt.Errorf("not packed:\n%w", err)
	}
	if err := p.proveAndPlace(ctx, temp); err != nil {
		return err
	}
	info, err := temp.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(out.stdout, "%s: %d targets and %d metadata files, with the roots from version %d to %d, in %d bytes; good until %s\n",
		p.Bundle, len(lookups), len(files), first, s.Version("root"), info.Size(), goodUntil(lookups))
	return nil
}

// keep notes what a source answers. The session asks for a file again, and has
// the answer replaced, if it does not accept it.
func keep(files map[string][]byte, source verify.Source) verify.Source {
	return func(q verify.Request) ([]byte, error) {
		data, err := source(q)
		if err == nil {
			files[q.Path] = data
		}
		return data, err
	}
}

// fill writes the archive. Targets are verified on their way into it.
func (p *packCmd) fill(ctx context.Context, out *terminal, client *http.Client, w io.Writer, files map[string][]byte, lookups []*verify.Lookup) error {
	var entries []entry
	for path, data := range files {
		entries = append(entries, entryOf(metadataDir+path, data))
	}
	bars := progress.New(ctx, out.stderr)
	for i, l := range lookups {
		t, err := l.Target()
		if err != nil {
			return err
		}
		entries = append(entries, entry{targetsDir + t.Path, t.Length, func(w io.Writer) error {
			bar := bars.Add(t.Path, t.Length, i)
			if err := p.download(ctx, client, w, bar, t); err != nil {
				bar.Abort()
				return err
			}
			bar.Finish()
			return nil
		}})
	}
	err := writeArchive(w, entries)
	bars.Wait()
	return err
}

// download tries the names that a file may have, and is over with the first
// that exists.
func (p *packCmd) download(ctx context.Context, client *http.Client, w io.Writer, bar *progress.Bar, t *verify.Target) error {
	paths, err := t.URLPaths()
	if err != nil {
		return err
	}
	for _, path := range paths {
		var body io.ReadCloser
		body, err = mirror.Get(ctx, client, p.TargetsURL, path)
		if errors.Is(err, verify.ErrNotAtSource) {
			continue
		}
		if err != nil {
			return err
		}
		defer body.Close()
		return t.Copy(w, bar.Reader(body))
	}
	return err
}

// proveAndPlace verifies the archive as its users will, and only then gives it
// its name.
func (p *packCmd) proveAndPlace(ctx context.Context, temp *os.File) error {
	a, err := readArchive(temp)
	if err == nil {
		var proof *verify.Session
		if proof, err = p.begin(p.At); err == nil {
			_, err = prove(ctx, proof, nil, a, nil)
		}
	}
	if err != nil {
		return fmt.Errorf("what was packed does not verify:\n%w", err)
	}
	dir, err := place.Open(filepath.Dir(p.Bundle))
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return dir.Write(filepath.Base(p.Bundle), func(w io.Writer) error {
		_, err := io.Copy(w, interruptible{ctx, temp})
		return err
	})
}
