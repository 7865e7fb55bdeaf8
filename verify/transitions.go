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

// phase is how far an update has come. The table in doc.go says what each phase
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

// edge is a delegation and the state of the role's file: trusted, failed, asked
// for, or none of these yet.
type edge struct {
	delegation.Pending
	listed   metadata.MetaFile
	signers  roles.Role // whose signatures the file needs
	task     *task      // the request for the file
	file     roles.Trusted[metadata.Targets]
	err      error
	failedAt int  // the number of lookups when it failed: a later lookup asks again
	asked    bool // for the file, which has come or is still to come
	waiting  []*Lookup
}

func (e *edge) step() Step {
	return Step{
		Delegator:   e.Delegator,
		Role:        e.Role,
		Terminating: e.Terminating,
		Succinct:    e.Position < 0 && e.By.Content() != nil,
	}
}

// edgeKey identifies an edge by the very content that delegates, not by the
// delegator's name: two files of one role, each signed for its own delegator,
// may give the same role different keys. For the top-level targets role, by is
// zero.
// R-5.6.7g: trust belongs to the delegation.
type edgeKey struct {
	by   roles.Trusted[metadata.Targets]
	role string
}

// verifiedTargets holds the targets files of earlier updates and of other
// edges, by role. They may be used again without being fetched.
type verifiedTargets map[string][]verifiedFile

type verifiedFile struct {
	listed  metadata.MetaFile
	signers roles.Role // whose signatures the file has
	file    roles.Trusted[metadata.Targets]
}

// begin starts an update. (5.0, 5.1)
func (s *Session) begin(now time.Time) {
	s.now = now
	s.err, s.warnings = nil, s.stored.takeWarnings()
	s.timestamp, s.snapshot = roles.Trusted[metadata.Timestamp]{}, roles.Trusted[metadata.Snapshot]{}
	s.edges = make(map[edgeKey]*edge)
	s.phase, s.newRoots, s.rotations = phaseRoot, 0, 0
	s.askRoot()
	if s.phase == phaseRoot {
		s.askAhead(s.timestampTask())
		s.lookAhead()
	}
}

// judge decides whether the body for a request is valid. It changes nothing: if
// the body is valid, commit acts on it.
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

// checkLength bounds every file: R-5.3.3a, R-5.4.1, R-5.5.1, R-5.6.1.
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

// notFound acts on the answer that the file of a request does not exist.
func (s *Session) notFound(t *task) {
	if t.Role == metadata.RoleRoot && t.edge == nil { // R-5.3.3b
		s.endRoots(false)
		return
	}
	s.fetchFailed(t, ErrNotAtSource)
}

// fetchFailed acts on a file that could not be fetched.
func (s *Session) fetchFailed(t *task, cause error) {
	s.unavailable(t, &FetchError{t.Request, cause})
}

// unavailable ends what needs a file that is not available: the lookups that
// wait for a delegated role, or else the update.
func (s *Session) unavailable(t *task, err error) {
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
	if s.rotations >= s.limits.MaxRootRotations {
		s.warn(s.tooManyRoots(s.rotations + 1))
		s.endRoots(true) // R-5.3.3c
		return
	}
	s.ask(s.rootTask(version + 1))
}

func (s *Session) tooManyRoots(n int) error {
	return &LimitError{metadata.RoleRoot, "new roots in one update", int64(s.limits.MaxRootRotations), int64(n)}
}

func (s *Session) rootTask(version int64) *task {
	return &task{Request: Request{ // R-5.3.3a
		Role:      metadata.RoleRoot,
		Version:   version,
		Delegator: metadata.RoleRoot,
		Path:      metadata.FileName(metadata.RoleRoot, version),
		StoreName: rootName(version),
		MaxBytes:  s.limits.MaxRootBytes,
		Optional:  true,
	}}
}

