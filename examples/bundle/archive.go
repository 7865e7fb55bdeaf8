package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

const (
	listName    = "bundle.txt"
	metadataDir = "metadata/"
	targetsDir  = "targets/"
)

// entry is a file to be packed.
type entry struct {
	name   string
	length int64
	fill   func(io.Writer) error
}

func entryOf(name string, data []byte) entry {
	return entry{name, int64(len(data)), func(w io.Writer) error { _, err := w.Write(data); return err }}
}

// writeArchive writes the entries in order, with their list. The same entries
// always give the same bytes.
func writeArchive(w io.Writer, entries []entry) error {
	lengths := make(map[string]int64)
	for _, e := range entries {
		lengths[e.name] = e.length
	}
	entries = append(slices.Clone(entries), entryOf(listName, list(lengths)))
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	z := zip.NewWriter(w)
	modified := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, e := range entries {
		// Stored, not deflated: most targets are compressed already, and the
		// output of a compressor changes from release to release.
		to, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Store, Modified: modified})
		if err != nil {
			return err
		}
		if err := e.fill(to); err != nil {
			return err
		}
	}
	return z.Close()
}

// list returns the content of bundle.txt. The directory of the archive is
// enough to compute it again.
func list(lengths map[string]int64) []byte {
	var b bytes.Buffer
	b.WriteString("TUF bundle, layout 1. The lengths and names of its files. bundle verify does not trust this list.\n\n")
	for _, name := range slices.Sorted(maps.Keys(lengths)) {
		fmt.Fprintf(&b, "%12d  %s\n", lengths[name], name)
	}
	return b.Bytes()
}

// archive is an open bundle. Nothing in it is trusted, and all reads are
// bounded.
type archive struct {
	io.Closer
	files map[string]*zip.File

	mu    sync.Mutex      // a driver fetches several files at once
	asked map[string]bool // the metadata that a session has requested
}

func openArchive(path string) (*archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	a, err := readArchive(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

var errDamaged = errors.New("not a bundle, or damaged")

// readArchive reads an archive from a file.
func readArchive(f *os.File) (*archive, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return newArchive(f, info.Size(), f)
}

// newArchive reads the directory of an archive. It refuses an archive that does
// not have the layout of a bundle.
func newArchive(from io.ReaderAt, length int64, closer io.Closer) (*archive, error) {
	z, err := zip.NewReader(from, length)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	a := &archive{Closer: closer, files: make(map[string]*zip.File), asked: make(map[string]bool)}
	lengths, size, total := make(map[string]int64), uint64(length), uint64(0)
	for _, file := range z.File {
		if err := checkEntry(file.Name); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if a.files[file.Name] != nil {
			return nil, fmt.Errorf("%w: two entries are %q", errDamaged, file.Name)
		}
		// pack compresses nothing, so all entries together are no larger than
		// the archive. An entry that claims to be larger is a zip bomb.
		total += file.UncompressedSize64
		if file.Method != zip.Store || file.UncompressedSize64 > size || total > size {
			return nil, fmt.Errorf("%w: %q is compressed, or larger than the archive", errDamaged, file.Name)
		}
		a.files[file.Name] = file
		if file.Name != listName {
			lengths[file.Name] = int64(file.UncompressedSize64)
		}
	}
	if err := client.CheckNames(a.targets()); err != nil { // such as names that differ only in case
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	want := list(lengths)
	if got, err := a.read(listName, int64(len(want))); err != nil || !bytes.Equal(got, want) {
		return nil, fmt.Errorf("%w: %s is missing, or does not list the files in the archive", errDamaged, listName)
	}
	return a, nil
}

// metadataName matches the names that a session may request.
var metadataName = regexp.MustCompile(`^` + metadataDir + `[A-Za-z0-9_.~%-]+\.json$`)

func checkEntry(name string) error {
	target, isTarget := strings.CutPrefix(name, targetsDir)
	switch {
	case isTarget:
		return client.CheckName(target)
	case name == listName || metadataName.MatchString(name):
		return nil
	}
	return fmt.Errorf("entry %q does not belong in a bundle", name)
}

// read returns an entry. It reads at most one byte more than the limit.
func (a *archive) read(name string, limit int64) ([]byte, error) {
	r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1)) // an entry may be longer than it claims
	if err != nil {
		return nil, fmt.Errorf("%s: %w", metadata.Printable(name), err)
	}
	return data, nil
}

// open opens an entry. The caller must bound what it reads.
func (a *archive) open(name string) (io.ReadCloser, error) {
	file, ok := a.files[name]
	if !ok {
		return nil, fmt.Errorf("%s is not in the bundle: %w", metadata.Printable(name), verify.ErrNotAtSource)
	}
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", metadata.Printable(name), err)
	}
	return r, nil
}

// Name and Fetch make the archive a source, the only one, for a session.
func (a *archive) Name() string { return "the bundle" }

func (a *archive) Fetch(_ context.Context, q verify.Request) ([]byte, error) {
	a.mu.Lock()
	a.asked[metadataDir+q.Path] = true
	a.mu.Unlock()
	return a.read(metadataDir+q.Path, q.MaxBytes)
}

// check returns nil only if a target is complete and right.
func (a *archive) check(ctx context.Context, t *verify.Target) error {
	r, err := a.open(targetsDir + t.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	return t.Copy(io.Discard, interruptible{ctx, r})
}

// install puts a target into a directory.
func (a *archive) install(ctx context.Context, t *verify.Target, dest *os.Root) error {
	r, err := a.open(targetsDir + t.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	target, err := client.TargetOf(t)
	if err != nil {
		return err
	}
	return client.InstallFrom(ctx, r, target, dest, t.Path, client.InstallOptions{})
}

// targets returns the paths of all targets in the archive.
func (a *archive) targets() (paths []string) {
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if path, ok := strings.CutPrefix(name, targetsDir); ok {
			paths = append(paths, path)
		}
	}
	return paths
}

// interruptible ends a long copy with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
