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
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/place"
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
// make the same bytes.
func writeArchive(w io.Writer, entries []entry) error {
	lengths := make(map[string]int64)
	for _, e := range entries {
		lengths[e.name] = e.length
	}
	entries = append(slices.Clone(entries), entryOf(listName, list(lengths)))
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	z := zip.NewWriter(w)
	for _, e := range entries {
		// Stored, not deflated: most targets are compressed already, and a
		// compressor's output changes from release to release.
		to, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Store, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return err
		}
		if err := e.fill(to); err != nil {
			return err
		}
	}
	return z.Close()
}

// list is the content of bundle.txt. It can be made again from the archive's
// directory alone, so reading it costs nothing.
func list(lengths map[string]int64) []byte {
	var b bytes.Buffer
	b.WriteString("TUF bundle, layout 1. Lengths and names of the files in it; bundle verify trusts none of this.\n\n")
	for _, name := range slices.Sorted(maps.Keys(lengths)) {
		fmt.Fprintf(&b, "%12d  %s\n", lengths[name], name)
	}
	return b.Bytes()
}

// archive is an open bundle. Nothing in it is trusted, and nothing is read
// without a bound.
type archive struct {
	io.Closer
	files map[string]*zip.File
	asked map[string]bool // the metadata that a session has asked for
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

var errDamaged = errors.New("no bundle, or a damaged one")

// readArchive reads the directory of an archive, and refuses one that is not
// laid out as a bundle.
func readArchive(f *os.File) (*archive, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	a := &archive{Closer: f, files: make(map[string]*zip.File), asked: make(map[string]bool)}
	lengths, folded := make(map[string]int64), make(map[string]bool)
	total := uint64(0)
	for _, file := range z.File {
		if err := checkEntry(file.Name); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		key := file.Name
		if strings.HasPrefix(key, targetsDir) { // Windows and macOS take names that differ in case for the same
			key = strings.ToLower(key)
		}
		if folded[key] {
			return nil, fmt.Errorf("%w: two entries would be %q", errDamaged, file.Name)
		}
		folded[key] = true
		// pack compresses nothing, so no entry is larger than the archive: one
		// that says so is a bomb.
		if total += file.UncompressedSize64; file.Method != zip.Store || file.UncompressedSize64 > uint64(info.Size()) || total > uint64(info.Size()) {
			return nil, fmt.Errorf("%w: %q is not stored as it is", errDamaged, file.Name)
		}
		a.files[file.Name] = file
		if file.Name != listName {
			lengths[file.Name] = int64(file.UncompressedSize64)
		}
	}
	want := list(lengths)
	if got, err := a.read(listName, int64(len(want))); err != nil || !bytes.Equal(got, want) {
		return nil, fmt.Errorf("%w: %s is missing or does not list the files that are there", errDamaged, listName)
	}
	return a, nil
}

// metadataName matches what a session may ask for.
var metadataName = regexp.MustCompile(`^` + metadataDir + `[A-Za-z0-9_.~%-]+\.json$`)

func checkEntry(name string) error {
	target, isTarget := strings.CutPrefix(name, targetsDir)
	switch {
	case isTarget:
		return place.CheckName(target)
	case name == listName || metadataName.MatchString(name):
		return nil
	}
	return fmt.Errorf("entry %q has no place in a bundle", name)
}

// read returns an entry, at most one byte more than max of it.
func (a *archive) read(name string, limit int64) ([]byte, error) {
	r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1)) // what unpacks to more than it says is cut here
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// open opens an entry, for a reader that bounds what it takes.
func (a *archive) open(name string) (io.ReadCloser, error) {
	file, ok := a.files[name]
	if !ok {
		return nil, fmt.Errorf("%s is not in the bundle: %w", name, verify.ErrNotAtSource)
	}
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// source answers a session's requests from the archive alone.
func (a *archive) source(q verify.Request) ([]byte, error) {
	a.asked[metadataDir+q.Path] = true
	return a.read(metadataDir+q.Path, q.MaxBytes)
}

// copy copies a target, and returns nil only if it is whole and right.
func (a *archive) copy(ctx context.Context, w io.Writer, t *verify.Target) error {
	r, err := a.open(targetsDir + t.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	return t.Copy(w, interruptible{ctx, r})
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
