package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/verify"
)

// The limits for a page and for the metadata of a wheel, which are read into
// memory, in bytes.
const (
	maxPage     = 32 << 20
	maxMetadata = 1 << 20
)

// maxProjects is the limit for the packages of one run.
const maxProjects = 1000

// index has what is known of the two indexes in one run.
type index struct {
	*installer
	client       *http.Client
	session      *verify.Session
	store        verify.Store
	source       verify.Source
	projects     map[string]*project // by normalised name
	files, bytes int64               // of the metadata that was fetched
}

func pagePath(name string) string { return "simple/" + name + "/index.json" }

// find looks up target paths, in the snapshot that the session began with.
func (x *index) find(ctx context.Context, paths []string) ([]*verify.Lookup, error) {
	lookups := make([]*verify.Lookup, len(paths))
	for i, p := range paths {
		lookups[i] = x.session.Lookup(p)
	}
	if err := x.session.Run(ctx, x.store, x.source); err != nil {
		return nil, fmt.Errorf("no trustworthy state of the index is available:\n%w", err)
	}
	return lookups, nil
}

// bring fetches missing pages and requirements: one round.
func (x *index) bring(ctx context.Context, m missing) error {
	paths := make([]string, 0, len(m.pages)+len(m.metadata))
	for _, name := range m.pages {
		paths = append(paths, pagePath(name))
	}
	for _, r := range m.metadata {
		if err := x.locate(r); err != nil {
			return fmt.Errorf("index page of %s: %w", r.name, err)
		}
		if r.path != "" {
			paths = append(paths, r.path+".metadata")
		}
	}
	lookups, err := x.find(ctx, paths)
	if err != nil {
		return err
	}

	ds := &downloads{client: x.client}
	if n := len(x.projects) + len(m.pages); n > maxProjects {
		return fmt.Errorf("%d packages are required, the limit for one run is %d", n, maxProjects)
	}
	projects := make([]*project, len(m.pages))
	for i, name := range m.pages {
		projects[i] = &project{name: name}
		d, err := x.page(projects[i], lookups[i])
		if err != nil {
			return err
		}
		ds.list = append(ds.list, d)
	}
	lookups = lookups[len(m.pages):]
	for _, r := range m.metadata {
		var d *download
		if r.path == "" {
			d, err = x.extraMetadata(r)
		} else {
			d, err = plainTarget(lookups[0], x.FilesURL, maxMetadata)
			lookups = lookups[1:]
		}
		if err != nil {
			return err
		}
		ds.list = append(ds.list, d)
	}
	bodies, err := ds.readAll(ctx)
	if err != nil {
		return err
	}
	for i, p := range projects {
		if err := p.read(bodies[i]); err != nil {
			return err
		}
		x.projects[p.name] = p
	}
	for i, r := range m.metadata {
		if err := x.require(r, bodies[len(projects)+i]); err != nil {
			return err
		}
	}
	return nil
}

// locate finds the target path of a wheel, if its page is a target too.
func (x *index) locate(r *release) (err error) {
	if _, has := r.file.metadataHash(); !has {
		return fmt.Errorf("%s has no core metadata there, so its requirements are not known", r.file.Filename)
	}
	if r.project.lookup == nil {
		return nil
	}
	if r.path, err = targetPath(x.FilesURL, r.file.URL); err != nil {
		return err
	}
	if path.Base(r.path) != r.file.Filename { // delegations go by the name of the wheel
		return fmt.Errorf("%s has another file name in its URL, %s", r.file.Filename, r.file.URL)
	}
	return nil
}

func (x *index) require(r *release, metadata []byte) error {
	requires, left, err := parseMetadata(metadata, r.file.Filename)
	if err != nil {
		return err
	}
	for _, text := range left {
		text = fmt.Sprintf("%s: conditions are not evaluated, so this is left out: %s", r.file.Filename, text)
		fmt.Fprintf(x.stderr, "warning: %s\n", cli.Printable(text))
	}
	r.requires, r.known = requires, true
	return nil
}

// page returns the download of a project's page. The extra index is asked only
// if it is certain that no role lists the page. After any other error it is not
// asked. Otherwise an attacker who can block the first index, or serve one of
// its files as another, could replace its packages by those of the extra one.
func (x *index) page(p *project, l *verify.Lookup) (*download, error) {
	t, err := l.Target()
	no := new(verify.NoTargetError)
	switch {
	case err == nil:
		p.lookup = l
		paths, err := t.URLPaths()
		if err != nil {
			return nil, err
		}
		return newTarget(t, x.IndexURL, paths, maxPage)
	case errors.As(err, &no) && no.Certain && x.ExtraURL != "" && !claimed(l):
		return x.extraPage(p), nil
	case errors.As(err, &no):
		return nil, fmt.Errorf("there is no package %s: %w%s", p.name, err, trail(l))
	}
	return nil, fmt.Errorf("index page of %s: %w%s", p.name, err, trail(l))
}

// claimed reports whether a terminating delegation gives the name to a role
// (PEP 480). Then the name belongs to that role, even if there is no page.
// Succinct bins are terminating too, but claim no names.
func claimed(l *verify.Lookup) bool {
	return slices.ContainsFunc(l.Trail(), func(s verify.Step) bool { return s.Terminating && !s.Succinct })
}

// findFiles looks up the chosen wheels.
func (x *index) findFiles(ctx context.Context, chosen []*release) error {
	var paths []string
	for _, r := range chosen {
		if r.path != "" {
			paths = append(paths, r.path)
		}
	}
	lookups, err := x.find(ctx, paths)
	if err != nil {
		return err
	}
	for _, r := range chosen {
		if r.path == "" {
			continue
		}
		r.lookup, lookups = lookups[0], lookups[1:]
		if _, err := r.lookup.Target(); err != nil {
			return fmt.Errorf("%s: %w%s", r.path, err, trail(r.lookup))
		}
	}
	return nil
}

// file returns the download of a chosen wheel.
func (x *index) file(r *release) (*download, error) {
	if err := client.CheckName(r.file.Filename); err != nil {
		return nil, err
	}
	if r.lookup == nil {
		return x.extraFile(r)
	}
	d, err := plainTarget(r.lookup, x.FilesURL, 0)
	if err != nil {
		return nil, err
	}
	d.name = r.file.Filename
	return d, nil
}

// outcome returns a text that says how a wheel is verified.
func (x *index) outcome(r *release) string {
	if r.lookup == nil {
		return "NOT VERIFIED BY TUF, only by the hash at\n  " + x.extraBase(r.name)
	}
	p, _ := r.project.lookup.Target() // both were found
	t, _ := r.lookup.Target()
	text := "verified by TUF, role " + t.Role
	if p.Role != t.Role {
		text += ", page " + p.Role
	}
	if x.Trail {
		text += "\n  page " + p.Path + trail(r.project.lookup) + "\n  file " + t.Path + trail(r.lookup)
	}
	return text
}

// expires returns when the first metadata file of the chosen wheels and their
// pages expires.
func (x *index) expires(chosen []*release) time.Time {
	first := x.session.Expires()
	for _, r := range chosen {
		for _, l := range []*verify.Lookup{r.project.lookup, r.lookup} {
			if l == nil {
				continue
			}
			if t, err := l.Target(); err == nil && t.Expires.Before(first) {
				first = t.Expires
			}
		}
	}
	return first
}

// trail lists the roles of a search, and what each of them says.
func trail(l *verify.Lookup) (text string) {
	for _, step := range l.Trail() {
		text += "\n    " + step.String()
	}
	return text
}
