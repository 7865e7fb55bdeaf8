package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// edge is a delegation and what has become of the role's file: trusted, failed,
// asked for, or none of these yet.
type edge struct {
	delegation.Pending
	listed  metadata.MetaFile
	role    roles.Role // whose signatures the file needs
	task    *task      // that asks for the file
	source  *retainedFile
	file    roles.Trusted[metadata.Targets]
	err     error
	failed  int // how many lookups there were when it failed: a later one asks again
	waiting []*Lookup

	confirmation *task // that asks a live source for the file once more
	unconfirmed  int   // how many lookups there were when it could not be fetched: a later one asks again
	confirming   []*Lookup
}

// asked says whether its file has come, or is asked for.
func (e *edge) asked() bool { return e.task != nil || e.file.Content() != nil }

// delegates says whether its file is trusted and delegates to other roles.
func (e *edge) delegates() bool {
	return e.file.Content() != nil && e.file.Content().Delegations() != nil
}

func (e *edge) step() Step {
	succinct := e.Position < 0 && e.By.Content() != nil
	return Step{Delegator: e.Delegator, Role: e.Role, Terminating: e.Terminating, Succinct: succinct}
}

// edgeKey tells edges apart by the very content that delegates, not by the
// delegator's name: two files of one role, each signed for its own delegator,
// may give the same name different keys. It is zero for the top-level targets
// role.
type edgeKey struct {
	by   roles.Trusted[metadata.Targets]
	role string
}

// targetsFiles are the targets files of a session, top-level and delegated.
type targetsFiles struct {
	edges    map[edgeKey]*edge
	retained map[string][]*retainedFile // by role
	listing  *metadata.Snapshot         // lists the retained files as they are; nil: there are none
	binder   binder
	clock    uint64 // counts uses of retained files
}

// retainedFile is a targets file that was accepted, in this update or an
// earlier one, and may serve again for another delegation or in the next
// update.
type retainedFile struct {
	role roles.Role // whose signatures the file is known to have
	file roles.Trusted[metadata.Targets]
	size int64
	live bool   // a live source sent it, in this update
	used uint64 // the clock at its last use
}

func (f *targetsFiles) edge(p delegation.Pending) *edge {
	key := edgeKey{p.By, p.Role}
	e := f.edges[key]
	if e == nil {
		e = &edge{Pending: p}
		f.edges[key] = e
	}
	return e
}

// topLevelEdge is the delegation from root to targets.
func (s *Session) topLevelEdge() *edge {
	first, _ := delegation.NewWalk("", delegation.Options{}).Next()
	return s.files.edge(first)
}

// topLevel returns the content of the top-level targets role, if it is trusted.
func (f *targetsFiles) topLevel() (file roles.Trusted[metadata.Targets]) {
	if e := f.edges[edgeKey{role: metadata.RoleTargets}]; e != nil {
		file = e.file
	}
	return file
}

// forgetUnlisted lets go of the files that a snapshot does not list as they
// are. It compares the two snapshots: a view may have thousands of files, of
// which few change.
func (f *targetsFiles) forgetUnlisted(s *metadata.Snapshot) {
	if f.listing != nil {
		for c := range metadata.Changes(f.listing, s) {
			delete(f.retained, strings.TrimSuffix(c.Name, ".json"))
		}
	}
	f.listing = s
}

// maxRetainedOfRole bounds the files of one role that may serve again. Each is
// verified for each further delegation to the role. A repository has one file
// of a role, mostly; only a mirror that serves another one for each delegation
// gets here.
const maxRetainedOfRole = 16

// retain adds a file that has been accepted for an edge. It returns the
// retained one with the same content, if there is one: what it delegates to is
// then asked for once.
func (f *targetsFiles) retain(
	e *edge, file roles.Trusted[metadata.Targets], a answer,
) roles.Trusted[metadata.Targets] {
	e.source = &retainedFile{role: e.role, file: file, size: int64(len(a.body)), live: !a.saved}
	name := file.Name() // no part of the delegator's text, which can go before the file
	all := append(f.retained[name], e.source)
	all = all[max(0, len(all)-maxRetainedOfRole):]
	f.retained[name] = all
	same := slices.IndexFunc(all, func(r *retainedFile) bool { return r.file.SameContent(file) })
	return all[same].file // its own at least
}

// letGo forgets a retained file, which the next update then does not take over.
func (f *targetsFiles) letGo(r *retainedFile) {
	name := r.file.Name()
	f.retained[name] = slices.DeleteFunc(f.retained[name], func(o *retainedFile) bool { return o == r })
	if len(f.retained[name]) == 0 {
		delete(f.retained, name)
	}
}

// use notes that the file of an edge is used.
func (f *targetsFiles) use(e *edge) {
	f.clock++
	e.source.used = f.clock
}

