package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Rules are what clients differ in. Plain returns the specification as this
// project reads it.
type Rules struct {
	Match          func(pattern, path string) bool
	HashText       func(sha256 [32]byte) string // of a path, for prefixes
	LastSecond     bool                         // a file is still valid at the moment of its expiry
	EveryKeyUsable bool                         // a role with one unusable key has none
	FirstDelegator bool                         // a role verified for one delegator is trusted for all
	ForgetRoot     bool                         // the newest root of earlier updates is not used
	TrustedCopy    bool                         // a saved snapshot of the right version need not have its hash
	EveryHashKnown bool                         // a listed hash of an unknown kind never matches
	Unbound        bool                         // one role's file may pass for another's
	Loose          map[string]bool              // requirements of the file format that are not checked, by ID
	// Reading changes a file before it is parsed; nil: the file stays as it is.
	Reading func(kind string, body []byte) ([]byte, error)
}

// Plain returns the rules of this project.
func Plain() Rules { return Rules{Match: match, HashText: hexadecimal} }

// Limits are limits as in the library.
type Limits struct {
	Root, Timestamp, Snapshot, Targets int64
	Roots, Roles                       int
}

// Errors with which an update or a search can end. A rejected body is another
// error, and ends neither.
var (
	ErrRollback = errors.New("the roots end below the saved one")
	ErrExpired  = errors.New("the last root has expired")
	ErrLimit    = errors.New("a limit was reached")
	ErrFetch    = errors.New("a file could not be fetched")
	ErrUnlisted = errors.New("a role is not in the snapshot")
	ErrNoTarget = errors.New("no role lists the target")
)

// Client is the model of one client.
type Client struct {
	rules   Rules
	limits  Limits
	now     time.Time
	checked map[string]bool // results of signature checks
	saved   map[string]string

	phase   string // "root", "timestamp", "snapshot", "targets", "ready", "failed"
	err     error
	wants   []*Want
	lookups []*Lookup

	root       *file
	first      bool     // it is the one that the update began with, and nothing signed under it was accepted yet
	rotations  int      // new roots in this update
	storedRoot int64    // the highest version of a root that was stored, now or when an earlier update began
	savedRoot  int64    // the highest version of a root that lies in the store
	savedRoots []string // the roots that lie in the store

	timestamp, snapshot             *file // of this update
	timestamps, snapshots           []*candidate
	storedTimestamp, storedSnapshot *candidate // the best of them, if enough of the current keys signed it

	targets *file
	edges   []*edge
	memory  []*memory
}

// memory is an accepted file, and what was listed about it.
type memory struct {
	role, info string
	file       *file
	live       bool // a live source sent it in this update
}

// Want is a file that the client needs.
type Want struct {
	Role, Delegator, Path string
	Version               int64
	info                  object // what is listed about the file; nil: nothing
	edge                  *edge
	Live                  bool // a saved copy is no answer
}

func (w *Want) String() string { return fmt.Sprintf("%s for %s (%s)", w.Path, w.Delegator, w.Role) }

// New begins an update with the files that earlier ones saved: "root.json",
// "timestamp.json" and "snapshot.json", of each any number. They may be
// damaged.
func New(trustedRoot []byte, stored Stored, now time.Time, limits Limits, rules Rules) (*Client, error) {
	c := &Client{rules: rules, limits: limits, checked: map[string]bool{}}
	if err := attempt(func() { c.root = c.openRoot(trustedRoot) }); err != nil {
		return nil, err
	}
	c.load(stored)
	c.begin(now)
	return c, nil
}

// Renew begins the next update. What this one trusted is not forgotten.
func (c *Client) Renew(stored Stored, now time.Time) *Client {
	next := &Client{
		rules: c.rules, limits: c.limits, checked: c.checked,
		root:       c.root,
		timestamps: carried(c.timestamps, c.storedTimestamp), snapshots: carried(c.snapshots, c.storedSnapshot),
	}
	for _, m := range c.memory {
		next.memory = append(next.memory, &memory{m.role, m.info, m.file, false})
	}
	next.load(stored)
	next.begin(now)
	return next
}

func (c *Client) begin(now time.Time) {
	c.now, c.first, c.phase, c.saved = now, true, "root", map[string]string{}
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
	if c.rotations >= c.limits.Roots {
		c.lastRoot(true)
		return
	}
	next := c.root.version + 1
	c.want(&Want{Role: "root", Delegator: "root", Version: next, Path: fmt.Sprintf("%d.root.json", next)})
}

