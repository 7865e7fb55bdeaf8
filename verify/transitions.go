package verify

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// phase is how far a cycle has come; the table in doc.go says what each one
// waits for.
type phase int

const (
	phaseRoot phase = iota
	phaseTimestamp
	phaseSnapshot
	phaseTargets
	phaseReady
	phaseFailed
)

// edge is a delegation and what has become of the role's file: trusted, failed,
// asked for, or none of these yet.
type edge struct {
	delegation.Pending
	listed  metadata.MetaFile
	signers roles.Role // whose signatures the file needs
	task    *task      // that asks for the file
	file    roles.Trusted[metadata.Targets]
	err     error
	failed  int  // number of Finds when it failed: a later one asks again
	asked   bool // for its file, which came or is yet to come
	waiting []*Lookup
}

func (e *edge) step() Step {
	return Step{Delegator: e.Delegator, Role: e.Role, Terminating: e.Terminating, Succinct: e.Position < 0 && e.By.Content() != nil}
}

// edgeKey tells edges apart by the very content that delegates, not by the
// delegator's name: two files of one role, each signed for its own delegator,
// may give the same name different keys. It is zero for the top-level targets
// role.
type edgeKey struct {
	by   roles.Trusted[metadata.Targets]
	role string
}

// known are the targets files of earlier cycles and other edges, by role, that
// may serve again without being fetched.
type known map[string][]knownTargets

type knownTargets struct {
	listed  metadata.MetaFile
	signers roles.Role // whose signatures the file is known to have
	file    roles.Trusted[metadata.Targets]
}

// begin starts a cycle. (5.0, 5.1)
func (s *Session) begin(now time.Time) {
	s.now = now
	s.err, s.warnings, s.roots = nil, s.stored.warnings(), 0
	s.timestamp, s.snapshot = roles.Trusted[metadata.Timestamp]{}, roles.Trusted[metadata.Snapshot]{}
	s.edges = make(map[edgeKey]*edge)
	s.phase, s.chain = phaseRoot, 0
	s.askRoot()
	if s.phase == phaseRoot {
		s.askAhead(s.timestampTask())
		s.lookAhead()
	}
}

// judge decides on the body for a request. It changes nothing: on success it
// returns what to do about it.
func (s *Session) judge(t *task, body []byte) (commit func(), err error) {
	if err := t.checkLength(body); err != nil {
		return nil, err
	}
	switch {
	case t.edge != nil:
		return s.judgeTargets(t, body)
	case t.Role == metadata.RoleRoot:
		return s.judgeRoot(t, body)
	case t.Role == metadata.RoleTimestamp:
		return s.judgeTimestamp(t, body)
	}
	return s.judgeSnapshot(t, body)
}

func (t *task) checkLength(body []byte) error {
	got := int64(len(body))
	switch {
	case got <= t.MaxBytes:
		return nil
	case t.listed.Length >= 0 && t.listed.Length == t.MaxBytes:
		return &roles.LengthError{File: t.Role, Want: t.MaxBytes, Got: got}
	}
	return &LimitError{t.Role, "bytes", t.MaxBytes, got}
}

// absent acts on the word that the file of a request does not exist.
func (s *Session) absent(t *task) {
	if t.Role == metadata.RoleRoot && t.edge == nil { // R-5.3.3b
		s.endRoots(false)
		return
	}
	s.given(t, ErrNotAtSource)
}

// given acts on a request that was given up.
func (s *Session) given(t *task, cause error) {
	s.giveUp(t, &FetchError{t.Request, cause})
}

// giveUp ends what needs a file that cannot be had: the lookups that wait for a
// delegated role, otherwise the cycle.
func (s *Session) giveUp(t *task, err error) {
	if t.edge != nil {
		s.finishEdge(t.edge, err)
		return
	}
	s.endUpdate(err)
}

// askRoot asks for the next root, or goes on if there is none to ask for.
// (5.3.2, 5.3.3)
func (s *Session) askRoot() {
	version := s.root.Content().Version
	if version == math.MaxInt64 {       // there can be no next one
		s.endRoots(false)
		return
	}
	if s.roots >= s.limits.MaxRootRotations {
		s.warn(&LimitError{metadata.RoleRoot, "roots in one cycle", int64(s.limits.MaxRootRotations), int64(s.roots) + 1})
		s.endRoots(true) // R-5.3.3c
		return
	}
	s.ask(s.rootTask(version + 1))
}

func (s *Session) rootTask(version int64) *task {
	return &task{Request: Request{ // R-5.3.3a
		Role: metadata.RoleRoot, Version: version, Delegator: metadata.RoleRoot,
		Path: metadata.FileName(metadata.RoleRoot, version), StoreName: rootName(version), MaxBytes: s.limits.MaxRootBytes, Optional: true,
	}}
}

