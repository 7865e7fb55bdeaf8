// Command browser serves a web page that is a client of a TUF repository.
// tufwalk, compiled to WebAssembly, makes the decisions, and the page's own
// fetch sends the requests. The user can choose mirrors that lie.
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
	"net/url"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/internal/cli"
)

var commandLine = cli.Program{
	Name: "browser",
	Description: `Serve a web page that verifies a file from a TUF repository in the browser.

Without --root and the URLs: a demonstration, with mirrors that lie. The program
compiles the page at the start. So run it in a checkout, with Go installed.`,
}

// options is the command line.
type options struct {
	Addr        string   `default:"127.0.0.1:8420" placeholder:"ADDR" help:"Address to listen on (default: ${default})."`
	Root        string   `placeholder:"FILE" and:"real" help:"For a real repository: the root file that you trust."`
	MetadataURL string   `placeholder:"URL" and:"real" help:"For a real repository: base URL of its metadata."`
	TargetsURL  string   `placeholder:"URL" and:"real" help:"For a real repository: base URL of its target files."`
	Target      []string `placeholder:"PATH" sep:"none" help:"Target path that the page suggests. Repeat it for more."`
}

// Validate finds mistakes before anything is served. Package kong calls it.
func (o *options) Validate() error {
	if o.Root == "" || o.MetadataURL == "" || o.TargetsURL == "" {
		return nil // package kong reports missing flags
	}
	for _, base := range []string{o.MetadataURL, o.TargetsURL} {
		if u, err := url.Parse(base); err == nil && (u.User != nil || u.RawQuery != "") {
			return errors.New("a base URL with a password or a query is not for a server that answers everybody")
		}
	}
	_, err := client.NewMirrors(client.MirrorsConfig{Metadata: []string{o.MetadataURL}, Targets: []string{o.TargetsURL}})
	return err
}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	err := o.serve(ctx, stdout)
	if ctx.Err() != nil { // a server ends by an interruption
		return cli.OK
	}
	return commandLine.End(ctx, err, "", stderr)
}

// serve serves the page until the context ends.
func (o *options) serve(ctx context.Context, stdout io.Writer) error {
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("%w (choose another address with --addr)", err)
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
	fmt.Fprintf(stdout, "%s\n\n  http://%s\n\nOpen this in a browser. Ctrl-C ends the program.\n",
		world.Intro, listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// world returns what the page shows: the demonstration, or a real repository.
func (o *options) world() (*world, error) {
	if o.Root == "" {
		return demo(time.Now().UTC().Truncate(time.Second), demoPace, o.Target), nil
	}
	trustedRoot, err := os.ReadFile(o.Root)
	if err != nil {
		return nil, err
	}
	return &world{
		Intro:       "A page that verifies files from " + o.MetadataURL + " is at",
		TrustedRoot: trustedRoot,
		Targets:     o.Target,
		Mirrors: []*choice{{
			Name: "real", Label: "The repository",
			Says: "Passed on by the server of this page, because a browser may not read from any host. " +
				"The server is not trusted with these files.",
			metadata: proxy(o.MetadataURL), targets: proxy(o.TargetsURL),
		}},
	}, nil
}
