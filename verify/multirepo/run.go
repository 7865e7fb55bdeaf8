package multirepo

import (
	"errors"

	"github.com/tufwalk/tufwalk/verify"
)

// Run does everything that there is to do, one repository after the other, each
// with its store and its sources, as verify.Session.Run does. It returns Err at
// the end. Call it again after more calls of Lookup, or after Refresh.
//
// A repository may be without a store. A repository without a source gives no
// answer. A caller who wants to ask several repositories at the same time uses
// Next.
func (g *Group) Run(stores map[string]verify.Store, live map[string][]verify.Source) error {
	for g.broken == nil {
		for _, x := range g.members {
			if err := x.session.Run(stores[x.name], live[x.name]...); errors.Is(err, verify.ErrSave) {
				g.broken = &RepositoryError{x.name, err}
				g.Abandon(err)
				return g.Err()
			}
		}
		for l := range g.waiting {
			if _, err := l.Target(); !errors.Is(err, verify.ErrPending) {
				g.noteAnswer(l)
			}
		}
		if !g.decideAnswered() {
			break
		}
	}
	g.handOut()
	return g.Err()
}
