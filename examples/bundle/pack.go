package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

type packCmd struct {
	trust
	MetadataURL []string      `required:"" placeholder:"URL" sep:"none" help:"Base URL of metadata. Repeat it for more."`
	TargetsURL  []string      `required:"" placeholder:"URL" sep:"none" help:"Base URL of targets. Repeat it for more."`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`
	Only        string        `enum:"both,metadata,files" default:"both" help:"What to pack: both, metadata or files."`
	Bundle      string        `arg:"" help:"The archive to write."`
	Targets     []string      `arg:"" name:"target" help:"Target paths to pack."`

	mirrors *client.Mirrors
}

const onlyMetadata, onlyFiles = "metadata", "files"

// Validate finds mistakes before the first request. Package kong calls it.
func (p *packCmd) Validate() (err error) {
	p.mirrors, err = client.NewMirrors(client.MirrorsConfig{Metadata: p.MetadataURL, Targets: p.TargetsURL})
	return errors.Join(err, client.CheckNames(p.Targets))
}

// Run verifies files over HTTP, packs them, and verifies the archive before it
// gets its name.
func (p *packCmd) Run(ctx context.Context, out *terminal) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	if err := p.load(out); err != nil {
		return err
	}
	s, err := p.begin(ctx, p.At)
	if err != nil {
		return err
	}
	first := s.Version(metadata.RoleRoot)
	u := p.newUpdate(s)
	u.files[metadata.FileName(metadata.RoleRoot, first)] = p.trustedRoot
	lookups, err := find(ctx, u, p.mirrors.Sources(), p.Targets)
	out.warn(s)
	if err != nil {
		return err
	}
	size, err := p.write(ctx, out, u.files, lookups)
	if err != nil {
		return err
	}
	packed := len(lookups)
	switch p.Only {
	case onlyMetadata:
		packed = 0
	case onlyFiles:
		fmt.Fprintf(out.stdout, "%s:\n%s and no metadata in %s\n",
			p.Bundle, count(packed, "target"), count(int(size), "byte"))
		return nil
	}
	fmt.Fprintf(out.stdout, "%s:\n%s and %s in %s,\nwith the roots from version %d to %d; valid until %s\n",
		p.Bundle, count(packed, "target"), count(len(u.files), "metadata file"), count(int(size), "byte"),
		first, s.Version(metadata.RoleRoot), validUntil(lookups))
	return nil
}

// count says how many things there are: "1 target", "2 targets".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// write writes the archive next to its name, and then gives it its name. It
// returns the size.
func (p *packCmd) write(
	ctx context.Context, out *terminal, files map[string][]byte, lookups []*verify.Lookup,
) (size int64, err error) {
	temp, err := os.CreateTemp(filepath.Dir(p.Bundle), ".tufwalk-*.zip")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = temp.Close()
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	bars := progress.New(ctx, out.bars)
	var entries []entry
	if p.Only != onlyMetadata {
		entries, err = p.targetEntries(ctx, bars, lookups)
	}
	if p.Only != onlyFiles {
		for path, data := range files {
			entries = append(entries, entryOf(metadataDir+path, data))
		}
	}
	if err == nil {
		err = writeArchive(temp, entries)
		bars.Wait()
	}
	if err != nil {
		return 0, fmt.Errorf("not packed:\n%w", err)
	}
	if err := p.verify(ctx, temp); err != nil {
		return 0, fmt.Errorf("the packed archive does not verify:\n%w", err)
	}
	info, err := temp.Stat()
	if err != nil {
		return 0, err
	}
	err = errors.Join(temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(temp.Name(), p.Bundle)
}

// targetEntries returns the entries of the targets. They are downloaded and
// verified while the archive is written.
func (p *packCmd) targetEntries(
	ctx context.Context, bars progress.Bars, lookups []*verify.Lookup,
) (entries []entry, err error) {
	for i, l := range lookups {
		t, err := l.Target()
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{targetsDir + t.Path, t.Length, func(w io.Writer) error {
			bar := bars.Add(t.Path, t.Length, i)
			err := p.download(ctx, w, t, client.DownloadOptions{Progress: func(at client.Progress) { bar.Set(at.Done) }})
			if err != nil {
				bar.Abort()
				return err
			}
			bar.Finish()
			return nil
		}})
	}
	return entries, nil
}

// download downloads a target into a temporary file, since a mirror may break
// off or lie, and copies it from there.
func (p *packCmd) download(ctx context.Context, w io.Writer, t *verify.Target, o client.DownloadOptions) error {
	target, err := client.TargetOf(t)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp("", "tufwalk-bundle-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := p.mirrors.Download(ctx, target, temp, o); err != nil {
		return err
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return t.Copy(w, temp)
}

// verify verifies the archive in the way that its users will.
func (p *packCmd) verify(ctx context.Context, packed *os.File) error {
	a, err := readArchive(packed)
	if err != nil {
		return err
	}
	s, err := p.begin(ctx, p.At)
	if err != nil {
		return err
	}
	switch p.Only {
	case onlyFiles: // each was verified when it was downloaded
		return nil
	case onlyMetadata:
		_, err = find(ctx, unsaved(s), []client.Source{a}, p.Targets)
	default:
		_, err = verifyArchive(ctx, unsaved(s), a, nil)
	}
	return err
}
