package client

import (
	"errors"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// View describes the state of the repositories that a client answers from: that
// of one update. It does not change.
type View struct {
	// Time is when the update began: all expiry was judged by it.
	Time time.Time
	// Expires is when the first of the top-level files expires. With several
	// repositories, it is the first time at which one of them has to be brought
	// up to date to answer further.
	Expires time.Time
	// Repositories are sorted by name. A client of one repository has one,
	// without a name. Its owner is the caller, who must not change it.
	Repositories []RepositoryView
}

// RepositoryView is what a View says of one repository.
type RepositoryView struct {
	Repository string // its name in Config.Map; empty for a client of one
	// Versions of the top-level roles that the update trusts; 0 before it does.
	Root, Timestamp, Snapshot, Targets int64
	// Expires is when the first of these files expires.
	Expires time.Time
	// ChainEnd says how the chain of roots ended, and what each source said.
	ChainEnd verify.ChainEnd
}

// trusted says that an update has come so far that it trusts a timestamp.
func (r RepositoryView) trusted() bool { return r.Timestamp > 0 }

var topLevel = [...]string{metadata.RoleRoot, metadata.RoleTimestamp, metadata.RoleSnapshot, metadata.RoleTargets}

// versions are those of the topLevel roles.
func (r RepositoryView) versions() [len(topLevel)]int64 {
	return [...]int64{r.Root, r.Timestamp, r.Snapshot, r.Targets}
}

// sessionView is what a session has come to.
func sessionView(s *verify.Session) *View {
	r := repositoryView("", s.Version)
	r.Expires, r.ChainEnd = s.Expires(), s.ChainEnd()
	return &View{Time: s.Time(), Expires: s.Expires(), Repositories: []RepositoryView{r}}
}

// groupView is what the repositories of a group have come to so far. Until an
// update is over, a repository that has not come to a timestamp has the old
// view, if there is one.
func groupView(g *multirepo.Group, names []string, at time.Time, old *View) *View {
	view := &View{Time: at}
	for i, name := range names {
		r := repositoryView(name, func(role string) int64 { return g.Version(name, role) })
		r.Expires, r.ChainEnd = g.Expires(name), g.ChainEnd(name)
		if err := g.Err(); !r.trusted() && old != nil && (err == nil || errors.Is(err, verify.ErrInProgress)) {
			r = old.Repositories[i]
		}
		view.Repositories = append(view.Repositories, r)
		if r.trusted() && (view.Expires.IsZero() || r.Expires.Before(view.Expires)) {
			view.Expires = r.Expires
		}
	}
	return view
}

func repositoryView(name string, version func(role string) int64) RepositoryView {
	return RepositoryView{
		Repository: name,
		Root:       version(metadata.RoleRoot), Timestamp: version(metadata.RoleTimestamp),
		Snapshot: version(metadata.RoleSnapshot), Targets: version(metadata.RoleTargets),
	}
}
