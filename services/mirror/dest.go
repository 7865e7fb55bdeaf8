package main

import (
	"context"
	"io"
	"strings"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// dest is where a copy is. A sync begins a state, has or adds its targets, and
// publishes it. A target is stored under keys such as targets/a/b.
type dest interface {
	// begin begins a state, with consistent snapshots or not. All says that the
	// sync has or adds every target of the state, and not only those that
	// changed.
	begin(ctx context.Context, consistent, all bool) error
	// keys are those of the store that a target with these names has.
	keys(t *verify.Target, names []string) []string
	// has says whether the file of a target is there, under all its names, and
	// makes it a part of the state. All that is there was verified when it
	// came.
	has(ctx context.Context, t *verify.Target, names []string) (bool, error)
	// add downloads a target into the state. It is safe for many goroutines.
	add(ctx context.Context, m *client.Mirrors, t *verify.Target, names []string, o client.DownloadOptions) error
	// publish shows the state to clients, with metadata files of a work.
	publish(ctx context.Context, w *work, metadata []string, g *gone) error
	// tidy removes what is left of earlier states and of downloads, when a
	// state is published.
	tidy() error
	// stored calls a function with the keys that were there when the state
	// began, or are there now.
	stored(ctx context.Context, do func(key string) error) error
	remove(ctx context.Context, key string) error
	// open opens a file as a client sees it, such as targets/app.
	open(ctx context.Context, name string) (io.ReadCloser, error)
	close() error
}

func isBucket(address string) bool { return strings.Contains(address, "://") }

// openDest opens a folder, or a bucket.
func openDest(ctx context.Context, address string) (dest, error) {
	if isBucket(address) {
		return openBucket(ctx, address)
	}
	return openFolder(address)
}