// 5.3.10, 5.3.11
func (c *Client) lastRoot(cut bool) {
	switch {
	case c.root.version < c.storedRoot && cut:
		c.fail(ErrLimit)
		return
	case c.root.version < c.storedRoot:
		c.fail(ErrRollback)
		return
	case !c.fresh(c.root):
		c.fail(ErrExpired)
		return
	}
	// A saved file protects against rollback if enough of the current keys
	// signed it (docs/decisions.md, "What the stored files are for").
	c.storedTimestamp = c.best(c.timestamps, "timestamp")
	c.storedSnapshot = c.best(c.snapshots, "snapshot")
	c.phase = "timestamp"
	c.want(&Want{Role: "timestamp", Delegator: "root", Path: "timestamp.json"})
}

// fresh is.
func (c *Client) fresh(f *file) bool {
	return f.expires.After(c.now) || c.rules.LastSecond && f.expires.Equal(c.now)
}

// Offer gives the client a body for a file that it wants. An error changes
// nothing.
func (c *Client) Offer(w *Want, body []byte) error { return c.offer(w, body, false) }

// OfferSaved is Offer for a saved copy. It is checked like any other,
// and is not saved again.
func (c *Client) OfferSaved(w *Want, body []byte) error { return c.offer(w, body, true) }