func (s *Session) timestampTask() *task {
	return &task{Request: Request{
		Role: metadata.RoleTimestamp, Delegator: metadata.RoleRoot,
		Path: metadata.FileName(metadata.RoleTimestamp, 0), MaxBytes: s.limits.MaxTimestampBytes,
	}}
}

func (s *Session) judgeRoot(t *task, body []byte) (func(), error) {
	env, err := parse[metadata.Root](s, body)
	if err != nil {
		return nil, err
	}
	// R-5.3.4a and are checked there: the expiry of a root on
	// the way does not matter.
	next, err := roles.VerifyNextRoot(s.root, env, s.options.Policy)
	if err != nil {
		return nil, err
	}
	return func() {
		s.root = next
		s.chain++
		if next.Content().Version > s.stored.root { // those up to a root that was trusted before were counted then
			s.roots++
		}
		s.save(metadata.RoleRoot, next.Content().Version, t.StoreName, body)
		s.saveNewestRoot(body)
		s.unsaved = nil
		s.askRoot()
		if s.phase == phaseRoot {
			s.lookAhead()
		}
	}, nil
}

// endRoots looks at the last root of the chain. (5.3.10, 5.3.11)
func (s *Session) endRoots(cut bool) {
	s.dropAhead(false)
	final := s.root.Content()
	if final.Version < s.stored.root { // architecture, decision 7
		if cut {
			s.endUpdate(&LimitError{metadata.RoleRoot, "roots in one cycle", int64(s.limits.MaxRootRotations), int64(s.limits.MaxRootRotations) + 1})
			return
		}
		s.endUpdate(&StoredRootError{Name: nameRoot, Stored: s.stored.root, Found: final.Version})
		return
	}
	if err := roles.CheckExpiry(metadata.RoleRoot, final.Header, s.now); err != nil {
		s.endUpdate(err)
		return
	}
	s.verifyStored()
	s.phase = phaseTimestamp
	s.ask(s.timestampTask())
}

// verifyStored decides whether what was trusted before still counts. (5.3.11)
func (s *Session) verifyStored() {
	verifyStoredFile(s, metadata.RoleTimestamp, &s.stored.timestamp)
	verifyStoredFile(s, metadata.RoleSnapshot, &s.stored.snapshot)
}

func verifyStoredFile[T metadata.Content](s *Session, name string, f *storedFile[T]) {
	if f.envelope == nil {
		return
	}
	role, err := roles.TopLevel(s.root, name, s.options.Policy)
	if err == nil && !role.Same(f.role) { // what was verified for these keys needs no more
		f.verify(role)
	}
	if f.err != nil {
		s.warn(&StoredFileError{name, f.err})
	}
}

func (s *Session) judgeTimestamp(t *task, body []byte) (func(), error) {
	env, err := parse[metadata.Timestamp](s, body)
	if err != nil {
		return nil, err
	}
	role, err := roles.TopLevel(s.root, metadata.RoleTimestamp, s.options.Policy)
	if err != nil {
		return nil, err
	}
	next, err := roles.Verify(env, role)
	if err != nil {
		return nil, err
	}
	kept, err := roles.NewerTimestamp(s.stored.timestamp.file, next) // R-5.4.3.1a, R-5.4.3.2
	if err != nil {
		return nil, err
	}
	if err := roles.CheckExpiry(metadata.RoleTimestamp, kept.Content().Header, s.now); err != nil {
		return nil, err
	}
	return func() {
		if s.unsaved != nil {
			s.saveNewestRoot(s.unsaved)
			s.unsaved = nil
		}
		s.timestamp = kept // R-5.4.3.1c: also when the old one is kept, the cycle goes on.
		if kept == next {
			s.stored.timestamp = storedFile[metadata.Timestamp]{envelope: env, file: next, role: role}
			s.save(metadata.RoleTimestamp, next.Content().Version, nameTimestamp, body)
		}
		s.askSnapshot()
	}, nil
}

// askSnapshot asks for the snapshot that the timestamp names, unless it is at
// hand. (5.5.1)
func (s *Session) askSnapshot() {
	s.phase = phaseSnapshot
	pin := s.timestamp.Content().Snapshot()
	if f := &s.stored.snapshot; f.opened && f.listed == pin && s.checkSnapshot(f.file, pin) == nil {
		s.takeSnapshot(f.file)
		return
	}
	s.askListed(&task{listed: pin, Request: Request{
		Role: metadata.RoleSnapshot, Delegator: metadata.RoleRoot, StoreName: nameSnapshot, MaxBytes: s.limits.MaxSnapshotBytes,
	}})
}

