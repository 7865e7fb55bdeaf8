package model

import "errors"

// Stored are the files that lie in a store, by name: one of each, or several
// where the store cannot replace a file.
type Stored map[string][][]byte

// One is what lies in a store that has one file of each name.
func One(files map[string][]byte) Stored {
	stored := Stored{}
	for name, body := range files {
		stored[name] = [][]byte{body}
	}
	return stored
}

// candidate is a timestamp or a snapshot that was trusted before, or is now.
type candidate struct {
	file   *file
	info   string // what was listed about it when it was accepted; empty: it was not, here
	stored bool   // it lies in the store
}

// load reads what lies in the store.
func (c *Client) load(stored Stored) {
	for _, body := range c.within("root", stored) {
		// a damaged file is ignored, and nothing else happens.
		_ = attempt(func() {
			if version := c.openRoot(body).version; !c.rules.ForgetRoot {
				c.storedRoot, c.savedRoot = max(c.storedRoot, version), max(c.savedRoot, version)
				c.savedRoots = append(c.savedRoots, string(body))
			}
		})
	}
	c.timestamps = c.read(c.timestamps, "timestamp", stored)
	c.snapshots = c.read(c.snapshots, "snapshot", stored)
}

// within returns the files of a role that are not too many and not too long.
func (c *Client) within(role string, stored Stored) (files [][]byte) {
	for i, body := range stored[role+".json"] {
		if i < 16 && int64(len(body)) <= c.most(role) {
			files = append(files, body)
		}
	}
	return files
}

func (c *Client) read(list []*candidate, role string, stored Stored) []*candidate {
	for _, body := range c.within(role, stored) {
		_ = attempt(func() { list = with(list, &candidate{file: c.rules.read(body, role), stored: true}) })
	}
	return list
}

// with adds a candidate, unless one with the same bytes is there.
func with(list []*candidate, added *candidate) []*candidate {
	for _, x := range list {
		if x.file.body == added.file.body {
			x.stored = x.stored || added.stored
			return list
		}
	}
	return append(list, added)
}

// best is the one with the highest version of those that enough of the current
// keys signed, under whatever key IDs.
func (c *Client) best(list []*candidate, role string) (best *candidate) {
	for _, x := range list {
		err := attempt(func() {
			c.verify(x.file, topLevel(c.root, role), true)
			c.rules.check(x.file, role)
		})
		if err == nil && (best == nil || x.file.version > best.file.version ||
			x.file.version == best.file.version && x.stored && !best.stored) {
			best = x
		}
	}
	return best
}

// carried is what the next update knows of a role: what was trusted or, if it
// did not come to that, all candidates.
func carried(list []*candidate, best *candidate) (next []*candidate) {
	if best != nil {
		list = []*candidate{best}
	}
	for _, x := range list {
		next = append(next, &candidate{file: x.file, info: x.info})
	}
	return next
}

// after is R-5.4.3.1a and R-5.4.3.2.
func (r *Rules) after(old, next *file) {
	must(next.version >= old.version, "rollback of the timestamp")
	if next.version > old.version {
		must(versionIn(snapshotInfo(next)) >= versionIn(snapshotInfo(old)), "rollback of the snapshot")
	}
}

// noListedFileGoesBack is R-5.5.5a.
func noListedFileGoesBack(old, next *file) {
	meta := next.signed["meta"].(object)
	for name, info := range old.signed["meta"].(object) {
		must(versionIn(meta[name]) >= versionIn(info), "rollback of %s", name)
	}
}

// ErrSuperseded says that something newer lies in the store.
var ErrSuperseded = errors.New("another process has stored something newer")

// Save says whether a file is to be written to a store in which these files
// lie.
//
//
func (c *Client) Save(name string, file []byte, stored Stored) (write bool, err error) {
	if '1' <= name[0] && name[0] <= '9' { // a root under its version
		return true, nil
	}
	newest := int64(0)
	for _, body := range stored["root.json"] {
		_ = attempt(func() { newest = max(newest, c.openRoot(body).version) })
	}
	if c.phase == "root" {
		c.storedRoot = max(c.storedRoot, newest)
	} else if newest > c.root.version {
		return false, ErrSuperseded
	}
	switch name {
	case "root.json":
		same := false
		for _, body := range stored["root.json"] {
			same = same || string(body) == string(file)
		}
		return newest <= c.root.version && !same, nil
	case "timestamp.json":
		return c.compare("timestamp", c.timestamps, c.storedTimestamp, stored, c.rules.after)
	case "snapshot.json":
		return c.compare("snapshot", c.snapshots, c.storedSnapshot, stored, noListedFileGoesBack)
	}
	return true, nil
}

func (c *Client) compare(
	role string, known []*candidate, own *candidate, stored Stored, check func(old, next *file),
) (write bool, err error) {
	write = true
	for _, body := range stored[role+".json"] {
		var f *file
		judged := false
		for _, x := range known {
			if x.file.body == string(body) {
				f, judged = x.file, true
			}
		}
		counts := attempt(func() {
			if f == nil {
				f = c.rules.read(body, role)
			}
			c.verify(f, topLevel(c.root, role), true)
			c.rules.check(f, role)
		}) == nil
		if !counts {
			continue
		}
		if !judged && (f.version > own.file.version || attempt(func() { check(f, own.file) }) != nil) {
			return false, ErrSuperseded
		}
		if f.body == own.file.body || !judged && f.version == own.file.version {
			write = false
		}
	}
	return write, nil
}
