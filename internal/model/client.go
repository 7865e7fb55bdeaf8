package model

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Rules are what clients differ in. The zero value, with Plain's functions, is
// the specification as this project reads it.
type Rules struct {
	Match          func(pattern, path string) bool
	HashText       func(sha256 [32]byte) string // of a path, for prefixes
	LastSecond     bool                         // a file is still good at the moment of its expiry
	EveryKeyUsable bool                         // a role with one unusable key has none
	FirstDelegator bool                         // a role that one delegator vouches for is trusted for all
	ForgetRoot     bool                         // the newest root of earlier runs does not count
	TrustedCopy    bool                         // a saved snapshot of the right version need not have its hash
	EveryHashKnown bool                         // a listed hash of an unknown kind never matches
	Loose          map[string]bool              // the requirements of the form that are not checked, by ID
	// Reading is what becomes of a file when it is read; nil: it stays as it
	// is.
	Reading func(kind string, body []byte) ([]byte, error)
}

// Plain is this project's reading.
func Plain() Rules { return Rules{Match: match, HashText: hexadecimal} }

// Limits bound what is taken, as in the library.
type Limits struct {
	Root, Timestamp, Snapshot, Targets int64
	Roots, Roles                       int
}

// What a cycle or a search can end with. Anything else would be a body that is
// refused, which ends nothing.
var (
	ErrRollback = errors.New("the roots end below the saved one")
	ErrExpired  = errors.New("the last root has expired")
	ErrLimit    = errors.New("a limit was reached")
	ErrFetch    = errors.New("a file could not be had")
	ErrUnlisted = errors.New("a role is not in the snapshot")
	ErrNoTarget = errors.New("no role lists the target")
)

// Client is the model of one client. What it saves outlives it.
type Client struct {
	rules    Rules
	limits   Limits
	now      time.Time
	verdicts map[string]bool
	saved    map[string]string

	phase   string // "root", "timestamp", "snapshot", "targets", "ready", "failed"
	err     error
	wants   []*Want
	lookups []*Lookup

	root      *file
	unsaved   bool // the anchor, until a root or timestamp after it was taken
	taken     int  // new roots in this cycle
	stored    int64
	floorRoot int64
	rootFile  string // what is saved as the newest root, as far as it counts

	timestamp, snapshot           *file // of this cycle
	oldTimestamp, oldSnapshot     *file // what was trusted before, read and no more
	floorTimestamp, floorSnapshot *file // the same, if they count

	targets *file
	edges   []*edge
	memory  []memory
	known   memory // the last snapshot
}

// memory is a file that was taken, and what it was listed with.
type memory struct {
	role, info string
	file       *file
}

// Want is a file that the client waits for.
type Want struct {
	Role, Delegator, Path string
	Version               int64
	info                  object // nil: not listed anywhere
	edge                  *edge
}

func (w *Want) String() string { return fmt.Sprintf("%s for %s (%s)", w.Path, w.Delegator, w.Role) }

// New begins a run with what earlier ones saved, whatever became of it:
// "root.json", "timestamp.json" and "snapshot.json".
func New(anchor []byte, stored map[string][]byte, now time.Time, limits Limits, rules Rules) (*Client, error) {
	c := &Client{rules: rules, limits: limits, verdicts: map[string]bool{}, saved: map[string]string{}, unsaved: true}
	if err := attempt(func() { c.root = c.openRoot(anchor) }); err != nil {
		return nil, err
	}
	for _, name := range []string{"root", "timestamp", "snapshot"} {
		body, ok := stored[name+".json"]
		max := map[string]int64{"root": limits.Root, "timestamp": limits.Timestamp, "snapshot": limits.Snapshot}[name]
		if !ok || int64(len(body)) > max {
			continue
		}
		// what is damaged does not count, and that is all.
		_ = attempt(func() {
			switch name {
			case "root":
				if !rules.ForgetRoot {
					c.stored = c.openRoot(body).version
					c.floorRoot, c.rootFile = c.stored, string(body)
				}
			case "timestamp":
				c.oldTimestamp = c.rules.read(body, name)
			case "snapshot":
				c.oldSnapshot = c.rules.read(body, name)
			}
		})
	}
	c.begin(now)
	return c, nil
}

// Refresh begins another cycle. Nothing may be wanted.
func (c *Client) Refresh(now time.Time) { c.begin(now) }

func (c *Client) begin(now time.Time) {
	c.now, c.err, c.taken = now, nil, 0
	c.timestamp, c.snapshot, c.targets, c.edges = nil, nil, nil, nil
	c.phase = "root"
	c.wantRoot()
	c.search()
}

func (c *Client) want(w *Want) { c.wants = append(c.wants, w) }

func (c *Client) fail(err error) {
	c.phase, c.err, c.wants = "failed", err, nil
}

