package multirepo

import (
	"context"

	"github.com/tufwalk/tufwalk/verify"
)

// Run goes through everything that there is to do, each repository with its own
// store and sources, as verify.Session.Run does. It returns Err at the end. Run
// it again after more calls of Lookup.
//
// Stores may be missing. A repository without a source cannot be brought up to
// date.
func (g *Group) Run(ctx context.Context, stores map[string]verify.Store, sources map[string][]verify.Source) error {
	store := func(repository string) verify.Store { return stores[repository] }
	return verify.Drive(ctx, g, store, func(repository string) []verify.Source { return sources[repository] })
}
