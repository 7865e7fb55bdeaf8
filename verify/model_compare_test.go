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
)

// duel is one history, played to the session and the model side by side.
type duel struct {
	w       *histories.World
	limits  model.Limits
	session *verify.Session
	model   *model.Client
	store   map[string][]byte // what the session had saved, in all runs
	saved   map[string]string // the same, in this run, named as the model names it
	lookups []twoLookups
	seen    map[string]int
	fault   error
}

type twoLookups struct {
	session *verify.Lookup
	model   *model.Lookup
}

// play plays the history of a seed to its end, or to the first disagreement.
func play(seed uint64) (d *duel) {
	d = &duel{seen: map[string]int{}, store: map[string][]byte{}}
	defer func() {
		switch r := recover().(type) {
		case nil, over:
		case disagreement:
			d.fault = r
		default:
			d.fault = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	d.w = histories.New(seed)
	d.drawLimits()
	for i := range 2 + d.w.IntN(5) {
		if i > 0 {
			d.w.Happen()
		}
		d.cycle()
	}
	return d
}

// over ends a history early, without a disagreement.
type over struct{}

type disagreement string

func (d disagreement) Error() string { return string(d) }

func disagree(format string, args ...any) { panic(disagreement(fmt.Sprintf(format, args...))) }

// drawLimits draws the limits: mostly the defaults, and sometimes some that
// matter.
func (d *duel) drawLimits() {
	d.limits = model.Limits{Root: 512_000, Timestamp: 16_384, Snapshot: 8_000_000, Targets: 8_000_000, Roots: 256, Roles: 32}
	if d.w.Chance(20) {
		d.limits.Roots, d.limits.Roles = 1+d.w.IntN(3), 1+d.w.IntN(4)
	}
	if d.w.Chance(10) {
		d.limits.Targets, d.limits.Snapshot = int64(700+d.w.IntN(2000)), int64(500+d.w.IntN(1000))
	}
}

func (d *duel) cycle() {
	if d.session == nil || d.w.Chance(40) {
		d.start()
	} else {
		d.w.Note("another cycle")
		if err := d.session.Refresh(d.w.Time()); err != nil {
			disagree("Refresh: %v", err)
		}
		d.model.Refresh(d.w.Time())
	}
	d.find()
	d.drive()
	if d.w.Chance(50) {
		d.find() // after the end of the cycle, whichever it was
		d.drive()
	}
	d.compareEnd()
}

// start begins a run with what earlier ones saved, or what has become of it.
func (d *duel) start() {
	if d.w.Chance(15) {
		d.damage()
	}
	anchor := d.w.Anchor()
	if d.w.Chance(5) {
		anchor = d.w.Spoil("root", anchor)
	}
	options := verify.Options{Limits: verify.Limits{
		MaxRootBytes: d.limits.Root, MaxTimestampBytes: d.limits.Timestamp, MaxSnapshotBytes: d.limits.Snapshot, MaxTargetsBytes: d.limits.Targets, MaxRootRotations: d.limits.Roots, MaxDelegations: d.limits.Roles,
	}}
	stored := verify.Stored{Root: d.store["root.json"], Timestamp: d.store["timestamp.json"], Snapshot: d.store["snapshot.json"]}
	d.w.Note("a new run")
	session, err := verify.New(anchor, stored, d.w.Time(), options)
	second, err2 := model.New(anchor, d.store, d.w.Time(), d.limits, model.Plain())
	if (err == nil) != (err2 == nil) {
		disagree("anchor: the library says %v, the model %v\n%s", err, err2, anchor)
	}
	if err != nil {
		d.seen["anchor: refused"]++
		panic(over{})
	}
	d.session, d.model, d.saved, d.lookups = session, second, map[string]string{}, nil
}

// damage does something to a saved file.
func (d *duel) damage() {
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
		d.store[name] = d.w.Spoil(strings.TrimSuffix(name, ".json"), body)
	}
}

func (d *duel) find() {
	for _, path := range d.w.Paths() {
		d.lookups = append(d.lookups, twoLookups{d.session.Lookup(path), d.model.Find(path)})
	}
}

// drive answers requests, in any order, until there are none.
func (d *duel) drive() {
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

// next does what the session wants done.
func (d *duel) next() {
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
		if settled := !errors.Is(err, verify.ErrPending); settled != l.model.Settled() {
			disagree("lookup of %q: settled says the library %v, the model %v", l.model.Path, settled, l.model.Settled())
		}
	}
}

func wantText(delegator, role, path string, version, most int64) string {
	return fmt.Sprintf("%q for %q: %s, version %d, at most %d bytes", role, delegator, path, version, most)
}

// compareWants compares what is asked for.
func (d *duel) compareWants(open []verify.Request) {
	var a, b []string
	for _, req := range open {
		a = append(a, wantText(req.Delegator, req.Role, req.Path, req.Version, req.MaxBytes))
	}
	for _, w := range d.model.Wants() {
		b = append(b, wantText(w.Delegator, w.Role, w.Path, w.Version, d.model.Most(w)))
	}
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		disagree("asked for by the library: %q\nby the model: %q", a, b)
	}
	if len(slices.Compact(a)) < len(b) { // two files of one delegator are about, and a request does not say for which it is
		d.seen["ambiguous requests"]++
		panic(over{})
	}
}

