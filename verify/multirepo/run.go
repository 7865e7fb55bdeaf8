package multirepo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tufwalk/tufwalk/verify"
)

// Run goes through everything that there is to do, each repository with its own
// store and sources, as verify.Session.Run does. It returns Err at the end. Run
// it again after more calls of Lookup.
//
// A repository without a store saves nothing, and one without a source cannot
// be brought up to date. A name that is not in the map is a *RepositoryError,
// and nothing is done.
func (g *Group) Run(ctx context.Context, stores map[string]verify.Store, sources map[string][]verify.Source) error {
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		if g.named[name] == nil {
			return &RepositoryError{name, fmt.Errorf("%w: there is a store for it, and it is not in the map", ErrMap)}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if g.named[name] == nil {
			return &RepositoryError{name, fmt.Errorf("%w: there are sources for it, and it is not in the map", ErrMap)}
		}
	}
	store := func(repository string) verify.Store { return stores[repository] }
	source := func(repository string) []verify.Source { return sources[repository] }
	return verify.Drive(ctx, g, store, source)
}