func newTargetsFiles(p roles.Policy) targetsFiles {
	return targetsFiles{edges: map[edgeKey]*edge{}, retained: map[string][]*retainedFile{}, binder: newBinder(p)}
}

// renewed returns the files that the next update takes over: those that lookups
// used last, up to so many bytes. No live source has sent them in that update.
func (f *targetsFiles) renewed(maxBytes int64) targetsFiles {
	next := f.copied(maxBytes)
	for _, files := range next.retained {
		for _, r := range files {
			r.live = false
		}
	}
	return next
}

// copied returns copies of the files that lookups used last, up to so many
// bytes.
func (f *targetsFiles) copied(maxBytes int64) targetsFiles {
	next := newTargetsFiles(f.binder.policy)
	next.clock, next.listing = f.clock, f.listing
	next.retained = make(map[string][]*retainedFile, len(f.retained))
	since := f.usedLast(maxBytes)
	for role, files := range f.retained {
		for _, r := range files { // in the order in which they came
			if r.used < since {
				continue
			}
			copied := *r
			next.retained[role] = append(next.retained[role], &copied)
		}
	}
	for file, x := range f.binder.signers {
		if slices.ContainsFunc(next.retained[file.Name()], func(r *retainedFile) bool { return r.file == file }) {
			next.binder.signers[file] = x
		}
	}
	return next
}

// usedLast returns since when files were used that have so many bytes together,
// at most.
func (f *targetsFiles) usedLast(maxBytes int64) (since uint64) {
	var all []*retainedFile
	for _, files := range f.retained {
		for _, r := range files {
			all = append(all, r)
			maxBytes -= r.size
		}
	}
	if maxBytes >= 0 { // there is room for all
		return 0
	}
	slices.SortFunc(all, func(a, b *retainedFile) int { return cmp.Compare(a.used, b.used) })
	for _, r := range all {
		if maxBytes >= 0 && r.used >= since {
			break
		}
		maxBytes += r.size
		since = r.used + 1
	}
	return since
}

// start returns the request for the file of an edge; nil if it is at hand, or
// cannot be trusted.
func (s *Session) start(e *edge) *task {
	e.err = nil
	listed, ok := s.trusted.snapshot.Content().File(e.Role)
	if !ok { // R-5.6.7f: not asked for
		s.failEdge(e, fmt.Errorf("%w: %q, delegated by %s", ErrUnlisted, e.Role, metadata.Printable(e.Delegator)))
		return nil
	}
	e.listed = listed
	var err error
	if e.role, err = s.roleOf(e); err != nil {
		s.failEdge(e, err)
		return nil
	}
	if s.reuse(e) {
		return nil
	}
	if e.task, err = s.targetsTask(e); err != nil {
		s.failEdge(e, err)
		return nil
	}
	e.task.StoreName = roleName(e.Role)
	return e.task
}

// targetsTask returns a request for the file of an edge.
func (s *Session) targetsTask(e *edge) (*task, error) {
	t := &task{listed: e.listed, edge: e, Request: Request{
		Role: e.Role, Delegator: e.Delegator, MaxBytes: s.limits.MaxTargetsBytes,
	}}
	return t, s.address(t)
}

// failEdge notes why the file of an edge cannot be trusted.
func (s *Session) failEdge(e *edge, err error) {
	e.task, e.err, e.failed = nil, err, s.lookups.count
}

// reuse takes a retained file for an edge, and says whether there was one.
func (s *Session) reuse(e *edge) bool {
	for _, r := range s.files.retained[e.Role] {
		if file, ok := s.serves(r, e); ok {
			e.file, e.source = file, r
			return true
		}
	}
	return false
}

// serves returns a retained file as that of an edge, if it is. What was
// verified for the same keys is not verified again.
func (s *Session) serves(r *retainedFile, e *edge) (file roles.Trusted[metadata.Targets], ok bool) {
	file = r.file
	if !e.role.Same(r.role) { // R-5.6.7g
		file, _ = roles.VerifyAs(r.file, e.role) // nothing, if it is not signed for this edge
	}
	return file, s.checkFor(e, file) == nil
}

// roleOf says whose signatures the file of an edge needs.
func (s *Session) roleOf(e *edge) (roles.Role, error) {
	if e.By.Content() == nil {
		return roles.TopLevel(s.trusted.root, e.Role, s.policy)
	}
	return roles.Delegated(e.By, e.Position, e.Role, s.policy)
}

// checkFor judges whether a signed targets file is the one of an edge: it
// compares the file with what is listed for it, and judges its expiry.
func (s *Session) checkFor(e *edge, file roles.Trusted[metadata.Targets]) error {
	if err := roles.CheckTargets(file, e.listed); err != nil {
		return err
	}
	if err := roles.CheckExpiry(file.Name(), file.Header(), s.now); err != nil {
		return err
	}
	return s.files.binder.checkPlace(e, file)
}
