package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// observe is told what happens.
func (in *installer) observe(e client.Event) {
	switch e := e.(type) {
	case client.Warning:
		fmt.Fprintf(in.stderr, "warning: %s\n", cli.Printable(e.Err.Error()))
	case client.MirrorFailed:
		in.bars.Print(fmt.Sprintf("warning: %s: %s", e.Path, cli.Printable(e.Err.Error())))
	case client.Searched:
		in.searches.note(e)
	}
}

// searches has the last search for each target path.
type searches struct {
	mu   sync.Mutex
	last map[string]client.Searched
}

func (s *searches) note(e client.Searched) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]client.Searched{}
	}
	s.last[e.Path] = e
}

func (s *searches) of(path string) client.Searched {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[path]
}

// failed is the trail of a search that found nothing.
func (s *searches) failed(path string) string {
	e := s.of(path)
	if errors.As(e.Err, new(*multirepo.AgreementError)) && len(e.Entries) > 0 {
		e.Entries = e.Entries[:len(e.Entries)-1] // the error says the same as the last entry
	}
	return trail(e)
}

// trail lists the roles of a search, or the entries of the map, and what each
// of them says.
func trail(e client.Searched) (text string) {
	for _, step := range e.Trail {
		text += "\n  " + cli.Printable(step.String())
	}
	for _, step := range e.Entries { // a line for each repository
		text += "\n  " + strings.ReplaceAll(cli.Printable(step.String()), "; ", ";\n    ")
	}
	return text
}

// report says what was done for a target that is in place now. While it was
// downloaded, a newer one may have been published and found: the last search is
// the one that counts.
func (in *installer) report(ctx context.Context, c *client.Client, path, how string) error {
	if in.Quiet {
		return nil
	}
	f, err := c.Find(ctx, path)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s: %s (%d bytes)", metadata.Printable(path), how, f.Length())
	if in.Trail {
		text += trail(in.searches.of(path)) + digests(f) + "\n  valid until " + f.Expires().Format(time.RFC3339)
	}
	_, err = fmt.Fprintln(in.stdout, text)
	return err
}

func digests(f *client.File) string {
	var text strings.Builder
	add := func(algorithm, digest string) {
		fmt.Fprintf(&text, "\n  %s %s", metadata.Printable(algorithm), metadata.Printable(digest))
	}
	if agreed := f.Agreed(); agreed != nil {
		for _, h := range agreed.Hashes {
			add(h.Algorithm, h.Digest)
		}
		return text.String()
	}
	for algorithm, digest := range f.Target().Hashes.All() {
		add(algorithm, digest)
	}
	return text.String()
}

// reportView says what the root file led to.
func (in *installer) reportView(view *client.View) {
	if !in.Trail || in.Quiet || in.Map != "" || view == nil {
		return
	}
	r := view.Repositories[0]
	fmt.Fprintf(in.stdout, "Your root file leads to root version %d, timestamp %d and snapshot %d.\n",
		r.Root, r.Timestamp, r.Snapshot)
}

// newBars shows the progress of the downloads, unless in.Quiet.
func (in *installer) newBars(ctx context.Context) progress.Bars {
	if in.Quiet {
		return progress.New(ctx, io.Discard)
	}
	return progress.New(ctx, in.stderr)
}
