package verify_test

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/internal/model"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// comparison is one history, played to the session and to the model.
type comparison struct {
	w       *histories.World
	limits  model.Limits
	session *recorded
	record  *lineRecorder
	model   *model.Client
	store   map[string][]byte // what the session saved, in all runs
	saved   map[string]string // what it saved in this run, under the model's names
	lookups []twoLookups
	seen    map[string]int
	fault   error
}

type twoLookups struct {
	session *verify.Lookup
	model   *model.Lookup
}

// compareHistory plays the history of a seed to its end, or to the first
// disagreement.
func compareHistory(seed uint64) (d *comparison) {
	d = &comparison{
		seen: map[string]int{}, store: map[string][]byte{}, record: newLineRecorder(fmt.Sprintf("history-%06d", seed)),
	}
	defer d.record.close()
	defer func() {
		switch r := recover().(type) {
		case nil, over:
		case disagreement:
			d.fault = r
		default:
			d.fault = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	d.w = histories.New(seed, verifytest.Schemes()...)
	d.drawLimits()
	for i := range 2 + d.w.IntN(5) {
		if i > 0 {
			d.w.Happen()
		}
		d.update()
	}
	return d
}

// over ends a history early, without a disagreement.
type over struct{}

type disagreement string

func (d disagreement) Error() string { return string(d) }

func disagree(format string, args ...any) { panic(disagreement(fmt.Sprintf(format, args...))) }

// defaultLimits are those of the library.
var defaultLimits = model.Limits{
	Root: 512_000, Timestamp: 32_768, Snapshot: 8_000_000, Targets: 8_000_000, Roots: 256, Roles: 32,
}

// drawLimits chooses the limits: mostly the defaults, and sometimes lower ones.
func (d *comparison) drawLimits() {
	d.limits = defaultLimits
	if d.w.Chance(20) {
		d.limits.Roots, d.limits.Roles = 1+d.w.IntN(3), 1+d.w.IntN(4)
	}
	if d.w.Chance(10) {
		d.limits.Targets, d.limits.Snapshot = int64(700+d.w.IntN(2000)), int64(500+d.w.IntN(1000))
	}
}

func (d *comparison) update() {
	if d.session == nil || d.w.Chance(40) {
		d.start()
	} else {
		d.renew()
	}
	d.find()
	d.drive()
	if d.w.Chance(50) {
		d.find() // after the end of the update
		d.drive()
	}
	d.compareEnd()
}

// renew begins the next update: with what lies in the store, which may be
// damaged, with candidates beside it, or without a store.
func (d *comparison) renew() {
	d.w.Note("the next update")
	if d.w.Chance(10) {
		d.damage()
	}
	stored := d.stored()
	if d.w.Chance(15) {
		d.seen["renewed without a store"]++
		stored = model.Stored{}
	}
	if d.session.Err() != nil {
		d.seen["renewed after a failure"]++
	}
	session, err := d.session.Renew(asStored(stored), d.w.Time())
	if err != nil {
		disagree("Renew: %v", err)
	}
	d.session, d.model, d.saved = session, d.model.Renew(stored, d.w.Time()), map[string]string{}
}

// stored is what lies in the store, sometimes with older files beside the
// newest.
func (d *comparison) stored() model.Stored {
	stored := model.One(d.store)
	for _, role := range []string{"timestamp", "snapshot"} {
		for d.w.Chance(10) {
			d.seen["several candidates"]++
			stored[role+".json"] = append(stored[role+".json"], d.w.Other(d.w.FileName(role)))
		}
	}
	return stored
}

func asStored(files model.Stored) verify.Stored {
	return verify.Stored{Root: files["root.json"], Timestamp: files["timestamp.json"], Snapshot: files["snapshot.json"]}
}

// start begins a run with what earlier ones saved, which may be damaged.
func (d *comparison) start() {
	if d.w.Chance(15) {
		d.damage()
	}
	root := d.w.InitialRoot()
	if d.w.Chance(5) {
		root = d.w.Corrupt("root", root)
	}
	options := verify.Options{Limits: verify.Limits{
		MaxRootBytes:      d.limits.Root,
		MaxTimestampBytes: d.limits.Timestamp,
		MaxSnapshotBytes:  d.limits.Snapshot,
		MaxTargetsBytes:   d.limits.Targets,
		MaxRootRotations:  d.limits.Roots,
		MaxDelegations:    d.limits.Roles,
	}}
	stored := d.stored()
	d.w.Note("a new run")
	session, err := d.record.open(root, asStored(stored), d.w.Time(), options)
	second, err2 := model.New(root, stored, d.w.Time(), d.limits, model.Plain())
	if (err == nil) != (err2 == nil) {
		disagree("trusted root: the library says %v, the model %v\n%s", err, err2, root)
	}
	if err != nil {
		d.seen["trusted root: rejected"]++
		panic(over{})
	}
	d.session, d.model, d.saved, d.lookups = session, second, map[string]string{}, nil
}

// damage does something to a saved file.
func (d *comparison) damage() {
	name := []string{"root.json", "timestamp.json", "snapshot.json"}[d.w.IntN(3)]
	body, ok := d.store[name]
	if !ok {
		return
	}
	d.seen["saved file damaged"]++
	d.w.Note("saved %s is damaged", name)
	switch d.w.IntN(4) {
	case 0:
		delete(d.store, name)
	case 1:
		d.store[name] = d.w.Other(name)
	default:
		d.store[name] = d.w.Corrupt(strings.TrimSuffix(name, ".json"), body)
	}
}

func (d *comparison) find() {
	for _, path := range d.w.Paths() {
		d.lookups = append(d.lookups, twoLookups{d.session.Lookup(path), d.model.Find(path)})
	}
}

// drive answers requests, in any order, until there are none.
func (d *comparison) drive() {
	for {
		d.next()
		open := d.session.Outstanding()
		d.compareWants(open)
		if len(open) == 0 {
			return
		}
		req := open[d.w.IntN(len(open))]
		d.answer(req, d.want(req))
	}
}

// next saves what the session wants saved.
func (d *comparison) next() {
	for {
		b, ok := d.session.Next()
		if !ok {
			break
		}
		for _, rec := range b.Save {
			d.store[rec.StoreName] = rec.Data
			name := rec.StoreName
			if rec.Role != "root" {
				name = rec.Role + ".json"
			}
			d.saved[name] = string(rec.Data)
		}
	}
	for _, l := range d.lookups {
		_, err := l.session.Target()
		if done := !errors.Is(err, verify.ErrPending); done != l.model.Settled() {
			disagree("lookup of %q is done: the library says %v, the model %v",
				l.model.Path, done, l.model.Settled())
		}
	}
}

func wantText(delegator, role, path string, version, most int64, live bool) string {
	return fmt.Sprintf("%q for %q: %s, version %d, at most %d bytes, live %v", role, delegator, path, version, most, live)
}

// liveOnly says that a targets file is asked for once more (R-5.6.8c).
func liveOnly(req verify.Request) bool { return req.StoreName == "" && req.Role != "timestamp" }

// compareWants compares what is asked for.
func (d *comparison) compareWants(open []verify.Request) {
	var a, b []string
	for _, req := range open {
		a = append(a, wantText(req.Delegator, req.Role, req.Path, req.Version, req.MaxBytes, liveOnly(req)))
	}
	for _, w := range d.model.Wants() {
		b = append(b, wantText(w.Delegator, w.Role, w.Path, w.Version, d.model.Most(w), w.Live))
	}
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		disagree("asked for by the library: %q\nby the model: %q", a, b)
	}
	if len(slices.Compact(a)) < len(b) {
		// There are two files of one delegator, and a request does not say for
		// which of them it is.
		d.seen["ambiguous requests"]++
		panic(over{})
	}
}

func (d *comparison) want(req verify.Request) *model.Want {
	for _, w := range d.model.Wants() {
		if w.Role == req.Role && w.Delegator == req.Delegator && w.Live == liveOnly(req) {
			return w
		}
	}
	panic("unreachable: the wants were compared")
}

// answer offers some bodies, the mirror's last, until one is accepted or there
// are no more.
func (d *comparison) answer(req verify.Request, want *model.Want) {
	body, found := d.w.Mirror()[req.Path]
	saved, ok := d.store[req.StoreName]
	if ok && req.StoreName != "" && d.w.Chance(50) && d.offerSaved(req, want, saved) {
		d.seen["saved copy accepted"]++
		return
	}
	for d.w.Chance(30) {
		bad := d.w.Other(req.Path)
		if found && d.w.Chance(85) {
			bad = d.w.Corrupt(req.Role, body)
		}
		if d.offer(req, want, bad) {
			d.seen["corrupt and accepted"]++
			return
		}
	}
	switch {
	case !found:
		d.w.Note("%s is not there", req.Path)
		d.check(d.session.NotFound(req.ID))
		d.model.Absent(want)
	case d.w.Chance(97) && d.offer(req, want, body):
	default:
		d.w.Note("%s is given up", req.Path)
		d.check(d.session.Fail(req.ID, nil))
		d.model.GiveUp(want)
	}
}

func (d *comparison) check(err error) {
	if err != nil {
		disagree("an open request is not answered: %v", err)
	}
}

// offer gives both the same body, and says whether they accepted it.
func (d *comparison) offer(req verify.Request, want *model.Want, body []byte) bool {
	return d.compareOffer(req, body, d.session.Provide(req.ID, slices.Clone(body)), d.model.Offer(want, body))
}

// offerSaved is offer for a saved copy.
func (d *comparison) offerSaved(req verify.Request, want *model.Want, body []byte) bool {
	return d.compareOffer(req, body, d.session.ProvideSaved(req.ID, slices.Clone(body)), d.model.OfferSaved(want, body))
}

func (d *comparison) compareOffer(req verify.Request, body []byte, err, err2 error) bool {
	reject := new(verify.RejectError)
	if err != nil && !errors.As(err, &reject) || (err == nil) != (err2 == nil) {
		disagree("%s for %s: the library says %v, the model %v\n%q",
			req.Path, req.Delegator, err, err2, body)
	}
	role, outcome := req.Role, "accepted"
	switch {
	case liveOnly(req):
		role = "confirmation"
	case !slices.Contains(topLevel, role):
		role = "delegated role"
	}
	if err != nil {
		outcome = "rejected"
		d.w.Note("%s for %s: %v", req.Path, req.Delegator, err)
	} else {
		d.w.Note("%s for %s: accepted", req.Path, req.Delegator)
	}
	d.seen[role+": "+outcome]++
	return err == nil
}

// compareEnd compares what is trusted and saved at the end of an update.
func (d *comparison) compareEnd() {
	done, err2 := d.model.Done()
	err := d.session.Err()
	if !done || modelError(err) != err2 {
		disagree("the end of the update: the library says %v, the model %v (done: %v)", err, err2, done)
	}
	end := "succeeded"
	if err2 != nil {
		end = err2.Error()
	}
	d.seen["update: "+end]++
	d.w.Note("the update: %s", end)
	for _, role := range topLevel {
		if a, b := d.session.Version(role), d.model.Version(role); a != b {
			disagree("version of %s: the library says %d, the model %d", role, a, b)
		}
	}
	if !maps.Equal(d.saved, d.model.Saved()) {
		disagree("saved by the library: %q\nby the model: %q",
			slices.Sorted(maps.Keys(d.saved)), slices.Sorted(maps.Keys(d.model.Saved())))
	}
	for _, l := range d.lookups {
		d.compareLookup(l)
	}
}

func (d *comparison) compareLookup(l twoLookups) {
	t, err := l.session.Target()
	m := l.model
	if modelError(err) != m.Err {
		disagree("lookup of %q: the library says %v, the model %v", m.Path, err, m.Err)
	}
	d.compareBound(l)
	if err != nil {
		d.seen[fmt.Sprintf("lookup: %v", m.Err)]++
		return
	}
	hashes := maps.Collect(t.Hashes.All())
	if t.Role != m.Role || t.Length != m.Length || !maps.Equal(hashes, m.Hashes) {
		disagree("lookup of %q: found by the library in %q, %d, %v, and by the model in %q, %d, %v",
			m.Path, t.Role, t.Length, hashes, m.Role, m.Length, m.Hashes)
	}
	where := "a delegated role"
	if t.Role == "targets" {
		where = "targets"
	}
	d.seen["lookup: found in "+where]++
}

// compareBound compares which files of a trail are bound to their roles, and
// whether it is certain that there is no target.
func (d *comparison) compareBound(l twoLookups) {
	if l.model.Err != nil && l.model.Err != model.ErrNoTarget {
		return
	}
	var bound []bool
	for _, step := range l.session.Trail() {
		bound = append(bound, step.Bound)
	}
	if !slices.Equal(bound, l.model.Bound) {
		disagree("lookup of %q: which files are bound: the library says %v, the model %v",
			l.model.Path, bound, l.model.Bound)
	}
	_, err := l.session.Target()
	if no := new(verify.NoTargetError); errors.As(err, &no) {
		if no.Certain != l.model.Certain {
			disagree("lookup of %q: certain: the library says %v, the model %v",
				l.model.Path, no.Certain, l.model.Certain)
		}
		d.seen[fmt.Sprintf("no target, certain: %v", no.Certain)]++
	}
}

// modelError returns what the model calls an error of the library.
func modelError(err error) error {
	fetch := new(verify.FetchError)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fetch):
		return model.ErrFetch
	case errors.Is(err, verify.ErrUndecided):
		return model.ErrUndecided
	case errors.Is(err, verify.ErrUnlisted):
		return model.ErrUnlisted
	case errors.Is(err, verify.ErrNoTarget):
		return model.ErrNoTarget
	case errors.Is(err, verify.ErrLimit):
		return model.ErrLimit
	case errors.Is(err, roles.ErrRollback):
		return model.ErrRollback
	case errors.Is(err, roles.ErrExpired):
		return model.ErrExpired
	}
	return err
}
