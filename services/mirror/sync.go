package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// upstream is what a copy is made from, and how.
type upstream struct {
	copyOf
	filter
	MetadataURL []string      `required:"" placeholder:"URL" sep:"none" help:"Base URL of metadata. Repeat it for more."`
	TargetsURL  []string      `required:"" placeholder:"URL" sep:"none" help:"Base URL of targets. Repeat it for more."`
	Work        string        `placeholder:"DIR" help:"${work}"`
	Grace       time.Duration `default:"24h" help:"${grace}"`
	Strict      bool          `help:"Stop if the upstream does not have a file that it lists."`
	Parallel    int           `default:"8" help:"Downloads at once (default: ${default})."`

	mirrors *client.Mirrors
}

type (
	syncCmd struct{ upstream }
	planCmd struct{ upstream }
)

// Validate finds mistakes before the first request. Package kong calls it.
func (u *upstream) Validate() (err error) {
	if u.Parallel < 1 {
		return errors.New("--parallel must be above zero")
	}
	if u.Work == "" {
		if isBucket(u.Dest) {
			return errors.New("a copy in a bucket needs --work, a folder that stays")
		}
		u.Work = filepath.Join(u.Dest, ".mirror")
	}
	u.mirrors, err = client.NewMirrors(client.MirrorsConfig{Metadata: u.MetadataURL, Targets: u.TargetsURL})
	return err
}

// syncing is one run of sync or plan.
type syncing struct {
	*upstream
	out  *terminal
	view *view
	work *work
	dest dest
	bar  *bar

	old  *view     // what is published, if only the difference is of interest
	was  published // and what is known about it
	went []string  // keys of targets that are not listed any more

	mu      sync.Mutex
	kept    *keySet // keys of targets that are listed
	missing int     // targets that no mirror has
	left    int     // those that cannot be copied under their names
}

// Run brings the copy up to date.
func (c *syncCmd) Run(ctx context.Context, out *terminal) error {
	return c.run(ctx, out, (*syncing).sync)
}

// Run says what Run of sync would do.
func (c *planCmd) Run(ctx context.Context, out *terminal) error {
	return c.run(ctx, out, (*syncing).plan)
}

// run opens everything, and brings the view up to date.
func (u *upstream) run(ctx context.Context, out *terminal, do func(*syncing, context.Context) error) (err error) {
	root, err := u.trustedRoot()
	if err != nil {
		return err
	}
	s := &syncing{upstream: u, out: out}
	if s.work, err = openWork(u.Work); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.work.Close()) }()
	if !isBucket(u.Dest) {
		if err := os.MkdirAll(u.Dest, 0o755); err != nil {
			return err
		}
	}
	if s.dest, err = openDest(ctx, u.Dest); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.dest.close()) }()
	err = s.follow(ctx, root, do)
	if errors.Is(err, errLost) {
		err = s.follow(ctx, root, do)
	}
	return err
}

// follow brings the view up to date, and does something with it.
func (s *syncing) follow(ctx context.Context, root []byte, do func(*syncing, context.Context) error) (err error) {
	s.view, err = newView(ctx, root, s.work, s.mirrors.Sources(), s.now())
	if s.view != nil {
		for _, w := range s.view.session.Warnings() {
			s.out.warn("%v", w)
		}
	}
	if err != nil {
		return err
	}
	first := s.work.metadata(metadata.FileName(metadata.RoleRoot, s.view.firstRoot))
	if err := writeFile(first, root); err != nil {
		return err
	}
	return do(s, ctx)
}

// sync downloads what is not there, and then publishes the view. Nothing is
// published if something is wrong: what has come is there for the next sync.
func (s *syncing) sync(ctx context.Context) error {
	if err := s.compare(ctx, s.download); err != nil {
		return err
	}
	s.view.doubts(s.out)
	if s.Strict && s.missing+s.left > 0 {
		return fmt.Errorf("%d files are missing, see above", s.missing+s.left)
	}
	now := s.published()
	names, err := now.files(s.view)
	if err != nil {
		return err
	}
	if err := s.work.restore(ctx, names); err != nil {
		return err
	}
	g, err := s.work.gone(s.now(), s.Grace)
	if err != nil {
		return err
	}
	if err := s.dest.publish(ctx, s.work, names, g); err != nil {
		return fmt.Errorf("not published: %w", err)
	}
	err = errors.Join(s.sweep(ctx, g), g.save(), s.work.tidy(names), s.dest.tidy())
	if err == nil { // otherwise the next sync looks at everything
		err = s.work.setPublished(now)
	}
	v := now.Versions
	fmt.Fprintf(s.out.stdout, "published: root %d, timestamp %d, snapshot %d, targets %d, good until %s\n",
		v[0], v[1], v[2], v[3], s.view.session.Expires().UTC().Format(time.RFC3339))
	return err
}

// compare begins a state, and does something with the difference to the
// published one or, if that cannot be known, with all.
func (s *syncing) compare(ctx context.Context, do func(context.Context) error) error {
	s.old = s.oldView(ctx)
	err := s.begin(ctx, do)
	if errors.Is(err, errNoDifference) && ctx.Err() == nil {
		s.out.warn("everything is compared: %v", err)
		s.old = nil
		err = s.begin(ctx, do)
	}
	return err
}

