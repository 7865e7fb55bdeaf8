package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/verify"
)

// hidden is the beginning of the names of all files that are not targets.
// client.CheckName refuses targets with such names.
const hidden = ".tufwalk-"

// destination is the directory that targets are downloaded into. It is for one
// process at a time: another must not write to a file that this one has
// verified.
type destination struct {
	root *os.Root
	lock *flock.Flock
}

func openDestination(ctx context.Context, dir string, stderr io.Writer) (*destination, error) {
	root, err := place.Open(dir)
	if err != nil {
		return nil, err
	}
	d := &destination{root, flock.New(filepath.Join(dir, hidden+"lock"))}
	ok, err := d.lock.TryLock()
	if err == nil && !ok {
		fmt.Fprintf(stderr, "waiting for another process that downloads into %s\n", dir)
		_, err = d.lock.TryLockContext(ctx, 50*time.Millisecond)
	}
	if err != nil {
		d.close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("lock %s: %w", d.lock.Path(), err)
	}
	return d, nil
}

func (d *destination) close() {
	_ = d.lock.Unlock()
	_ = d.root.Close()
}

// has reports whether the target is in place already, with the right content.
func (d *destination) has(t *verify.Target) bool { return place.Has(d.root, t.Path, t) }

// part is the partial file of a target, in the directory of the target. Its
// name comes from the path and the hashes. So a later run finds it, and a later
// version of the target does not.
type part struct {
	root   *os.Root
	target *verify.Target
	name   string
	file   *os.File
}

// open opens or creates the partial file. It removes those of other versions of
// the target.
func (d *destination) open(t *verify.Target) (*part, error) {
	hashes := sha256.New()
	for name, digest := range t.Hashes.All() {
		fmt.Fprintln(hashes, name, digest)
	}
	dir := path.Dir(t.Path)
	all := fmt.Sprintf("%s%.8x-", hidden, sha256.Sum256([]byte(t.Path)))
	own := fmt.Sprintf("%s%.16x.part", all, hashes.Sum(nil))
	if err := d.root.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(d.root.FS(), dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		isOwn := strings.HasPrefix(e.Name(), own) && e.Type().IsRegular()
		if strings.HasPrefix(e.Name(), all) && !isOwn {
			if err := d.root.RemoveAll(path.Join(dir, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	p := &part{root: d.root, target: t, name: path.Join(dir, own)}
	p.file, err = d.root.OpenFile(p.name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if info, err := p.file.Stat(); err != nil || !info.Mode().IsRegular() || foreign(info) {
		// The file belongs to another user, or has another name too. Do not
		// write to it.
		_ = p.file.Close()
		if err := d.root.Remove(p.name); err != nil {
			return nil, err
		}
		p.file, err = d.root.OpenFile(p.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		return p, err
	}
	return p, nil
}

func (p *part) note() string { return p.name + ".etag" }

// fromStart reads the file. Afterwards the file is at its end, for more.
func (p *part) fromStart() io.Reader {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return failing{err}
	}
	return p.file
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// empty removes the content.
func (p *part) empty() error {
	_ = p.root.Remove(p.note())
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// strong matches strong ETags: those that stand for the same bytes.
var strong = regexp.MustCompile(`^"[\x21\x23-\x7e]{1,200}"$`)

// begin removes the content, for an answer from a URL, and saves its ETag.
func (p *part) begin(url, etag string) error {
	if err := p.empty(); err != nil || !strong.MatchString(etag) {
		return err
	}
	return p.root.WriteFile(p.note(), []byte(url+"\n"+etag), 0o644)
}

// etag returns the ETag that the file of a URL had when this file was begun
// from it. The note is not trusted: a wrong one costs a request.
func (p *part) etag(url string) string {
	data, err := p.root.ReadFile(p.note())
	noted, etag, _ := strings.Cut(string(data), "\n")
	if err != nil || noted != url || !strong.MatchString(etag) {
		return ""
	}
	return etag
}

// install gives the file the name of the target, durably. It must be called
// only after verification.
func (p *part) install() error {
	_ = p.root.Remove(p.note())
	err := p.file.Sync()
	if e := p.file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = p.root.Rename(p.name, p.target.Path)
	}
	if err != nil {
		return localError{err}
	}
	if runtime.GOOS == "windows" { // cannot sync a directory
		return nil
	}
	for dir := path.Dir(p.target.Path); ; dir = path.Dir(dir) {
		f, err := p.root.Open(dir)
		if err != nil {
			return localError{err}
		}
		err = f.Sync()
		_ = f.Close()
		if err != nil {
			return localError{err}
		}
		if dir == "." {
			return nil
		}
	}
}

// close closes the file, and removes it if it is empty.
func (p *part) close() {
	info, err := p.file.Stat() // fails after install
	if _ = p.file.Close(); err == nil && info.Size() == 0 {
		_ = p.root.Remove(p.note())
		_ = p.root.Remove(p.name)
	}
}
