package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tufwalk/tufwalk/client"
)

// session is a worker at work.
type session struct {
	*agent
	log      *slog.Logger
	stdout   io.Writer
	accepted chan struct{} // closed when the keeper has accepted this version
	ctx      context.Context
}

// work works until the context ends, the keeper is gone, or there is a new
// version.
func (a *agent) work(ctx context.Context, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &session{a, slog.New(slog.NewTextHandler(stderr, nil)), stdout, make(chan struct{}), ctx}
	go listen(os.Stdin, w.accepted, cancel)
	build, err := build()
	if err != nil {
		return err
	}
	root, err := os.ReadFile(a.Root) // in a program of your own: go:embed
	if err != nil {
		return err
	}
	folder := cmp.Or(a.Folder, a.Work+".metadata")
	numbers := newMetrics(build)
	c, err := client.Open(client.Config{
		TrustedRoot: root, Metadata: a.MetadataURL, Targets: a.TargetsURL, Folder: folder,
		Observe: func(e client.Event) { observe(w.log, e); numbers.observe(e) },
	})
	if err != nil {
		return err
	}
	defer c.Close()
	address, stop, err := serve(a.Listen, build, c, numbers)
	if err != nil {
		return err
	}
	defer stop()
	w.log.Info("started", "build", build, "address", address)
	return w.watch(c)
}

// watch keeps the program up to date.
func (w *session) watch(c *client.Client) error {
	for {
		err := c.Watch(w.ctx, client.Watch{Every: w.Every, Paths: []string{w.Target}, Changed: w.changed})
		switch {
		case w.ctx.Err() != nil:
			return nil
		case errors.Is(err, errNewVersion), errors.Is(err, client.ErrClosed):
			return err
		}
		w.log.Error("not updated", "error", err)
		select { // then Watch begins anew, and tells the same change again
		case <-time.After(min(w.Every, client.RetryAfter)):
		case <-w.ctx.Done():
		}
	}
}

// changed is told what an update has brought.
func (w *session) changed(change client.Change) error {
	if err := w.sayWell(); err != nil {
		return err
	}
	for _, p := range change.Paths {
		if p.New == nil {
			w.log.Warn("there is no such target any more", "target", p.Path, "error", p.Err)
			continue
		}
		if isFile(w.Work, p.New) {
			continue
		}
		if isFile(beside(w.Work, refused), p.New) {
			w.log.Warn("still the version that was not well", "target", p.Path)
			continue
		}
		if err := w.install(p.New); err != nil {
			return err
		}
		w.log.Info("installed a new version", "target", p.Path)
		return errNewVersion
	}
	return nil
}

// install puts a new version next to the program.
func (w *session) install(f *client.File) error {
	dir, err := os.OpenRoot(filepath.Dir(w.Work))
	if err != nil {
		return err
	}
	defer dir.Close()
	o := client.InstallOptions{Perm: 0o755, Running: true}
	return f.InstallIn(w.ctx, dir, filepath.Base(beside(w.Work, next)), o)
}

// sayWell says that this version is well, and waits until it has the program's
// name. Before that, what is installed next to the program is itself.
func (w *session) sayWell() error {
	if _, err := io.WriteString(w.stdout, well); err != nil {
		return err
	}
	select {
	case <-w.accepted:
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

// listen waits for the keeper's word, and for its end.
func listen(stdin io.Reader, accept chan<- struct{}, end context.CancelFunc) {
	defer end()
	keeper := bufio.NewReader(stdin)
	if line, err := keeper.ReadString('\n'); err != nil || line != accepted {
		return
	}
	close(accept)
	_, _ = io.Copy(io.Discard, keeper)
}

// isFile says whether a file on the disk is the one that the repository lists.
func isFile(name string, listed *client.File) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	v := listed.Target().Verifier()
	_, err = io.Copy(v, f)
	return err == nil && v.Verify() == nil
}

// build returns what tells this version from others: its own digest. It cannot
// be forgotten, as a number can.
func build() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	return buildOf(data), nil
}

func buildOf(program []byte) string { return fmt.Sprintf("%.6x", sha256.Sum256(program)) }
