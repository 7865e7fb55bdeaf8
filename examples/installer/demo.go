package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/loopback"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// demo creates repositories, serves them on this machine, and installs from
// them as from any others: first from one, then from two with a map.
func demo(ctx context.Context, in *installer) error {
	dir, err := os.MkdirTemp("", "tufwalk-demo-")
	if err != nil {
		return err
	}
	fmt.Fprint(in.stdout, "No arguments, so this is a demonstration.\n")
	in.Trail, in.Timeout = true, time.Minute
	if err := demoOne(ctx, in, filepath.Join(dir, "one")); err != nil {
		return err
	}
	if err := demoMap(ctx, in, filepath.Join(dir, "several")); err != nil {
		return err
	}
	fmt.Fprintf(in.stdout, "\nThe files stay in %s; delete it when you like.\n"+
		"To install from other repositories, see installer --help.\n", dir)
	return nil
}

func demoOne(ctx context.Context, in *installer, dir string) error {
	repo, targets := demoRepository(time.Now().UTC())
	base, stop, err := loopback.Serve(slow(loopback.Repository(repo)))
	if err != nil {
		return err
	}
	defer stop()
	root := filepath.Join(dir, "root.json")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(root, repo.TrustedRoot(), 0o600)); err != nil {
		return err
	}
	in.Root, in.MetadataURL, in.TargetsURL = []string{root}, []string{base + "/metadata"}, []string{base + "/targets"}
	in.Cache, in.Dest, in.Targets = filepath.Join(dir, "cache"), filepath.Join(dir, "installed"), targets

	fmt.Fprintf(in.stdout, `
ONE REPOSITORY. It is served on this machine, slowly enough to watch.

  metadata      %s
  targets       %s
  trusted root  %s
  into          %s

`, in.MetadataURL[0], in.TargetsURL[0], root, in.Dest)
	return in.run(ctx)
}

// demoRepository has a target of its own, a delegation of tools/ to a team, and
// hash bins for assets/. Its root key was rotated once.
func demoRepository(now time.Time) (*verifytest.Repo, []string) {
	repo := verifytest.New(verifytest.Options{Start: now, Seed: "demo", MetaHashes: true})
	team := repo.Targets().Delegate(verifytest.Delegation{
		Name: "tools-team", Paths: []string{"tools/*"}, Terminating: true,
	})
	assets := repo.Targets().Delegate(verifytest.Delegation{Name: "assets", Paths: []string{"assets/*"}})
	assets.DelegateBins("bin", 16)

	random := rand.NewChaCha8([32]byte{})
	content := func(size int) []byte {
		data := make([]byte, size)
		_, _ = random.Read(data) // never fails
		return data
	}
	repo.Targets().AddTarget("LICENCE.txt", []byte("Do as you like with random bytes.\n"))
	team.AddTarget("tools/hammer-1.2.tar", content(3<<20))
	assets.AddToBin("assets/anvil.img", content(5<<20))
	assets.AddToBin("assets/sparks.img", content(2<<20))
	repo.Rotate("root", 1, repo.Key("second root"))
	repo.Publish()
	return repo, []string{"LICENCE.txt", "tools/hammer-1.2.tar", "assets/anvil.img", "assets/sparks.img"}
}

// slow makes a handler answer slowly enough to watch.
func slow(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(slowWriter{w}, r) })
}

// slowWriter sends about two megabytes a second. A net/http server writes a
// file in pieces of 32 KiB.
type slowWriter struct{ http.ResponseWriter }

func (w slowWriter) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * 500 * time.Nanosecond)
	return w.ResponseWriter.Write(p)
}