func (d *duel) want(req verify.Request) *model.Want {
	for _, w := range d.model.Wants() {
		if w.Role == req.Role && w.Delegator == req.Delegator {
			return w
		}
	}
	panic("unreachable: the wants were compared")
}

// answer offers some bodies, the mirror's last, until one is taken or there are
// no more.
func (d *duel) answer(req verify.Request, want *model.Want) {
	body, found := d.w.Mirror()[req.Path]
	if saved, ok := d.store[req.StoreName]; ok && req.StoreName != "" && d.w.Chance(50) && d.offer(req, want, saved) {
		d.seen["saved copy taken"]++
		return
	}
	for d.w.Chance(30) {
		bad := d.w.Other(req.Path)
		if found && d.w.Chance(85) {
			bad = d.w.Spoil(req.Role, body)
		}
		if d.offer(req, want, bad) {
			d.seen["spoilt and taken"]++
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

func (d *duel) check(err error) {
	if err != nil {
		disagree("an open request is not answered: %v", err)
	}
}

// offer gives both the same body, and says whether they took it.
func (d *duel) offer(req verify.Request, want *model.Want, body []byte) bool {
	err := d.session.Provide(req.ID, slices.Clone(body))
	err2 := d.model.Offer(want, body)
	reject := new(verify.RejectError)
	if err != nil && !errors.As(err, &reject) || (err == nil) != (err2 == nil) {
		disagree("%s for %s: the library says %v, the model %v\n%q", req.Path, req.Delegator, err, err2, body)
	}
	role, outcome := req.Role, "taken"
	if !slices.Contains([]string{"root", "timestamp", "snapshot", "targets"}, role) {
		role = "delegated role"
	}
	if err != nil {
		outcome = "refused"
		d.w.Note("%s for %s: %v", req.Path, req.Delegator, err)
	} else {
		d.w.Note("%s for %s: taken", req.Path, req.Delegator)
	}
	d.seen[role+": "+outcome]++
	return err == nil
}

// compareEnd compares what is trusted and saved at the end of a cycle.
func (d *duel) compareEnd() {
	done, err2 := d.model.Done()
	err := d.session.Err()
	if !done || kind(err) != err2 {
		disagree("the cycle ends with %v, says the library, and with %v (%v), says the model", err, err2, done)
	}
	end := "succeeded"
	if err2 != nil {
		end = err2.Error()
	}
	d.seen["cycle: "+end]++
	d.w.Note("the cycle: %s", end)
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		if a, b := d.session.Version(role), d.model.Version(role); a != b {
			disagree("%s has version %d, says the library, and %d, says the model", role, a, b)
		}
	}
	if !maps.Equal(d.saved, d.model.Saved()) {
		disagree("saved by the library: %q\nby the model: %q", slices.Sorted(maps.Keys(d.saved)), slices.Sorted(maps.Keys(d.model.Saved())))
	}
	for _, l := range d.lookups {
		d.compareLookup(l)
	}
}

func (d *duel) compareLookup(l twoLookups) {
	t, err := l.session.Target()
	m := l.model
	if kind(err) != m.Err {
		disagree("lookup of %q: the library says %v, the model %v", m.Path, err, m.Err)
	}
	if err != nil {
		d.seen[fmt.Sprintf("lookup: %v", m.Err)]++
		return
	}
	if hashes := maps.Collect(t.Hashes.All()); t.Role != m.Role || t.Length != m.Length || !maps.Equal(hashes, m.Hashes) {
		disagree("lookup of %q: found by the library in %q, %d, %v, and by the model in %q, %d, %v", m.Path, t.Role, t.Length, hashes, m.Role, m.Length, m.Hashes)
	}
	where := "a delegated role"
	if t.Role == "targets" {
		where = "targets"
	}
	d.seen["lookup: found in "+where]++
}

// kind is the model's word for an error of the library.
func kind(err error) error {
	fetch := new(verify.FetchError)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fetch):
		return model.ErrFetch
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
