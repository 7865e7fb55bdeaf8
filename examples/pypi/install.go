package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/examples/pypi/mirror"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/verify"
)

// help has the help texts of flags.
var help = map[string]string{
	"packages": "Packages, as NAME or with versions: NAME==1.2, 'NAME>=1,<2'.",
	"index":    "Base URL of the index pages, which are at simple/NAME/<hash>.index.json below it.",
	"files":    "Base URL of the distribution files. Target paths begin after it.",
	"extra": "A second index, without TUF, for names that the first one does not have, and never for others. " +
		"Pages are at NAME/ below it.",
	"dest":  "Directory to install into (default: this one; for the demonstration's index, a temporary one).",
	"cache": "Directory for metadata (default: one in your cache for each root file).",
	"bins":  "How the demonstration's index delegates to its bins: path_hash_prefixes, or succinct_roles (TAP 15).",
}

// installer is one run of the program: the command line, and where to write.
type installer struct {
	Packages    []string      `arg:"" name:"package" help:"${packages}"`
	Root        string        `and:"index" placeholder:"FILE" help:"${root} Without it: a demonstration."`
	MetadataURL string        `and:"index" placeholder:"URL" help:"Base URL of the TUF metadata."`
	IndexURL    string        `and:"index" placeholder:"URL" help:"${index}"`
	FilesURL    string        `and:"index" placeholder:"URL" help:"${files}"`
	ExtraURL    string        `name:"extra-index-url" placeholder:"URL" help:"${extra}"`
	Dest        string        `placeholder:"DIR" help:"${dest}"`
	Cache       string        `placeholder:"DIR" help:"${cache}"`
	At          time.Time     `placeholder:"TIME" help:"${at}"`
	Bins        string        `enum:"classic,succinct" default:"classic" help:"${enum}: ${bins}"`
	Trail       bool          `help:"Show which roles were asked for each page and each file."`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`

	stdout, stderr io.Writer
	demo           bool
}

// Validate finds mistakes before the first request. Package kong calls it.
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

// run finds out what to install, in as many rounds as necessary, and then
// installs it.
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
	var x *index
	var chosen []*release
	err = again(func() error { // another process may store something newer between two rounds
		if x, err = in.open(ctx); err != nil {
			return err
		}
		chosen, err = in.choose(ctx, x, asked)
		for _, warning := range x.session.Warnings() {
			fmt.Fprintf(in.stderr, "warning: %s\n", cli.Printable(warning.Error()))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("nothing is installed:\n%w", err)
	}
	return in.install(ctx, x, chosen)
}

// open begins the session. One session finds all files, so that all answers
// come from one snapshot.
func (in *installer) open(ctx context.Context) (*index, error) {
	trustedRoot, err := os.ReadFile(in.Root)
	if err != nil {
		return nil, err
	}
	cache, err := commandLine.CacheDir(in.Cache, in.Root)
	if err != nil {
		return nil, err
	}
	dir, err := client.OpenFolder(cache)
	if err != nil {
		return nil, err
	}
	now := in.At
	if now.IsZero() {
		now = time.Now()
	}
	session, err := verify.New(trustedRoot, verify.LoadStored(ctx, dir), now, verify.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Root, err)
	}
	client := mirror.NewClient()
	client.Transport = jsonPages{client.Transport}
	x := &index{
		installer: in, client: client, session: session, store: dir,
		projects: make(map[string]*project),
	}
	source := mirror.New(in.MetadataURL, client)
	x.source = func(ctx context.Context, q verify.Request) ([]byte, error) {
		data, err := source(ctx, q)
		if err == nil {
			x.files, x.bytes = x.files+1, x.bytes+int64(len(data))
		}
		return data, err
	}
	return x, nil
}

// choose works in rounds. A page lists versions. The metadata of the chosen
// version lists what it requires. The required packages have pages again.
func (in *installer) choose(ctx context.Context, x *index, asked []requirement) ([]*release, error) {
	for round := 1; ; round++ {
		chosen, m, err := resolve(asked, x.projects)
		if err != nil {
			return nil, err
		}
		if !m.any() {
			list := slices.SortedFunc(maps.Values(chosen), byName)
			return list, x.findFiles(ctx, list)
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

// install downloads the wheels that are not in place yet, and then says how
// each is verified.
func (in *installer) install(ctx context.Context, x *index, chosen []*release) error {
	fmt.Fprintf(in.stdout, "\nAll that TUF verifies is from root %d, timestamp %d and snapshot %d.\n"+
		"%d metadata files (%s) were fetched, valid until %s.\n",
		x.session.Version("root"), x.session.Version("timestamp"), x.session.Version("snapshot"),
		x.files, size(x.bytes), x.expires(chosen).Format(time.RFC3339))
	dest, err := openDest(in.Dest)
	if err != nil {
		return err
	}
	defer dest.Close()
	ds := &downloads{client: x.client}
	var texts []string
	for _, r := range chosen {
		d, err := x.file(r)
		if err != nil {
			return err
		}
		how := "unchanged"
		if !d.has(dest) {
			how = "installed"
			ds.list = append(ds.list, d)
		}
		texts = append(texts, fmt.Sprintf("%-18s %-9s %s\n", r.name+" "+r.version.String(), how, x.outcome(r)))
	}
	err = ds.install(ctx, progress.New(in.stderr), dest)
	if err != nil {
		return fmt.Errorf("not all packages are installed:\n%w", err)
	}
	fmt.Fprintf(in.stdout, "\n%s\nThe wheels are in %s\n", cli.Printable(strings.Join(texts, "")), dest.Name())
	return nil
}

// size formats a number of bytes.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