// askPinned asks for a file that another one lists, or says why not.
func (s *Session) askListed(t *task) {
	if t.listed.Length > t.MaxBytes { // a signed length never raises our own limit
		s.giveUp(t, &LimitError{t.Role, "bytes", t.MaxBytes, t.listed.Length})
		return
	}
	if t.listed.Length >= 0 {
		t.MaxBytes = t.listed.Length
	}
	t.Version = t.listed.Version
	t.Path = s.fileName(t.Role, t.listed.Version)
	s.ask(t)
}

// fileName is the wire's name of a file that is not root or timestamp.
//
// the final root decides on versions in names.
func (s *Session) fileName(role string, version int64) string {
	if !s.root.Content().ConsistentSnapshot {
		version = 0
	}
	return metadata.FileName(role, version)
}

func (s *Session) judgeSnapshot(t *task, body []byte) (func(), error) {
	// a saved copy goes the same way as any other.
	if err := roles.CheckFile(metadata.RoleSnapshot, body, t.listed, s.options.Policy); err != nil {
		return nil, err
	}
	next, err := s.openSnapshot(body)
	if err != nil {
		return nil, err
	}
	next.listed = t.listed
	if err := s.checkSnapshot(next.file, t.listed); err != nil {
		return nil, err
	}
	return func() {
		s.stored.snapshot = next
		s.save(metadata.RoleSnapshot, next.file.Content().Version, nameSnapshot, body)
		s.takeSnapshot(next.file)
	}, nil
}

// openSnapshot reads and verifies a snapshot, unless it is the stored one, byte
// for byte, which was verified when it was found to count.
func (s *Session) openSnapshot(body []byte) (next storedFile[metadata.Snapshot], err error) {
	if f := s.stored.snapshot; f.opened && f.raw != nil && bytes.Equal(f.raw, body) {
		f.raw = nil
		return f, nil
	}
	if next.envelope, err = parse[metadata.Snapshot](s, body); err != nil {
		return next, err
	}
	if next.role, err = roles.TopLevel(s.root, metadata.RoleSnapshot, s.options.Policy); err != nil {
		return next, err
	}
	next.file, err = roles.Verify(next.envelope, next.role)
	next.opened = err == nil
	return next, err
}

func (s *Session) checkSnapshot(next roles.Trusted[metadata.Snapshot], pin metadata.MetaFile) error {
	if err := roles.CheckSnapshot(s.stored.snapshot.file, next, pin); err != nil { // R-5.5.5a
		return err
	}
	return roles.CheckExpiry(metadata.RoleSnapshot, next.Content().Header, s.now)
}

// takeSnapshot trusts a snapshot and goes on to the top-level targets role, and
// with it to the lookups. (5.6)
func (s *Session) takeSnapshot(next roles.Trusted[metadata.Snapshot]) {
	s.snapshot = next
	s.known.forgetOld(next.Content())
	s.phase = phaseTargets
	first, _ := delegation.NewWalk("", delegation.Options{}).Next()
	e := s.edgeOf(first)
	s.start(e, false)
	if e.file.Content() != nil {
		s.ready()
	}
}

// forgetOld drops the targets files that the snapshot does not list in that
// form.
func (k known) forgetOld(s *metadata.Snapshot) {
	for role, files := range k {
		pin, _ := s.File(role) // no version, where there is none
		if pin != files[0].listed {
			delete(k, role)
		} else {
			for i := range files {
				files[i].listed = pin // the same, but its text is the new snapshot's: the old one can go
			}
		}
	}
}

// ready ends a successful cycle and lets the lookups go.
func (s *Session) ready() {
	s.phase = phaseReady
	for _, l := range s.inOrder() {
		s.advance(l)
	}
}

func (s *Session) edgeOf(p delegation.Pending) *edge {
	key := edgeKey{p.By, p.Role}
	e := s.edges[key]
	if e == nil {
		e = &edge{Pending: p}
		s.edges[key] = e
	}
	return e
}

// start asks for the file of an edge, unless it is at hand or cannot be had.
// (5.6.1)
func (s *Session) start(e *edge, ahead bool) {
	e.asked, e.err = true, nil
	pin, ok := s.snapshot.Content().File(e.Role)
	if !ok { // R-5.6.7f: not asked for
		s.finishEdge(e, fmt.Errorf("%w: %q, delegated by %s", ErrUnlisted, e.Role, metadata.Printable(e.Delegator)))
		return
	}
	e.listed = pin
	var err error
	if e.signers, err = s.role(e); err != nil {
		s.finishEdge(e, err)
		return
	}
	for _, k := range s.known[e.Role] {
		if file, ok := s.again(k, e); ok {
			e.file = file
			return
		}
	}
	e.task = &task{listed: pin, edge: e, Request: Request{
		Role: e.Role, Delegator: e.Delegator, StoreName: roleName(e.Role), MaxBytes: s.limits.MaxTargetsBytes, Ahead: ahead,
	}}
	s.askListed(e.task)
}