func (c *Client) offer(w *Want, body []byte, saved bool) error {
	var commit func()
	err := attempt(func() {
		must(int64(len(body)) <= c.most(w.Role), "too long")
		if w.info != nil && !(saved && c.rules.TrustedCopy && w.Role == "snapshot") {
			c.rules.fits(body, w.info)
		}
		switch {
		case w.Live:
			commit = c.judgeConfirmation(w, body)
		case w.edge != nil:
			commit = c.judgeTargets(w, body, saved)
		case w.Role == "root":
			commit = c.judgeRoot(body, saved)
		case w.Role == "timestamp":
			commit = c.judgeTimestamp(body, saved)
		default:
			commit = c.judgeSnapshot(w, body, saved)
		}
	})
	if err == nil {
		c.remove(w)
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

// Most is the largest length of a body for a wanted file.
func (c *Client) Most(w *Want) int64 {
	if length, ok := w.info["length"]; ok {
		return theInteger(length, math.MinInt64, "length")
	}
	return c.most(w.Role)
}

func (c *Client) remove(w *Want) {
	for i, x := range c.wants {
		if x == w {
			c.wants = append(c.wants[:i:i], c.wants[i+1:]...)
			return
		}
	}
	panic("model: answered twice")
}

// Absent says that a file does not exist: for the next root that is the end of
// the chain (R-5.3.3b).
func (c *Client) Absent(w *Want) {
	if w.Role != "root" || w.edge != nil {
		c.GiveUp(w)
		return
	}
	c.remove(w)
	c.lastRoot(false)
	c.search()
}

// GiveUp says that no good file could be fetched.
func (c *Client) GiveUp(w *Want) {
	c.remove(w)
	if w.Live {
		w.edge.confirming, w.edge.unconfirmed = false, len(c.lookups)
	} else {
		c.lost(w.edge, ErrFetch)
	}
	c.search()
}

// lost ends what waits for a file: the update, or the lookups at an edge.
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

func (c *Client) judgeRoot(body []byte, saved bool) func() {
	next := c.openRoot(body)
	c.verify(next, topLevel(c.root, "root"), false)             // R-5.3.4a
	must(next.version == c.root.version+1, "not the next root")
	return func() {
		c.saveFirstRoot()
		c.root = next
		if next.version > c.storedRoot {
			c.rotations++
		}
		if !saved {
			c.saved[fmt.Sprintf("%d.root.json", next.version)] = next.body
		}
		c.saveNewestRoot()
		c.wantRoot()
	}
}

// saveFirstRoot saves the root that the update began with under its version.
func (c *Client) saveFirstRoot() {
	if c.first && c.root.version > c.savedRoot {
		c.saved[fmt.Sprintf("%d.root.json", c.root.version)] = c.root.body
	}
	c.first = false
}

// saveNewestRoot saves the root, unless a newer one or the same is saved.
func (c *Client) saveNewestRoot() {
	if c.root.version >= c.storedRoot && !slices.Contains(c.savedRoots, c.root.body) {
		c.savedRoots = append(c.savedRoots, c.root.body)
		c.savedRoot = max(c.savedRoot, c.root.version)
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

func (c *Client) judgeTimestamp(body []byte, saved bool) func() {
	next := &candidate{file: c.open(body, "timestamp", topLevel(c.root, "timestamp")), stored: saved}
	if old := c.storedTimestamp; old != nil {
		c.rules.after(old.file, next.file)
		if next.file.version == old.file.version {
			next = old // R-5.4.3.1b
		}
	}
	must(c.fresh(next.file), "expired")
	return func() {
		c.saveFirstRoot()
		c.saveNewestRoot()
		c.timestamp, c.storedTimestamp = next.file, next
		c.timestamps = with(c.timestamps, next)
		if !next.stored {
			c.saved["timestamp.json"] = next.file.body
		}
		c.wantSnapshot()
	}
}

func (c *Client) wantSnapshot() {
	c.phase = "snapshot"
	info := snapshotInfo(c.timestamp)
	if m := c.storedSnapshot; m != nil && m.info == listed(info) {
		err := attempt(func() {
			c.verify(m.file, topLevel(c.root, "snapshot"), false)
			c.checkSnapshot(m.file, info)
		})
		if err == nil {
			c.acceptSnapshot(m, info)
			return
		}
	}
	if c.tooLong("snapshot", info) {
		c.fail(ErrLimit)
		return
	}
	version := versionIn(info)
	c.want(&Want{
		Role: "snapshot", Delegator: "root", Version: version,
		Path: c.fileName("snapshot", version), info: info,
	})
}

// tooLong reports whether a file is listed with a length over the limit.
func (c *Client) tooLong(role string, info object) bool {
	length, ok := info["length"]
	return ok && theInteger(length, math.MinInt64, "length") > c.most(role)
}

func (c *Client) checkSnapshot(next *file, info object) {
	must(next.version == versionIn(info), "another version")
	if c.storedSnapshot != nil {                             // R-5.5.5a, R-5.5.5b
		noListedFileGoesBack(c.storedSnapshot.file, next)
	}
	must(c.fresh(next), "expired")
}

func (c *Client) judgeSnapshot(w *Want, body []byte, saved bool) func() {
	next := &candidate{file: c.open(body, "snapshot", topLevel(c.root, "snapshot")), stored: saved}
	c.checkSnapshot(next.file, w.info)
	for _, known := range c.snapshots {
		if known.file.body == next.file.body {
			next.stored = next.stored || known.stored
		}
	}
	return func() { c.acceptSnapshot(next, w.info) }
}

// acceptSnapshot goes on to the top-level targets role. Files of earlier
// updates that are no longer listed in the same way are forgotten.
func (c *Client) acceptSnapshot(next *candidate, info object) {
	c.snapshot, c.storedSnapshot = next.file, next
	next.info = listed(info)
	c.snapshots = with(c.snapshots, next)
	if !next.stored {
		c.saved["snapshot.json"] = next.file.body
	}
	same := []*memory{}
	for _, m := range c.memory {
		if info := c.listedInSnapshot(m.role); info != nil && listed(info) == m.info {
			same = append(same, m)
		}
	}
	c.memory = same
	c.phase = "targets"
	c.start(c.edgeTo(nil, "root", delegation{role: "targets", signers: topLevel(c.root, "targets")}))
}

func (c *Client) listedInSnapshot(role string) object {
	info, _ := c.snapshot.signed["meta"].(object)[role+".json"].(object)
	return info
}

// unescaped are the characters that stay as they are in file names.
const unescaped = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~"

// fileName is the name of a file on a mirror, R-5.6.7h.
func (c *Client) fileName(role string, version int64) string {
	var b strings.Builder
	for _, char := range []byte(role) {
		if strings.ContainsRune(unescaped, rune(char)) {
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

// Wants returns the files that the client needs.
func (c *Client) Wants() []*Want { return append([]*Want(nil), c.wants...) }

// Done reports whether the update is over, and its error.
func (c *Client) Done() (bool, error) {
	return len(c.wants) == 0 && (c.phase == "ready" || c.phase == "failed"), c.err
}

// Version returns the trusted version of a top-level role in this update, or 0.
func (c *Client) Version(role string) int64 {
	f := map[string]*file{
		"root": c.root, "timestamp": c.timestamp, "snapshot": c.snapshot, "targets": c.targets,
	}[role]
	if f == nil {
		return 0
	}
	return f.version
}

// Saved returns the files saved since New, by name: "root.json", "7.root.json",
// and the names of the other roles with ".json".
func (c *Client) Saved() map[string]string { return c.saved }