// 5.3.2, 5.3.3
func (c *Client) wantRoot() {
	if c.root.version == math.MaxInt64 {
		c.lastRoot(false)
		return
	}
	if c.taken >= c.limits.Roots {
		c.lastRoot(true)
		return
	}
	next := c.root.version + 1
	c.want(&Want{Role: "root", Delegator: "root", Version: next, Path: fmt.Sprintf("%d.root.json", next)})
}

// 5.3.10, 5.3.11
func (c *Client) lastRoot(cut bool) {
	switch {
	case c.root.version < c.floorRoot && cut:
		c.fail(ErrLimit)
		return
	case c.root.version < c.floorRoot:
		c.fail(ErrRollback)
		return
	case !c.fresh(c.root):
		c.fail(ErrExpired)
		return
	}
	// Decision 7: what was trusted before counts if its keys still reach the
	// threshold.
	c.floorTimestamp = c.recognize(c.oldTimestamp, "timestamp")
	c.floorSnapshot = c.recognize(c.oldSnapshot, "snapshot")
	c.phase = "timestamp"
	c.want(&Want{Role: "timestamp", Delegator: "root", Path: "timestamp.json"})
}

func (c *Client) recognize(f *file, role string) *file {
	if f == nil || attempt(func() { c.verify(f, topLevel(c.root, role), true); c.rules.check(f, role) }) != nil {
		return nil
	}
	return f
}

// fresh is.
func (c *Client) fresh(f *file) bool {
	return f.expires.After(c.now) || c.rules.LastSecond && f.expires.Equal(c.now)
}

// Offer gives the client a body for what it wants; an error leaves everything
// as it was.
func (c *Client) Offer(w *Want, body []byte) error { return c.offer(w, body, false) }

// OfferSaved is Offer for a file from an earlier run, which is judged as any
// other.
func (c *Client) OfferSaved(w *Want, body []byte) error {
	return c.offer(w, body, c.rules.TrustedCopy && w.Role == "snapshot")
}

func (c *Client) offer(w *Want, body []byte, fitting bool) error {
	var commit func()
	err := attempt(func() {
		must(int64(len(body)) <= c.most(w.Role), "too long")
		if w.info != nil && !fitting {
			c.rules.fits(body, w.info)
		}
		switch {
		case w.edge != nil:
			commit = c.judgeTargets(w, body)
		case w.Role == "root":
			commit = c.judgeRoot(body)
		case w.Role == "timestamp":
			commit = c.judgeTimestamp(body)
		default:
			commit = c.judgeSnapshot(w, body)
		}
	})
	if err == nil {
		c.settle(w)
		commit()
		c.search()
	}
	return err
}

func (c *Client) most(role string) int64 {
	switch role {
	case "root":
		return c.limits.Root
	case "timestamp":
		return c.limits.Timestamp
	case "snapshot":
		return c.limits.Snapshot
	}
	return c.limits.Targets
}

// Most is how long a body for what is wanted may be.
func (c *Client) Most(w *Want) int64 {
	if length, ok := w.info["length"]; ok {
		return theInteger(length, math.MinInt64, "length")
	}
	return c.most(w.Role)
}

func (c *Client) settle(w *Want) {
	for i, x := range c.wants {
		if x == w {
			c.wants = append(c.wants[:i:i], c.wants[i+1:]...)
			return
		}
	}
	panic("model: settled twice")
}

// Absent says that a file does not exist: for the next root that is the end of
// the chain (R-5.3.3b).
func (c *Client) Absent(w *Want) {
	if w.Role != "root" || w.edge != nil {
		c.GiveUp(w)
		return
	}
	c.settle(w)
	c.lastRoot(false)
	c.search()
}

// GiveUp says that nobody could bring a good file.
func (c *Client) GiveUp(w *Want) {
	c.settle(w)
	c.lost(w.edge, ErrFetch)
	c.search()
}

// lost ends what cannot go on.
func (c *Client) lost(e *edge, err error) {
	if e == nil || c.phase != "ready" {
		c.fail(err)
		return
	}
	e.asked, e.err, e.failed = false, err, len(c.lookups)
	for _, l := range c.lookups {
		if l.waits == e {
			l.end(err)
		}
	}
}

func (c *Client) judgeRoot(body []byte) func() {
	next := c.openRoot(body)
	c.verify(next, topLevel(c.root, "root"), false)             // R-5.3.4a
	must(next.version == c.root.version+1, "not the next root")
	return func() {
		c.root, c.unsaved = next, false
		if next.version > c.stored {
			c.taken++
		}
		c.saved[fmt.Sprintf("%d.root.json", next.version)] = next.body
		c.saveRoot()
		c.wantRoot()
	}
}

// saveRoot keeps the newest root, and no older one in its place.
func (c *Client) saveRoot() {
	if c.root.version >= c.floorRoot && c.root.body != c.rootFile {
		c.floorRoot, c.rootFile = c.root.version, c.root.body
		c.saved["root.json"] = c.root.body
	}
}