// again returns a known file as that of an edge, if it is. What was verified
// for the same keys is not verified again.
func (s *Session) again(k knownTargets, e *edge) (file roles.Trusted[metadata.Targets], ok bool) {
	if k.listed != e.listed {
		return file, false
	}
	file = k.file
	if !e.signers.Same(k.signers) { // R-5.6.7g
		var err error
		if file, err = roles.VerifyAs(k.file, e.signers); err != nil {
			return file, false
		}
	}
	return file, s.checkTargets(file, e.listed) == nil
}

// role says whose signatures the file of an edge needs.
func (s *Session) role(e *edge) (roles.Role, error) {
	if e.By.Content() == nil {
		return roles.TopLevel(s.root, e.Role, s.options.Policy)
	}
	return roles.Delegated(e.By, e.Position, e.Role, s.options.Policy)
}

func (s *Session) judgeTargets(t *task, body []byte) (func(), error) {
	e := t.edge
	if err := roles.CheckFile(e.Role, body, e.listed, s.options.Policy); err != nil {
		return nil, err
	}
	env, err := parse[metadata.Targets](s, body)
	if err != nil {
		return nil, err
	}
	file, err := roles.Verify(env, e.signers)
	if err != nil {
		return nil, err
	}
	if err := s.checkTargets(file, e.listed); err != nil {
		return nil, err
	}
	return func() {
		e.file = s.known.one(file)
		s.known[file.Name()] = append(s.known[file.Name()], knownTargets{e.listed, e.signers, file})
		s.save(e.Role, file.Content().Version, roleName(e.Role), body)
		if s.phase == phaseTargets {
			s.ready()
		}
		s.finishEdge(e, nil)
	}, nil
}

// one returns the known file with the same content, if there is one: what it
// delegates to is then asked for once (decision 6).
func (k known) one(file roles.Trusted[metadata.Targets]) roles.Trusted[metadata.Targets] {
	for _, other := range k[file.Name()] {
		if other.file.SameContent(file) {
			return other.file
		}
	}
	return file
}

func (s *Session) checkTargets(file roles.Trusted[metadata.Targets], pin metadata.MetaFile) error {
	if err := roles.CheckTargets(file, pin); err != nil {
		return err
	}
	return roles.CheckExpiry(file.Name(), file.Content().Header, s.now)
}

// finishEdge tells the lookups that wait for an edge that its file is trusted
// or cannot be had. Without the top-level targets role, which is asked for
// before the cycle is ready, the cycle ends.
func (s *Session) finishEdge(e *edge, err error) {
	if err != nil {
		if s.phase != phaseReady {
			s.endUpdate(err)
			return
		}
		e.asked, e.err, e.failed = false, err, s.lookups
	}
	waiting := e.waiting
	e.waiting = nil
	for _, l := range waiting {
		s.advance(l)
	}
}

// advance takes a lookup as far as it can go. (5.6.7)
func (s *Session) advance(l *Lookup) {
	for s.pending[l] {
		p, ok := l.walk.Next()
		if !ok {
			s.finish(l, nil)
			return
		}
		e := s.edgeOf(p)
		if !e.asked && (e.err == nil || e.failed < l.born) {
			s.start(e, false)
		}
		switch {
		case e.file.Content() != nil:
			if err := l.visit(e); err != nil {
				s.finish(l, err)
			}
		case e.err != nil:
			step := e.step()
			step.Err = e.err
			l.trail = append(l.trail, step)
			s.finish(l, e.err)
		default:
			e.waiting = append(e.waiting, l)
			s.need(e.task)
			s.prefetch(l)
			return
		}
	}
}

// endUpdate ends a cycle that cannot succeed.: the next one can.
func (s *Session) endUpdate(err error) {
	s.phase, s.err = phaseFailed, err
	s.dropAhead(true)
	for _, l := range s.inOrder() {
		s.finish(l, err)
	}
}

// saveNewestRoot queues the trusted root as the newest one, unless a newer one
// is stored: the roots on the way from the anchor to that one must not replace
// it. The anchor itself waits for a timestamp: a wrong one must not become a
// floor.
func (s *Session) saveNewestRoot(body []byte) {
	f, version := &s.stored, s.root.Content().Version
	if version < f.root || bytes.Equal(body, f.rootFile) {
		return
	}
	s.save(metadata.RoleRoot, version, nameRoot, body)
}

// save queues a record. The caller's slice is copied: it may be used again.
func (s *Session) save(role string, version int64, name string, body []byte) {
	s.queue.Save = append(s.queue.Save, Record{role, version, name, bytes.Clone(body)})
}
