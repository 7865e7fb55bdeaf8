package verify

import (
	"errors"
	"fmt"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// errMisplaced says that the file for a hash bin looks like that of another
// one. The keys cannot tell the two apart.
var errMisplaced = errors.New("file of another role")

// binder finds out whether files are bound to their roles. It remembers which
// roles a file delegates to.
type binder struct {
	policy  roles.Policy
	signers map[roles.Trusted[metadata.Targets]]*delegation.Signers
}

func newBinder(p roles.Policy) binder {
	return binder{p, map[roles.Trusted[metadata.Targets]]*delegation.Signers{}}
}

func (b *binder) signersIn(file roles.Trusted[metadata.Targets]) *delegation.Signers {
	x := b.signers[file]
	if x == nil {
		x = delegation.NewSigners(file, b.policy)
		b.signers[file] = x
	}
	return x
}

// checkPlace refuses the file of another hash bin, where neither a listed hash
// nor the keys tell it from the right one.
//
// R-5.6.8a: a file that lists paths must list one that the delegation covers.
func (b *binder) checkPlace(e *edge, file roles.Trusted[metadata.Targets]) error {
	if e.listed.Hashes.Listed() {
		return nil
	}
	path, misplaced := e.Misplaced(file.Content())
	if !misplaced {
		return nil
	}
	if bins, others := b.signersIn(e.By).CanPassFor(e.role); !bins && !others {
		return nil
	}
	return fmt.Errorf("%s: %w: it lists none of the paths that %s delegates to it, but %q",
		metadata.Printable(e.Role), errMisplaced, metadata.Printable(e.Delegator), path)
}

// binding is what is known so far about whether a file of a trail must be that
// of its role. TUF does not sign the names of roles.
//
// R-5.6.8b: it is bound if (i) the snapshot lists its hash; or (ii) the file of
// no other role that the trail knows of could pass for it; or (iii) only other
// bins of its delegator could, and it lists a path that its own bin alone
// covers.
type binding struct {
	seen    int  // so many edges of the trail have been looked at
	bins    bool // other bins of its delegator could pass for it
	unbound bool // for good: a trail only becomes longer
}

// extend looks at the edges of a trail that are new, and says whether the file
// of an edge is bound (R-5.6.8b).
func (b *binder) extend(known *binding, e *edge, trail []*edge) bool {
	if e.listed.Hashes.Listed() {
		return true
	}
	for ; known.seen < len(trail) && !known.unbound; known.seen++ {
		t := trail[known.seen]
		top := t.By.Content() == nil // the top-level targets role
		bins, others := b.signersIn(t.file).CanPassFor(e.role)
		switch {
		case top && t.Role != e.Role && t.role.CanPassFor(e.role), others, bins && t.file != e.By:
			known.unbound = true
		case bins && !known.bins:
			known.bins = true
			known.unbound = !e.ListsOwn(e.file.Content())
		}
	}
	return !known.unbound
}

// bound says whether the file of an edge is bound on a trail.
func (b *binder) bound(e *edge, trail []*edge) bool { return b.extend(new(binding), e, trail) }

// judge says of each edge of a trail whether its file is bound to its role.
func (b *binder) judge(trail []*edge) []bool {
	list := make([]bool, len(trail))
	for i, e := range trail {
		list[i] = b.bound(e, trail)
	}
	return list
}
