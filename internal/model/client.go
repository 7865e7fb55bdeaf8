package model

import (
	"errors"
	"fmt"
	"math"
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
	ErrFetch    = errors.New("a file could not be had")
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

	root          *file
	unsaved       bool   // the trusted root, until a root or a timestamp is accepted
	rotations     int    // new roots in this update
	storedAtStart int64  // version of the root saved by earlier updates
	storedRoot    int64  // version of the root that is saved now
	rootFile      string // the bytes of that root

	timestamp, snapshot             *file // of this update
	oldTimestamp, oldSnapshot       *file // of earlier updates, decoded only
	storedTimestamp, storedSnapshot *file // the same, if enough of the current keys signed them

	targets *file
	edges   []*edge
	memory  []memory
	known   memory // the last snapshot
}

// memory is an accepted file, and what was listed about it.
type memory struct {
	role, info string
	file       *file
}

// Want is a file that the client needs.
type Want struct {
	Role, Delegator, Path string
	Version               int64
	info                  object // what is listed about the file; nil: nothing
	edge                  *edge
}

func (w *Want) String() string { return fmt.Sprintf("%s for %s (%s)", w.Path, w.Delegator, w.Role) }

// New begins an update with the files that earlier ones saved: "root.json",
// "timestamp.json" and "snapshot.json". Those may be damaged.
func New(
	trustedRoot []byte, stored map[string][]byte, now time.Time, limits Limits, rules Rules,
) (*Client, error) {
	c := &Client{
		rules: rules, limits: limits,
		checked: map[string]bool{}, saved: map[string]string{}, unsaved: true,
	}
	if err := attempt(func() { c.root = c.openRoot(trustedRoot) }); err != nil {
		return nil, err
	}
	for _, name := range []string{"root", "timestamp", "snapshot"} {
		body, ok := stored[name+".json"]
		if !ok || int64(len(body)) > c.most(name) {
			continue
		}
		// a damaged file is ignored, and nothing else happens.
		_ = attempt(func() {
			switch name {
			case "root":
				if !rules.ForgetRoot {
					c.storedAtStart = c.openRoot(body).version
					c.storedRoot, c.rootFile = c.storedAtStart, string(body)
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

// Refresh begins another update. No file may be wanted.
func (c *Client) Refresh(now time.Time) { c.begin(now) }

func (c *Client) begin(now time.Time) {
	c.now, c.err, c.rotations = now, nil, 0
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
	c.storedTimestamp = c.recognize(c.oldTimestamp, "timestamp")
	c.storedSnapshot = c.recognize(c.oldSnapshot, "snapshot")
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

// Offer gives the client a body for a file that it wants. An error changes
// nothing.
func (c *Client) Offer(w *Want, body []byte) error { return c.offer(w, body, false) }

// OfferSaved is Offer for a file from an earlier update, which is checked like
// any other.
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
	c.lost(w.edge, ErrFetch)
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

func (c *Client) judgeRoot(body []byte) func() {
	next := c.openRoot(body)
	c.verify(next, topLevel(c.root, "root"), false)             // R-5.3.4a
	must(next.version == c.root.version+1, "not the next root")
	return func() {
		c.root, c.unsaved = next, false
		if next.version > c.storedAtStart {
			c.rotations++
		}
		c.saved[fmt.Sprintf("%d.root.json", next.version)] = next.body
		c.saveRoot()
		c.wantRoot()
	}
}

// saveRoot saves the root, unless a newer one is saved.
func (c *Client) saveRoot() {
	if c.root.version >= c.storedRoot && c.root.body != c.rootFile {
		c.storedRoot, c.rootFile = c.root.version, c.root.body
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
	if old := c.storedTimestamp; old != nil {
		must(next.version >= old.version, "rollback of the timestamp") // R-5.4.3.1a
		if next.version == old.version {
			next = old // R-5.4.3.1b
		} else {
			must(versionIn(snapshotInfo(next)) >= versionIn(snapshotInfo(old)), "rollback of the snapshot") // R-5.4.3.2
		}
	}
	must(c.fresh(next), "expired")
	return func() {
		if c.unsaved {
			c.saveRoot()
			c.unsaved = false
		}
		c.timestamp = next
		if next != c.storedTimestamp {
			c.saved["timestamp.json"] = next.body
			c.storedTimestamp, c.oldTimestamp = next, next
		}
		c.wantSnapshot()
	}
}

func (c *Client) wantSnapshot() {
	c.phase = "snapshot"
	info := snapshotInfo(c.timestamp)
	if m := c.known; m.file != nil && m.info == listed(info) {
		err := attempt(func() {
			c.verify(m.file, topLevel(c.root, "snapshot"), false)
			c.checkSnapshot(m.file, info)
		})
		if err == nil {
			c.acceptSnapshot(m.file, info)
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
		meta := next.signed["meta"].(object)
		for name, old := range c.storedSnapshot.signed["meta"].(object) {
			must(versionIn(meta[name]) >= versionIn(old), "rollback of %s", name)
		}
	}
	must(c.fresh(next), "expired")
}

func (c *Client) judgeSnapshot(w *Want, body []byte) func() {
	next := c.open(body, "snapshot", topLevel(c.root, "snapshot"))
	c.checkSnapshot(next, w.info)
	return func() {
		c.storedSnapshot, c.oldSnapshot = next, next
		c.saved["snapshot.json"] = next.body
		c.acceptSnapshot(next, w.info)
	}
}

// acceptSnapshot goes on to the top-level targets role. Files of earlier
// updates that are no longer listed in the same way are forgotten.
func (c *Client) acceptSnapshot(next *file, info object) {
	c.snapshot = next
	c.known = memory{"snapshot", listed(info), next}
	same := []memory{}
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