func (s *Session) timestampTask() *task {
	return &task{Request: Request{
		Role:      metadata.RoleTimestamp,
		Delegator: metadata.RoleRoot,
		Path:      metadata.FileName(metadata.RoleTimestamp, 0),
		MaxBytes:  s.limits.MaxTimestampBytes,
	}}
}

func (s *Session) judgeRoot(t *task, body []byte) (func(), error) {
	// a stored root is verified like any other.
	env, err := parse[metadata.Root](s, body)
	if err != nil {
		return nil, err
	}
	// VerifyNextRoot checks R-5.3.4a and.: the expiry of an
	// intermediate root does not matter.
	next, err := roles.VerifyNextRoot(s.root, env, s.options.Policy)
	if err != nil {
		return nil, err
	}
	return func() {
		s.root = next
		s.newRoots++
		if next.Content().Version > s.stored.rootVersion { // older ones were counted when they were new
			s.rotations++
		}
		s.save(metadata.RoleRoot, next.Content().Version, t.StoreName, body)
		s.saveNewestRoot(body)
		s.unsavedRoot = nil
		s.askRoot()
		if s.phase == phaseRoot {
			s.lookAhead()
		}
	}, nil
}

// endRoots checks the last root of the chain, and goes on to the timestamp.
// (5.3.10, 5.3.11)
func (s *Session) endRoots(limitReached bool) {
	s.dropAhead(false)
	final := s.root.Content()
	// A stored root protects against rollback (docs/decisions.md, "What the
	// stored files are for").
	if final.Version < s.stored.rootVersion {
		if limitReached {
			s.endUpdate(s.tooManyRoots(s.limits.MaxRootRotations + 1))
			return
		}
		s.endUpdate(&StoredRootError{Name: nameRoot, Stored: s.stored.rootVersion, Found: final.Version})
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

// verifyStored decides which of the files that were trusted before are still
// used. (5.3.11)
func (s *Session) verifyStored() {
	verifyStoredFile(s, metadata.RoleTimestamp, &s.stored.timestamp)
	verifyStoredFile(s, metadata.RoleSnapshot, &s.stored.snapshot)
}

func verifyStoredFile[T metadata.Content](s *Session, name string, f *storedFile[T]) {
	if f.envelope == nil {
		return
	}
	role, err := roles.TopLevel(s.root, name, s.options.Policy)
	if err == nil && !role.Same(f.role) { // otherwise it was verified for the same keys
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
	trusted, err := roles.NewerTimestamp(s.stored.timestamp.file, next) // R-5.4.3.1a, R-5.4.3.2
	if err != nil {
		return nil, err
	}
	if err := roles.CheckExpiry(metadata.RoleTimestamp, trusted.Content().Header, s.now); err != nil {
		return nil, err
	}
	return func() {
		if s.unsavedRoot != nil {
			s.saveNewestRoot(s.unsavedRoot)
			s.unsavedRoot = nil
		}
		s.timestamp = trusted // R-5.4.3.1c: the update goes on if this is the old one, too.
		if trusted == next {
			s.stored.timestamp = storedFile[metadata.Timestamp]{envelope: env, file: next, role: role}
			s.save(metadata.RoleTimestamp, next.Content().Version, nameTimestamp, body)
		}
		s.askSnapshot()
	}, nil
}

// askSnapshot asks for the snapshot that the timestamp lists, unless the
// session already has it. (5.5.1)
func (s *Session) askSnapshot() {
	s.phase = phaseSnapshot
	listed := s.timestamp.Content().Snapshot()
	if f := &s.stored.snapshot; f.reusable && f.listed == listed && s.checkSnapshot(f.file, listed) == nil {
		s.trustSnapshot(f.file)
		return
	}
	//
	s.askListed(&task{listed: listed, Request: Request{
		Role:      metadata.RoleSnapshot,
		Delegator: metadata.RoleRoot,
		StoreName: nameSnapshot,
		MaxBytes:  s.limits.MaxSnapshotBytes,
	}})
}

// askListed asks for a file that another one lists, unless it is too long.
func (s *Session) askListed(t *task) {
	// the name and the bound of a listed file
	if t.listed.Length > t.MaxBytes { // a signed length never raises our own limit
		s.unavailable(t, &LimitError{t.Role, "bytes", t.MaxBytes, t.listed.Length})
		return
	}
	if t.listed.Length >= 0 {
		t.MaxBytes = t.listed.Length
	}
	t.Version = t.listed.Version
	t.Path = s.fileName(t.Role, t.listed.Version)
	s.ask(t)
}

// fileName returns a mirror's name for a file of a role other than root and
// timestamp.
//
// the last root decides whether the name has the version.
func (s *Session) fileName(role string, version int64) string {
	if !s.root.Content().ConsistentSnapshot {
		version = 0
	}
	return metadata.FileName(role, version)
}

func (s *Session) judgeSnapshot(t *task, body []byte) (func(), error) {
	// a stored copy is checked like any other.
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
		s.trustSnapshot(next.file)
	}, nil
}

// openSnapshot reads and verifies a snapshot. The stored one, byte for byte,
// was verified already (verifyStored).
func (s *Session) openSnapshot(body []byte) (next storedFile[metadata.Snapshot], err error) {
	if f := s.stored.snapshot; f.reusable && f.raw != nil && bytes.Equal(f.raw, body) {
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
	next.reusable = err == nil
	return next, err
}

func (s *Session) checkSnapshot(next roles.Trusted[metadata.Snapshot], listed metadata.MetaFile) error {
	if err := roles.CheckSnapshot(s.stored.snapshot.file, next, listed); err != nil { // R-5.5.5a
		return err
	}
	return roles.CheckExpiry(metadata.RoleSnapshot, next.Content().Header, s.now)
}

// trustSnapshot trusts a snapshot, and goes on to the top-level targets role
// and the lookups. (5.6)
func (s *Session) trustSnapshot(next roles.Trusted[metadata.Snapshot]) {
	s.snapshot = next
	s.verified.forgetUnlisted(next.Content())
	s.phase = phaseTargets
	first, _ := delegation.NewWalk("", delegation.Options{}).Next()
	e := s.edgeOf(first)
	s.start(e, false)
	if e.file.Content() != nil {
		s.ready()
	}
}

// forgetUnlisted removes the targets files that are not as the snapshot lists
// them.
func (v verifiedTargets) forgetUnlisted(s *metadata.Snapshot) {
	for role, files := range v {
		listed, _ := s.File(role) // version 0 if there is none
		if listed != files[0].listed {
			delete(v, role)
			continue
		}
		for i := range files {
			files[i].listed = listed // equal, but its strings belong to the new snapshot: the old one can be freed
		}
	}
}

// ready ends a successful update, and starts the lookups that wait for it.
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

// start asks for the file of an edge, unless the session already has it or it
// is not available. (5.6.1)
func (s *Session) start(e *edge, ahead bool) {
	e.asked, e.err = true, nil
	listed, ok := s.snapshot.Content().File(e.Role)
	if !ok { // R-5.6.7f: not asked for
		s.finishEdge(e, fmt.Errorf("%w: %q, delegated by %s", ErrUnlisted, e.Role, metadata.Printable(e.Delegator)))
		return
	}
	e.listed = listed
	var err error
	if e.signers, err = s.role(e); err != nil {
		s.finishEdge(e, err)
		return
	}
	for _, v := range s.verified[e.Role] {
		if file, ok := s.reuse(v, e); ok {
			e.file = file
			return
		}
	}
	//
	e.task = &task{listed: listed, edge: e, Request: Request{
		Role:      e.Role,
		Delegator: e.Delegator,
		StoreName: roleName(e.Role),
		MaxBytes:  s.limits.MaxTargetsBytes,
		Ahead:     ahead,
	}}
	s.askListed(e.task)
}

// reuse returns a verified file as the file of an edge, if it may be that. What
// was verified for the same keys is not verified again.
func (s *Session) reuse(v verifiedFile, e *edge) (file roles.Trusted[metadata.Targets], ok bool) {
	if v.listed != e.listed {
		return file, false
	}
	file = v.file
	if !e.signers.Same(v.signers) { // R-5.6.7g
		var err error
		if file, err = roles.VerifyAs(v.file, e.signers); err != nil {
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
		e.file = s.verified.sameContent(file)
		s.verified[file.Name()] = append(s.verified[file.Name()], verifiedFile{e.listed, e.signers, file})
		s.save(e.Role, file.Content().Version, roleName(e.Role), body)
		if s.phase == phaseTargets {
			s.ready()
		}
		s.finishEdge(e, nil)
	}, nil
}

// sameContent returns a verified file with the same content if there is one,
// and otherwise the file itself. So what the content delegates to is asked for
// once (docs/decisions.md, "Trust belongs to a delegation").
func (v verifiedTargets) sameContent(file roles.Trusted[metadata.Targets]) roles.Trusted[metadata.Targets] {
	for _, other := range v[file.Name()] {
		if other.file.SameContent(file) {
			return other.file
		}
	}
	return file
}

func (s *Session) checkTargets(file roles.Trusted[metadata.Targets], listed metadata.MetaFile) error {
	if err := roles.CheckTargets(file, listed); err != nil {
		return err
	}
	return roles.CheckExpiry(file.Name(), file.Content().Header, s.now)
}

// finishEdge goes on with the lookups that wait for an edge: its file is
// trusted or not available. The top-level targets role is asked for before the
// update is ready; if it is not available, the update ends.
func (s *Session) finishEdge(e *edge, err error) {
	if err != nil {
		if s.phase != phaseReady {
			s.endUpdate(err)
			return
		}
		e.asked, e.err, e.failedAt = false, err, s.lookups
	}
	waiting := e.waiting
	e.waiting = nil
	for _, l := range waiting {
		s.advance(l)
	}
}

// advance continues a lookup until it is done or has to wait for a file.
// (5.6.7)
func (s *Session) advance(l *Lookup) {
	for s.pending[l] {
		p, ok := l.walk.Next()
		if !ok {
			s.finish(l, nil)
			return
		}
		e := s.edgeOf(p)
		if !e.asked && (e.err == nil || e.failedAt < l.number) {
			s.start(e, false)
		}
		switch {
		case e.file.Content() != nil:
			if err := l.visit(e); err != nil {
				s.finish(l, err)
			}
		// R-5.6.7f: the search ends with this error.
		case e.err != nil:
			step := e.step()
			step.Err = e.err
			l.trail = append(l.trail, step)
			s.finish(l, e.err)
		default:
			e.waiting = append(e.waiting, l)
			s.needNow(e.task)
			s.prefetch(l)
			return
		}
	}
}

// endUpdate ends an update that cannot succeed.: the next one can.
func (s *Session) endUpdate(err error) {
	s.phase, s.err = phaseFailed, err
	s.dropAhead(true)
	for _, l := range s.inOrder() {
		s.finish(l, err)
	}
}

// saveNewestRoot queues the trusted root as the newest one, unless a newer one
// is stored: the roots between the initial one and that one must not replace
// it. The initial root is saved only after a timestamp was valid under it:
// otherwise a wrong one would stop later updates.
func (s *Session) saveNewestRoot(body []byte) {
	f, version := &s.stored, s.root.Content().Version
	if version < f.rootVersion || bytes.Equal(body, f.rootFile) {
		return
	}
	s.save(metadata.RoleRoot, version, nameRoot, body)
}

// save queues a record. It copies the body, which the caller may use again.
func (s *Session) save(role string, version int64, name string, body []byte) {
	s.queue.Save = append(s.queue.Save, Record{role, version, name, bytes.Clone(body)})
}
