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
	"strconv"
	"time"

	"github.com/tufwalk/tufwalk/client"
)

// config says what keeps itself up to date, how, and what it does besides.
type config struct {
	TrustedRoot       []byte        // of the repository; go:embed has it in the program
	Metadata, Targets []string      // base URLs of mirrors
	Target            string        // the target that is this program
	Folder            string        // for metadata; empty: next to the program
	Every             time.Duration // how often to look for a new version
	Patience          time.Duration // how long a new version has to say that it is well
	Log               *slog.Logger
	Observe           func(client.Event) // may be nil

	// Run is the program's own work. It begins when this version is accepted,
	// and may use the client. When its context ends, it must return: only then
	// does the process end, or a new version take over. When it returns first,
	// the process ends.
	Run func(context.Context, *client.Client) error
}

// session is a worker at work.
type session struct {
	config
	program  string // its name
	ctx      context.Context
	well     io.WriteCloser // to the keeper; nil when this version has said that it is well
	accepted chan struct{}  // closed when the keeper has accepted this version
}

// work works until the context ends, the keeper is gone, or there is a new
// version.
func work(ctx context.Context, config config, program, pipe string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	descriptor, err := strconv.ParseUint(pipe, 10, 0)
	if err != nil {
		return fmt.Errorf("no pipe to the keeper: %w", err)
	}
	closeOnExec(uintptr(descriptor))
	well := os.NewFile(uintptr(descriptor), "keeper")
	w := &session{config: config, program: program, ctx: ctx, well: well, accepted: make(chan struct{})}
	go listen(os.Stdin, w.accepted, cancel)
	build, err := build()
	if err != nil {
		return err
	}
	c, err := client.Open(client.Config{
		TrustedRoot: w.TrustedRoot, Metadata: w.Metadata, Targets: w.Targets,
		Folder: cmp.Or(w.Folder, program+".metadata"), Observe: w.Observe,
	})
	if err != nil {
		return err
	}
	defer c.Close()
	w.Log.Info("started", "build", build)
	ran := make(chan error, 1)
	go func() { ran <- w.run(c, cancel) }()
	err = w.watch(c)
	cancel()
	return errors.Join(err, <-ran)
}

// run does the program's own work, once this version is accepted.
func (w *session) run(c *client.Client, end context.CancelFunc) error {
	defer end()
	select {
	case <-w.accepted:
	case <-w.ctx.Done():
		return nil
	}
	err := w.Run(w.ctx, c)
	if w.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to end
	}
	if err != nil {
		w.Log.Error("its own work failed", "error", err)
	}
	return err
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
		w.Log.Error("not updated", "error", err)
		select { // then Watch begins anew, and tells the same change again
		case <-time.After(min(w.Every, client.RetryAfter)):
		case <-w.ctx.Done():
		}
	}
}

// changed is told what an update has brought.
func (w *session) changed(change client.Change) error {
	for _, p := range change.Paths {
		if p.New == nil { // a version that sees no target cannot update itself, so it is not well
			w.Log.Warn("there is no such target", "target", p.Path, "error", p.Err)
			continue
		}
		if err := w.sayWell(); err != nil {
			return err
		}
		if isFile(w.program, p.New) {
			continue
		}
		if isFile(beside(w.program, refused), p.New) {
			w.Log.Warn("still the version that was not well", "target", p.Path)
			continue
		}
		if err := w.install(p.New); err != nil {
			return err
		}
		w.Log.Info("installed a new version", "target", p.Path)
		return errNewVersion
	}
	return nil
}

// install puts a new version next to the program.
func (w *session) install(f *client.File) error {
	dir, err := os.OpenRoot(filepath.Dir(w.program))
	if err != nil {
		return err
	}
	defer dir.Close()
	o := client.InstallOptions{Perm: 0o755, Running: true}
	return f.InstallIn(w.ctx, dir, filepath.Base(beside(w.program, next)), o)
}

// sayWell says that this version is well, and waits until it has the program's
// name. Before that, what is installed next to the program is itself.
func (w *session) sayWell() error {
	if w.well != nil {
		_, err := io.WriteString(w.well, well)
		if err = errors.Join(err, w.well.Close()); err != nil {
			return err
		}
		w.well = nil
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
