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

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/durable"
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

// Validate finds mistakes before the first request. Package kong calls it.
func (p *packCmd) Validate() error {
	for _, s := range []string{p.MetadataURL, p.TargetsURL} {
		if s == "" {
			return nil // kong says better what is missing
		}
		if err := mirror.CheckBase(s); err != nil {
			return err
		}
	}
	return client.CheckNames(p.Targets)
}

// Run verifies files over HTTP, packs them, and verifies the archive before it
// gets its name.
func (p *packCmd) Run(ctx context.Context, out *terminal) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	client := mirror.NewClient()
	if err := p.load(); err != nil {
		return err
	}
	s, err := p.begin(ctx, p.At)
	if err != nil {
		return err
	}
	first := s.Version(metadata.RoleRoot)
	files := map[string][]byte{metadata.FileName(metadata.RoleRoot, first): p.trustedRoot}
	source := record(files, mirror.New(p.MetadataURL, client))
	lookups, err := find(ctx, s, p.state, source, p.Targets)
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
	entries := metadataEntries(files)
	bars := progress.New(ctx, out.stderr)
	targets, err := p.targetEntries(ctx, client, bars, lookups)
	if err == nil {
		err = writeArchive(temp, append(entries, targets...))
		bars.Wait()
	}
	if err != nil {
		return fmt.Errorf("not packed:\n%w", err)
	}
	if err := p.verifyAndPlace(ctx, temp); err != nil {
		return err
	}
	info, err := temp.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(out.stdout, "%s:\n%d target%s and %d metadata files in %d bytes,\n"+
		"with the roots from version %d to %d; valid until %s\n", p.Bundle,
		len(lookups), plural(len(lookups)), len(files), info.Size(), first, s.Version(metadata.RoleRoot), validUntil(lookups))
	return nil
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// record saves the answers of a source in a map. If the session rejects an
// answer, it asks again, and the next answer replaces the first.
func record(files map[string][]byte, source verify.Source) verify.Source {
	return func(ctx context.Context, q verify.Request) ([]byte, error) {
		data, err := source(ctx, q)
		if err == nil {
			files[q.Path] = data
		}
		return data, err
	}
}

func metadataEntries(files map[string][]byte) (entries []entry) {
	for path, data := range files {
		entries = append(entries, entryOf(metadataDir+path, data))
	}
	return entries
}

// targetEntries returns the entries of the targets. They are downloaded and
// verified while the archive is written.
func (p *packCmd) targetEntries(
	ctx context.Context, client *http.Client, bars progress.Bars, lookups []*verify.Lookup,
) (entries []entry, err error) {
	for i, l := range lookups {
		t, err := l.Target()
		if err != nil {
			return nil, err
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
	return entries, nil
}

// download tries the paths that a file may have, until one exists.
func (p *packCmd) download(
	ctx context.Context, client *http.Client, w io.Writer, bar *progress.Bar, t *verify.Target,
) error {
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

// verifyAndPlace verifies the archive in the way that its users will, and only
// then gives it its name.
func (p *packCmd) verifyAndPlace(ctx context.Context, temp *os.File) error {
	a, err := readArchive(temp)
	if err == nil {
		var s *verify.Session
		if s, err = p.begin(ctx, p.At); err == nil {
			_, err = verifyArchive(ctx, s, nil, a, nil)
		}
	}
	if err != nil {
		return fmt.Errorf("the packed archive does not verify:\n%w", err)
	}
	dir, err := place.Open(filepath.Dir(p.Bundle))
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return durable.Write(dir, filepath.Base(p.Bundle), 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, interruptible{ctx, temp})
		return err
	})
}
