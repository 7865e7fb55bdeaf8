package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
)

// published is what a mirror remembers of the state that it has published: so
// the next sync looks only at what has changed. It is trusted with nothing: if
// it is wrong, files are missing or stay for too long, and a sync without it
// (remove the file) puts that right.
type published struct {
	Dest     string            `json:"dest"`
	Versions [4]int64          `json:"versions"` // of root, timestamp, snapshot and targets
	Time     time.Time         `json:"time"`     // by which the state was judged
	Filter   filter            `json:"filter"`
	Whole    bool              `json:"whole"`     // no target and no role was missing
	Roles    map[string]string `json:"roles"`     // the file of each role
	Delegate []string          `json:"delegates"` // roles that delegate
}

func (w *work) publishedFile() string { return filepath.Join(w.dir, "published.json") }

func (w *work) setPublished(p published) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return writeFile(w.publishedFile(), data)
}

// oldView returns the published state as a view, from the copy itself; nil if
// that, or what is known about it, is not what a difference can rest on.
func (s *syncing) oldView(ctx context.Context) *view {
	data, err := os.ReadFile(s.work.publishedFile())
	if err != nil || json.Unmarshal(data, &s.was) != nil {
		return nil
	}
	root, err := s.trustedRoot()
	if err != nil || s.was.Dest != s.Dest || !s.was.Whole || !s.view.consistent() || !s.was.Filter.same(s.filter) {
		return nil
	}
	old, err := newView(ctx, root, nil, []client.Source{inDest{s.dest}}, s.was.Time)
	if err != nil || old.versions() != s.was.Versions || !old.consistent() {
		return nil
	}
	return old
}

func (p published) delegates(role string) bool { return slices.Contains(p.Delegate, role) }

// published is what there is to remember of the new view.
func (s *syncing) published() published {
	p := published{
		Dest: s.Dest, Versions: s.view.versions(), Time: s.view.session.Time(), Filter: s.filter,
		Whole: s.missing+s.left == 0, Roles: map[string]string{},
	}
	if s.old != nil { // roles that have not changed
		snapshot := s.view.session.Snapshot()
		for role, name := range s.was.Roles {
			if _, listed := snapshot.File(role); listed {
				p.Roles[role] = name
			}
		}
		p.Delegate = s.was.Delegate
	}
	for _, r := range s.view.roles {
		if r.Err != nil { // not published by the upstream: if it comes, its targets are no difference
			p.Whole = false
			continue
		}
		p.Roles[r.Role] = r.Path
		if r.Delegates && !p.delegates(r.Role) {
			p.Delegate = append(slices.Clip(p.Delegate), r.Role)
		}
	}
	return p
}

// files returns the names of the metadata that clients need, in the order in
// which a bucket gets them: roles of targets, the snapshot, roots from the one
// that the operator trusts, the timestamp. The top-level targets come after the
// roles that they delegate to.
func (p published) files(v *view) (names []string, err error) {
	roles := slices.SortedFunc(maps.Keys(p.Roles), func(a, b string) int { return last(a) - last(b) })
	for _, role := range roles {
		name, err := fileName(p.Roles[role])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", metadata.Printable(role), err)
		}
		names = append(names, name)
	}
	snapshot := int64(0)
	if v.consistent() {
		snapshot = v.session.Version(metadata.RoleSnapshot)
	}
	names = append(names, metadata.FileName(metadata.RoleSnapshot, snapshot))
	for n := v.firstRoot; n <= v.session.Version(metadata.RoleRoot); n++ {
		names = append(names, metadata.FileName(metadata.RoleRoot, n))
	}
	return append(names, metadata.FileName(metadata.RoleTimestamp, 0)), nil
}

// last sorts the top-level targets behind all other roles.
func last(role string) int {
	if role == metadata.RoleTargets {
		return 1
	}
	return 0
}