func snapshotInfo(timestamp *file) object {
	return timestamp.signed["meta"].(object)["snapshot.json"].(object)
}

func versionIn(info any) int64 {
	o, ok := info.(object)
	if !ok {
		return 0
	}
	return theInteger(o["version"], math.MinInt64, "version")
}

func (c *Client) judgeTimestamp(body []byte) func() {
	next := c.open(body, "timestamp", topLevel(c.root, "timestamp"))
	if old := c.floorTimestamp; old != nil {
		must(next.version >= old.version, "timestamp goes back") // R-5.4.3.1a
		if next.version == old.version {
			next = old // R-5.4.3.1b
		} else {
			must(versionIn(snapshotInfo(next)) >= versionIn(snapshotInfo(old)), "snapshot goes back") // R-5.4.3.2
		}
	}
	must(c.fresh(next), "expired")
	return func() {
		if c.unsaved {
			c.saveRoot()
			c.unsaved = false
		}
		c.timestamp = next
		if next != c.floorTimestamp {
			c.saved["timestamp.json"] = next.body
			c.floorTimestamp, c.oldTimestamp = next, next
		}
		c.wantSnapshot()
	}
}

func (c *Client) wantSnapshot() {
	c.phase = "snapshot"
	info := snapshotInfo(c.timestamp)
	if m := c.known; m.file != nil && m.info == listed(info) {
		if attempt(func() { c.verify(m.file, topLevel(c.root, "snapshot"), false); c.checkSnapshot(m.file, info) }) == nil {
			c.takeSnapshot(m.file, info)
			return
		}
	}
	if c.tooLong("snapshot", info) {
		c.fail(ErrLimit)
		return
	}
	c.want(&Want{Role: "snapshot", Delegator: "root", Version: versionIn(info), Path: c.fileName("snapshot", versionIn(info)), info: info})
}

// tooLong says whether a file is listed with a length that is never taken.
func (c *Client) tooLong(role string, info object) bool {
	length, ok := info["length"]
	return ok && theInteger(length, math.MinInt64, "length") > c.most(role)
}

func (c *Client) checkSnapshot(next *file, info object) {
	must(next.version == versionIn(info), "another version")
	if c.floorSnapshot != nil {                              // R-5.5.5a, R-5.5.5b
		new := next.signed["meta"].(object)
		for name, old := range c.floorSnapshot.signed["meta"].(object) {
			must(versionIn(new[name]) >= versionIn(old), "%s goes back", name)
		}
	}
	must(c.fresh(next), "expired")
}

func (c *Client) judgeSnapshot(w *Want, body []byte) func() {
	next := c.open(body, "snapshot", topLevel(c.root, "snapshot"))
	c.checkSnapshot(next, w.info)
	return func() {
		c.floorSnapshot, c.oldSnapshot = next, next
		c.saved["snapshot.json"] = next.body
		c.takeSnapshot(next, w.info)
	}
}

// takeSnapshot goes on to the top-level targets role; files of earlier cycles
// that are listed otherwise now are forgotten.
func (c *Client) takeSnapshot(next *file, info object) {
	c.snapshot = next
	c.known = memory{"snapshot", listed(info), next}
	kept := []memory{}
	for _, m := range c.memory {
		if info := c.listedInSnapshot(m.role); info != nil && listed(info) == m.info {
			kept = append(kept, m)
		}
	}
	c.memory = kept
	c.phase = "targets"
	c.start(c.edgeTo(nil, "root", delegation{role: "targets", signers: topLevel(c.root, "targets")}))
}

func (c *Client) listedInSnapshot(role string) object {
	info, _ := c.snapshot.signed["meta"].(object)[role+".json"].(object)
	return info
}

// fileName is the wire's name, R-5.6.7h.
func (c *Client) fileName(role string, version int64) string {
	var b strings.Builder
	for _, char := range []byte(role) {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~", rune(char)) {
			b.WriteByte(char)
		} else {
			fmt.Fprintf(&b, "%%%02X", char)
		}
	}
	if c.root.signed["consistent_snapshot"] == true {
		return fmt.Sprintf("%d.%s.json", version, b.String())
	}
	return b.String() + ".json"
}

// Wants returns what the client waits for.
func (c *Client) Wants() []*Want { return append([]*Want(nil), c.wants...) }

// Done says whether the cycle is over, and how it ended.
func (c *Client) Done() (bool, error) {
	return len(c.wants) == 0 && (c.phase == "ready" || c.phase == "failed"), c.err
}

// Version returns the version of a top-level role that the cycle trusts, or 0.
func (c *Client) Version(role string) int64 {
	f := map[string]*file{"root": c.root, "timestamp": c.timestamp, "snapshot": c.snapshot, "targets": c.targets}[role]
	if f == nil {
		return 0
	}
	return f.version
}

// Saved returns what was saved since New: the bodies by "root.json",
// "7.root.json" and, for the other roles, their names with ".json".
func (c *Client) Saved() map[string]string { return c.saved }
