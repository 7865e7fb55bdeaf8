package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/verify"
)

// installer is one run of the program: what the command line says, and where to
// write.
type installer struct {
	Packages    []string      `arg:"" name:"package" help:"Packages, as NAME or with versions: NAME==1.2, 'NAME>=1,<2'."`
	Root        string        `and:"index" placeholder:"FILE" help:"The root file that you trust, of any version; never one from a cache. Without it, the index is a made-up one."`
	MetadataURL string        `and:"index" placeholder:"URL" help:"Base URL of the TUF metadata."`
	IndexURL    string        `and:"index" placeholder:"URL" help:"Base URL of the index pages, which are at simple/NAME/<hash>.index.json below it."`
	FilesURL    string        `and:"index" placeholder:"URL" help:"Base URL of the distribution files: target paths begin after it."`
	ExtraURL    string        `name:"extra-index-url" placeholder:"URL" help:"A second index, without TUF: for names that the first one does not have, and never for others. Pages are at NAME/ below it."`
	Dest        string        `placeholder:"DIR" help:"Directory to install into (default: this one; for the made-up index, a temporary one)."`
	Cache       string        `placeholder:"DIR" help:"Directory for metadata (default: one per index in your cache)."`
	At          time.Time     `placeholder:"TIME" help:"Judge expiry as of this time, in RFC 3339 (default: now)."`
	Bins        string        `enum:"classic,succinct" default:"classic" help:"How the made-up index delegates to its bins: by path_hash_prefixes (${enum}: TAP 15)."`
	Trail       bool          `help:"Show which roles were asked for each page and each file."`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`

	stdout, stderr io.Writer
	demo           bool
}

// Validate finds mistakes before anything is asked of anybody. Package kong
// calls it.
func (in *installer) Validate() error {
	for _, s := range []string{in.MetadataURL, in.IndexURL, in.FilesURL, in.ExtraURL} {
		if s == "" {
			continue
		}
		if err := mirror.CheckBase(s); err != nil {
			return err
		}
	}
	_, err := in.asked()
	return err
}

func (in *installer) asked() (list []requirement, err error) {
	for _, p := range in.Packages {
		r, err := parseRequirement(p, "you")
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// run finds out what to install, in as many rounds as it takes, and then
// installs all of it.
func (in *installer) run(ctx context.Context) error {
	asked, err := in.asked()
	if err != nil {
		return err
	}
	if in.Root == "" {
		stop, err := in.embed()
		if err != nil {
			return err
		}
		defer stop()
	}
	x, err := in.open(ctx)
	if err != nil {
		return err
	}
	chosen, err := in.choose(ctx, x, asked)
	for _, warning := range x.session.Warnings() {
		fmt.Fprintf(in.stderr, "warning: %s\n", cli.Printable(warning.Error()))
	}
	if err != nil {
		return fmt.Errorf("nothing is installed:\n%w", err)
	}
	return in.install(ctx, x, chosen)
}

// open begins the session. There is one for everything that is to be found, and
// it is never refreshed, so that all answers come from one snapshot.
func (in *installer) open(ctx context.Context) (*index, error) {
	anchor, err := os.ReadFile(in.Root)
	if err != nil {
		return nil, err
	}
	cache := in.Cache
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for metadata, name one with --cache: %w", err)
		}
		sum := sha256.Sum256([]byte(strings.TrimRight(in.MetadataURL, "/")))
		cache = filepath.Join(user, "tufwalk-pypi", hex.EncodeToString(sum[:16]))
	}
	dir, err := cachedir.Open(cache)
	if err != nil {
		return nil, err
	}
	now := in.At
	if now.IsZero() {
		now = time.Now()
	}
	session, err := verify.New(anchor, verify.LoadStored(dir.Load), now, verify.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Root, err)
	}
	client := mirror.NewClient()
	client.Transport = jsonPages{client.Transport}
	x := &index{installer: in, client: client, session: session, store: dir.Shared(ctx, session), projects: make(map[string]*project)}
	source := mirror.WithContext(ctx, in.MetadataURL, client)
	x.source = func(q verify.Request) ([]byte, error) {
		data, err := source(q)
		if err == nil {
			x.files, x.bytes = x.files+1, x.bytes+int64(len(data))
		}
		return data, err
	}
	return x, nil
}

// choose goes on in rounds: a page lists versions, the chosen one's metadata
// lists what it requires, and these have pages again.
func (in *installer) choose(ctx context.Context, x *index, asked []requirement) ([]*release, error) {
	for round := 1; ; round++ {
		chosen, m, err := resolve(asked, x.projects)
		if err != nil {
			return nil, err
		}
		if !m.any() {
			list := slices.SortedFunc(maps.Values(chosen), func(a, b *release) int { return strings.Compare(a.name, b.name) })
			return list, x.findFiles(list)
		}
		var what []string
		if len(m.pages) > 0 {
			what = append(what, "index pages of "+strings.Join(m.pages, ", "))
		}
		if len(m.metadata) > 0 {
			what = append(what, "requirements of "+names(m.metadata))
		}
		fmt.Fprintf(in.stdout, "round %d   %s\n", round, strings.Join(what, "\n          "))
		if err := x.bring(ctx, m); err != nil {
			return nil, err
		}
	}
}

func names(list []*release) string {
	var texts []string
	for _, r := range list {
		texts = append(texts, r.name+" "+r.version.String())
	}
	return strings.Join(texts, ", ")
}

// install downloads what is not in place yet, and then says what is to be
// thought of it.
func (in *installer) install(ctx context.Context, x *index, chosen []*release) error {
	fmt.Fprintf(in.stdout, "\nWhat TUF verifies is all from root %d, timestamp %d and snapshot %d.\n%d metadata files (%s) were fetched for it; it is good until %s.\n",
		x.session.Version("root"), x.session.Version("timestamp"), x.session.Version("snapshot"), x.files, size(x.bytes), x.expires(chosen).Format(time.RFC3339))
	dest, err := place.Open(in.Dest)
	if err != nil {
		return err
	}
	defer dest.Close()
	var (
		downloads []*download
		texts     []string
		total     int64
	)
	for _, r := range chosen {
		d, err := x.file(r)
		if err != nil {
			return err
		}
		how := "unchanged"
		if !d.has(dest) {
			how = "installed"
			downloads, total = append(downloads, d), total+d.length
		}
		texts = append(texts, fmt.Sprintf("%-20s %-10s %s\n", r.name+" "+r.version.String(), how, x.verdict(r)))
	}
	bars := progress.New(ctx, in.stderr)
	err = fetchAll(ctx, x.client, downloads, bars, total, dest)
	bars.Wait()
	if err != nil {
		return fmt.Errorf("not everything is installed:\n%w", err)
	}
	fmt.Fprintf(in.stdout, "\n%s\nThe wheels are in %s\n", cli.Printable(strings.Join(texts, "")), dest.File("."))
	return nil
}

// size writes a number of bytes for people.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
