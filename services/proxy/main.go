// Command proxy hands out, in the protocols of package managers, only what a
// repository that follows The Update Framework has signed.
//
//	go run ./services/proxy                      a demonstration
//	go run ./services/proxy --config proxy.yaml  real repositories
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/services/proxy/internal/gate"
	"github.com/tufwalk/tufwalk/services/proxy/internal/world"
)

type flags struct {
	Config string `help:"The configuration file." type:"path" placeholder:"proxy.yaml"`
	Check  bool   `help:"Read the configuration, and end."`
	Mirror string `help:"Of the demonstration: what its mirror does (${modes})." default:"honest"`
}

var commandLine = cli.Program{
	Name: "proxy",
	Description: `Hands out, in the protocols of package managers, only what was signed. Without --config: a demonstration.

Exit code 0: stopped by a signal. 1: something went wrong. 2: wrong usage, or a wrong configuration.`,
	Help: map[string]string{"modes": strings.Join(world.Names(), ", ")},
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var f flags
	command, code := commandLine.Parse(&f, args, stdout, stderr)
	if command == nil {
		return code
	}
	if f.Check && f.Config == "" {
		report(stderr, errors.New("--check needs --config"))
		return cli.Usage
	}
	if f.Config == "" {
		return ended(demo(ctx, f.Mirror, stdout, stderr), stderr)
	}
	s, err := loadSettings(f.Config)
	switch {
	case err != nil:
		report(stderr, err)
		return cli.Usage
	case f.Check:
		fmt.Fprintf(stdout, "%s is right\n", metadata.Printable(f.Config))
		return cli.OK
	}
	return ended(s.serve(ctx, stdout, stderr), stderr)
}

// ended returns the exit code. For a service, a signal is no interruption.
func ended(err error, stderr io.Writer) int {
	if err != nil {
		report(stderr, err)
		return cli.Failed
	}
	return cli.OK
}

func report(stderr io.Writer, err error) {
	for text := range strings.Lines(err.Error()) {
		fmt.Fprintf(stderr, "proxy: %s\n", strings.TrimSuffix(text, "\n"))
	}
}

// serve runs the proxy until the context ends.
func (s *settings) serve(ctx context.Context, stdout, stderr io.Writer) (err error) {
	log := s.logger(stderr)
	b, err := openStorage(ctx, s.Bucket, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	s.Gate.Log = log
	b.use(&s.Gate, s.Cache)
	g, err := gate.Open(s.Gate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	var sweeping sync.WaitGroup
	sweeping.Go(func() { b.sweep(ctx) })
	defer func() {
		stop()
		sweeping.Wait()
	}()
	return s.listen(ctx, g, stdout)
}

func (s *settings) logger(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// listen answers at both addresses.
func (s *settings) listen(ctx context.Context, g *gate.Gate, stdout io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var working sync.WaitGroup
	answer := func(name, address string, serve func(net.Listener) error) error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s at %s\n", name, listener.Addr())
		working.Go(func() {
			if err := serve(listener); err != nil {
				cancel(err)
			}
		})
		return nil
	}
	err := answer("proxy", s.Listen, func(l net.Listener) error { return g.Serve(ctx, l, s.Certificate) })
	if err == nil && s.Admin != "" {
		err = answer("admin", s.Admin, func(l net.Listener) error { return g.ServeAdmin(ctx, l) })
	}
	if err != nil {
		cancel(err)
	} else {
		notify("READY=1")
	}
	<-ctx.Done()
	notify("STOPPING=1")
	working.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// notify tells systemd about the service (sd_notify), if it has started it.
func notify(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}
