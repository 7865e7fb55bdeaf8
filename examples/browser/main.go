// Command browser shows a client of a TUF repository that is a web page:
// tufwalk, compiled to WebAssembly, decides, and the page's own fetch does the
// talking. Mirrors that lie can be chosen on the page.
//
//	go run ./examples/browser
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
)

const description = `Serve a web page that verifies a file from a TUF repository in the browser.

Without --root and the URLs: a repository that is made up on the spot, and mirrors of it that lie. The page is compiled at the start, so
this is run in a checkout, with Go installed.`

// options are the command line.
type options struct {
	Addr        string   `default:"127.0.0.1:8420" placeholder:"ADDR" help:"Address to listen on (default: ${default}). Port 0: any."`
	Root        string   `placeholder:"FILE" and:"real" help:"A real repository: the root file that you trust."`
	MetadataURL string   `placeholder:"URL" and:"real" help:"A real repository: base URL of its metadata."`
	TargetsURL  string   `placeholder:"URL" and:"real" help:"A real repository: base URL of its target files."`
	Target      []string `placeholder:"PATH" sep:"none" help:"Target path that the page proposes; may be repeated."`
}

// Validate finds mistakes before anything is served. Package kong calls it.
func (o *options) Validate() error {
	if o.Root == "" || o.MetadataURL == "" || o.TargetsURL == "" {
		return nil // kong itself says what is missing
	}
	for _, s := range []string{o.MetadataURL, o.TargetsURL} {
		if err := mirror.CheckBase(s); err != nil {
			return err
		}
	}
	return nil
}

func main() { cli.Main(run) }

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := cli.Parse(&o, "browser", description, args, stdout, stderr)
	if command == nil {
		return code
	}
	err := o.serve(ctx, stdout)
	if ctx.Err() != nil { // to be interrupted is how a server ends
		return cli.OK
	}
	return cli.End(ctx, err, "browser", "", stderr)
}

// serve serves the page until the context ends.
func (o *options) serve(ctx context.Context, stdout io.Writer) error {
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("%w (another address can be given with --addr)", err)
	}
	defer listener.Close()
	world, err := o.world()
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "Compiling the library to WebAssembly ...")
	built, err := compile(ctx)
	if err != nil {
		return err
	}
	handler, err := newHandler(world, built)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	unwatch := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer unwatch()
	fmt.Fprintf(stdout, "%s\n\n  http://%s\n\nOpen this in a browser. Ctrl-C ends it.\n", world.Intro, listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// world is what the page is shown: the demonstration, or a real repository.
func (o *options) world() (*world, error) {
	if o.Root == "" {
		return demo(time.Now().UTC().Truncate(time.Second), demoPace, o.Target), nil
	}
	anchor, err := os.ReadFile(o.Root)
	if err != nil {
		return nil, err
	}
	client := mirror.NewClient()
	return &world{
		Intro:   "A page that verifies files from " + o.MetadataURL + " is at",
		Anchor:  anchor,
		Targets: o.Target,
		Mirrors: []*mirrorOf{{
			Name: "real", Label: "The repository",
			Says:     "Passed on by the server of this page, because a browser may not read from just any host. It is trusted with nothing either.",
			metadata: proxy(client, o.MetadataURL), targets: proxy(client, o.TargetsURL),
		}},
	}, nil
}