func (s *syncing) begin(ctx context.Context, do func(context.Context) error) error {
	s.kept, s.went, s.missing, s.left = newKeySet(), nil, 0, 0
	if err := s.dest.begin(ctx, s.view.consistent(), s.old == nil); err != nil {
		return err
	}
	return do(ctx)
}

// sweep removes what is not listed any more and has been so for long enough.
func (s *syncing) sweep(ctx context.Context, g *gone) error {
	check := func(key string) error {
		if s.kept.has(key) || g.stays(key) {
			return nil
		}
		return s.dest.remove(ctx, key)
	}
	if s.old == nil {
		return s.dest.stored(ctx, check)
	}
	for key := range g.Since {
		if !strings.HasPrefix(key, "metadata/") {
			s.went = append(s.went, key)
		}
	}
	for _, key := range s.went {
		if err := check(key); err != nil {
			return err
		}
	}
	return nil
}

// download lists the targets and downloads, meanwhile, those that are not
// there.
func (s *syncing) download(ctx context.Context) error {
	s.bar = newBar(ctx, s.out.stderr)
	defer s.bar.end()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.Parallel)
	err := s.each(ctx, func(t *verify.Target, names []string) error {
		if there, err := s.dest.has(ctx, t, names); err != nil || there {
			return about(t, err)
		}
		s.bar.wanted(t.Length)
		group.Go(func() error { return s.add(ctx, t, names) })
		return nil
	})
	if waited := group.Wait(); waited != nil {
		err = waited // it ended the listing
	}
	if err == nil {
		fmt.Fprintln(s.out.stdout, s.bar.String())
	}
	return err
}

// each calls a function with the targets that are to be copied: all, or those
// that have come or changed.
func (s *syncing) each(ctx context.Context, do func(t *verify.Target, names []string) error) error {
	one := func(t *verify.Target) error {
		if !s.takes(t) {
			return nil
		}
		names, err := targetNames(t)
		if err != nil {
			s.report(&s.left, t, err)
			return nil
		}
		for _, key := range s.dest.keys(t, names) {
			s.kept.add(key)
		}
		return do(t, names)
	}
	if s.old == nil {
		return s.view.list(ctx, one)
	}
	return s.view.difference(ctx, s.old, s.was.delegates, func(c verify.Change) error {
		if c.Old != nil {
			if names, err := targetNames(c.Old); err == nil {
				s.went = append(s.went, s.dest.keys(c.Old, names)...)
			}
		}
		if c.New == nil {
			return nil
		}
		return one(c.New)
	})
}

// add downloads one target. One that the upstream does not have is reported.
func (s *syncing) add(ctx context.Context, t *verify.Target, names []string) error {
	done := int64(0)
	err := s.dest.add(ctx, s.mirrors, t, names, client.DownloadOptions{
		Progress: func(p client.Progress) {
			s.bar.came(p.Done - done)
			done = p.Done
		},
		Failed: func(m client.MirrorFailed) { s.bar.warn("%s: %v", m.Path, m.Err) },
	})
	switch {
	case isMissing(err):
		s.report(&s.missing, t, errors.New("no mirror has it"))
	case errors.As(err, new(*client.NameError)):
		s.report(&s.left, t, err)
	case err != nil:
		return about(t, err)
	}
	s.bar.ended(t.Length, err == nil)
	return nil
}

// isMissing says whether all mirrors say that a target does not exist.
func isMissing(err error) bool {
	return errors.As(err, new(*client.DownloadError)) && errors.Is(err, verify.ErrNotAtSource)
}

// about adds the target to an error of the copy, such as that its name is that
// of a folder of others. Those of downloads have it.
func about(t *verify.Target, err error) error {
	if err == nil || errors.As(err, new(*client.DownloadError)) {
		return err
	}
	return fmt.Errorf("%s: %w", metadata.Printable(t.Path), err)
}

func (s *syncing) report(count *int, t *verify.Target, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*count++
	text := fmt.Sprintf("%s is left out: %v", metadata.Printable(t.Path), err)
	if s.bar != nil {
		s.bar.warn("%s", text)
	} else {
		s.out.warn("%s", text)
	}
}

// plan counts what a sync would download.
func (s *syncing) plan(ctx context.Context) error { return s.compare(ctx, s.count) }

func (s *syncing) count(ctx context.Context) error {
	var files, there int
	var bytes int64
	err := s.each(ctx, func(t *verify.Target, names []string) error {
		has, err := s.dest.has(ctx, t, names)
		switch {
		case err != nil:
			return about(t, err)
		case has:
			there++
		default:
			files, bytes = files+1, bytes+t.Length
			fmt.Fprintf(s.out.stdout, "%s (%s)\n", metadata.Printable(t.Path), size(t.Length))
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out.stdout, "%d files to download, %s", files, size(bytes))
	if s.old == nil {
		fmt.Fprintf(s.out.stdout, "; %d files are there", there)
	} else {
		fmt.Fprintf(s.out.stdout, "; %d files are not listed any more", len(s.went))
	}
	fmt.Fprintln(s.out.stdout)
	return nil
}
