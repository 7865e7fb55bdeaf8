// Command quickstart installs one file from a TUF repository.
//
//	quickstart -root root.json -metadata URL -targets URL -out FILE app.tar.gz
package main

import (
	"context"
	"flag"
	"log"
	"os"

	"github.com/tufwalk/tufwalk/client"
)

var (
	root     = flag.String("root", "root.json", "the root `file` that you trust")
	metadata = flag.String("metadata", "", "base `URL` of the metadata")
	targets  = flag.String("targets", "", "base `URL` of the target files")
	folder   = flag.String("store", "tuf", "`folder` for trusted metadata, one for each repository")
	out      = flag.String("out", "", "`file` to write")
)

func main() {
	flag.Parse()
	log.SetFlags(0)
	if flag.NArg() != 1 || *metadata == "" || *targets == "" || *out == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := install(context.Background(), flag.Arg(0), *out); err != nil {
		log.Fatal(err)
	}
}

// install brings the client up to date, finds the target, and downloads it. The
// file has its name only after it was verified.
func install(ctx context.Context, target, out string) error {
	trustedRoot, err := os.ReadFile(*root) // or go:embed
	if err != nil {
		return err
	}
	c, err := client.Open(client.Config{
		TrustedRoot: trustedRoot,
		Metadata:    []string{*metadata},
		Targets:     []string{*targets},
		Folder:      *folder,
	})
	if err != nil {
		return err
	}
	defer c.Close()
	file, err := c.Find(ctx, target)
	if err != nil {
		return err
	}
	return file.Install(ctx, out)
}
