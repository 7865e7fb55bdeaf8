package client_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// serve serves a repository with one target, and returns the server's URL.
func serve() (repo *verifytest.Repo, url string, stop func()) {
	repo = verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app-1.2.tar.gz", []byte("the app"))
	repo.Publish()
	mux := http.NewServeMux()
	mux.Handle("/metadata/", http.StripPrefix("/metadata/", http.FileServerFS(repo.Metadata().FS())))
	mux.Handle("/targets/", http.StripPrefix("/targets/", http.FileServerFS(repo.TargetFiles().FS())))
	server := httptest.NewServer(mux)
	return repo, server.URL, server.Close
}

// Update, find a file, and install it.
func Example() {
	repo, url, stop := serve()
	defer stop()
	rootJSON := repo.TrustedRoot() // in a program: go:embed
	dir, err := os.MkdirTemp("", "example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	err = func() error {
		c, err := client.Open(client.Config{
			TrustedRoot: rootJSON,
			Metadata:    []string{url + "/metadata"},
			Targets:     []string{url + "/targets"},
			Folder:      filepath.Join(dir, "updates"),
		})
		if err != nil {
			return err
		}
		defer c.Close()
		ctx := context.Background()
		app, err := c.Find(ctx, "app-1.2.tar.gz") // brings the client up to date if its view is old
		if err != nil {
			return err
		}
		return app.Install(ctx, filepath.Join(dir, "app.tar.gz")) // verifies while it streams
	}()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := os.ReadFile(filepath.Join(dir, "app.tar.gz"))
	fmt.Println(string(data), err)
	// Output: the app <nil>
}

// Read a verified file, without a place of its own.
func ExampleFile_Open() {
	repo, url, stop := serve()
	defer stop()
	c, err := client.Open(client.Config{
		TrustedRoot: repo.TrustedRoot(), Metadata: []string{url + "/metadata"}, Targets: []string{url + "/targets"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	app, err := c.Find(context.Background(), "app-1.2.tar.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := app.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	fmt.Println(string(data), err)
	// Output: the app <nil>
}

// Observe is where a log comes from. This handler leaves out the time, so that
// the output is always the same.
func ExampleConfig_slog() {
	repo, url, stop := serve()
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	c, err := client.Open(client.Config{
		TrustedRoot: repo.TrustedRoot(), Metadata: []string{url + "/metadata"},
		Observe: func(e client.Event) {
			switch e := e.(type) {
			case client.Answer:
				log.Debug("answer", "source", e.Source, "path", e.Path, "bytes", e.Bytes, "elapsed", e.Elapsed, "error", e.Err)
			case client.Rejected:
				log.Warn("rejected", "source", e.Source, "path", e.Path, "error", e.Err)
			case client.Warning:
				log.Warn("warning", "error", e.Err, "kind", verify.KindOf(e.Err).String())
			case client.ExpiryAhead:
				log.Error("no news", "expires", e.Expires, "left", e.Left, "error", e.Err)
			case client.ViewChanged:
				for _, r := range e.New.Repositories {
					log.Info("up to date", "root", r.Root, "timestamp", r.Timestamp, "snapshot", r.Snapshot, "targets", r.Targets)
				}
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	if err := c.Refresh(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: level=INFO msg="up to date" root=1 timestamp=2 snapshot=2 targets=2
}

// A line that shows how much of a file has come. On a terminal, it would end
// with \r.
func ExampleConfig_progress() {
	repo, url, stop := serve()
	defer stop()
	last := int64(-1)
	c, err := client.Open(client.Config{
		TrustedRoot: repo.TrustedRoot(), Metadata: []string{url + "/metadata"}, Targets: []string{url + "/targets"},
		Observe: func(e client.Event) {
			if p, ok := e.(client.Progress); ok && p.Total > 0 && p.Done*100/p.Total != last {
				last = p.Done * 100 / p.Total
				fmt.Printf("%q %3d %%\n", p.Path, last)
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	app, err := c.Find(context.Background(), "app-1.2.tar.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := app.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	// Output:
	// "app-1.2.tar.gz"   0 %
	// "app-1.2.tar.gz" 100 %
}

// Counters, for metrics.
func ExampleConfig_metrics() {
	repo, url, stop := serve()
	defer stop()
	saved, failed := map[string]int{}, map[string]int{}
	c, err := client.Open(client.Config{
		TrustedRoot: repo.TrustedRoot(), Metadata: []string{url + "/metadata"},
		Observe: func(e client.Event) { // one call after the other: no lock is needed
			switch e := e.(type) {
			case client.Saved:
				saved[e.Role]++
			case client.Rejected:
				failed[e.Source]++
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.Refresh(context.Background())
	_ = c.Close() // nothing is observed any more
	fmt.Println(saved, failed, err)
	// Output: map[root:2 snapshot:1 targets:1 timestamp:1] map[] <nil>
}

// An agent that keeps itself up to date.
func ExampleClient_Watch() {
	repo, url, stop := serve()
	defer stop()
	c, err := client.Open(client.Config{
		TrustedRoot: repo.TrustedRoot(), Metadata: []string{url + "/metadata"}, Targets: []string{url + "/targets"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	err = c.Watch(ctx, client.Watch{
		Paths: []string{"app-1.2.tar.gz"},
		Changed: func(change client.Change) error {
			for _, p := range change.Paths {
				switch {
				case p.New == nil:
					fmt.Println(p.Path, "went, or never was:", p.Err)
				case p.Old == nil:
					fmt.Println(p.Path, "came:", p.New.Length(), "bytes")
				default:
					fmt.Println(p.Path, "is another file now")
				}
			}
			cancel() // an agent would go on
			return nil
		},
	})
	fmt.Println(err)
	// Output:
	// app-1.2.tar.gz came: 7 bytes
	// context canceled
}

// named is a source of metadata with a name.
type named struct {
	name  string
	fetch verify.Source
}

func (n named) Name() string { return n.name }
func (n named) Fetch(ctx context.Context, req verify.Request) ([]byte, error) {
	return n.fetch(ctx, req)
}

// Drive is of use without a Client: a session, two sources, a store.
func ExampleDrive() {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app", []byte("the app"))
	repo.Publish()
	store := client.NewMemory()
	ctx := context.Background()
	s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, store), repo.Now(), verify.Options{Lookahead: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := s.Lookup("app")
	err = client.Drive(ctx, s, client.DriveConfig{
		Store: func(string) verify.Store { return store },
		Sources: func(string) []client.Source {
			return []client.Source{
				named{"broken", func(context.Context, verify.Request) ([]byte, error) { return []byte("junk"), nil }},
				named{"good", repo.Metadata().Source()},
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	target, err := app.Target()
	fmt.Println(target.Length, err)
	for _, w := range s.Warnings() {
		fmt.Println(verify.KindOf(w), "warning")
	}
	// Output:
	// 7 <nil>
	// wrong bytes warning
}
