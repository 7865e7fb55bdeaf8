package main

import (
	"context"
	"os"
	"strings"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// fetch downloads a target into the target directory, unless the file is there
// already.
func (o *options) fetch(t *verify.Target) error {
	target, err := client.TargetOf(t)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.targetDir, 0o755); err != nil {
		return err
	}
	dir, err := os.OpenRoot(o.targetDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return o.mirrors.Install(context.Background(), target, dir, fileName(t.Path), client.InstallOptions{})
}

// fileName returns the name of a target's file. It is percent-encoded, so it
// has no separators, and dots are encoded too, so it is neither "." nor "..".
// On a file system that ignores case, or for a name that is too long, a
// download fails or is repeated. But no file is taken for another.
func fileName(path string) string { return strings.ReplaceAll(metadata.Escape(path), ".", "%2E") }
