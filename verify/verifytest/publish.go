package verifytest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
)

// Publish publishes the root and the targets roles that have changed, and in
// any case a new snapshot and a new timestamp. A role that has not changed is
// not published again, also if it has expired: see Touch.
func (r *Repo) Publish() {
	if r.root.changed {
		r.publishRoot()
	}
	for _, x := range r.roles {
		if x.changed {
			r.publishTargets(x)
		}
	}
	r.publishSnapshot()
	r.publishTimestamp()
}

// PublishOnly publishes a new version of the named roles, in that order, and of
// no other. So PublishOnly("timestamp") only renews the timestamp, and
// PublishOnly("targets") makes a file that no snapshot lists yet.
func (r *Repo) PublishOnly(roles ...string) {
	for _, name := range roles {
		switch name {
		case "root":
			r.publishRoot()
		case "snapshot":
			r.publishSnapshot()
		case "timestamp":
			r.publishTimestamp()
		default:
			r.publishTargets(r.Role(name))
		}
	}
}

func (r *Repo) publishRoot() {
	keys, roles := map[string]any{}, map[string]any{}
	for name, top := range r.keys {
		keyObjects(keys, top.keys)
		roles[name] = map[string]any{"keyids": keyIDs(top.keys), "threshold": int64(top.threshold)}
	}
	signed := r.header(&r.root)
	signed["consistent_snapshot"] = !r.plain
	signed["keys"] = keys
	signed["roles"] = roles
	r.publish(&r.root, signed, distinct(slices.Concat(r.keys["root"].keys, r.signedRoot)))
	r.signedRoot = slices.Clone(r.keys["root"].keys)

	if r.plain != r.options.NoConsistentSnapshot {
		r.options.NoConsistentSnapshot = r.plain
		r.serveAgain()
	}
}

func (r *Repo) publishTimestamp() {
	signed := r.header(&r.timestamp)
	signed["meta"] = map[string]any{"snapshot.json": r.fileInfo(&r.snapshot)}
	r.publish(&r.timestamp, signed, r.keys["timestamp"].keys)
}

func (r *Repo) publishSnapshot() {
	meta := make(map[string]any, len(r.roles))
	for _, x := range r.roles {
		if x.version != 0 {
			meta[x.name+".json"] = r.fileInfo(&x.sheet)
		}
	}
	signed := r.header(&r.snapshot)
	signed["meta"] = meta
	r.publish(&r.snapshot, signed, r.keys["snapshot"].keys)
}

func (r *Repo) publishTargets(x *Role) {
	targets := make(map[string]any, len(x.targets))
	for path, t := range x.targets {
		info := map[string]any{"length": t.length, "hashes": hashList(t.hashes)}
		if t.custom != nil {
			info["custom"] = t.custom
		}
		targets[path] = info
		if !t.served {
			r.serveTarget(path, t) // once: a test may have replaced it
		}
	}
	signed := r.header(&x.sheet)
	signed["_type"] = "targets"
	signed["targets"] = targets
	if d := x.document(); d != nil {
		signed["delegations"] = d
	}
	keys := x.listedKeys()
	if x.name == "targets" {
		keys = r.keys["targets"].keys
	}
	r.publish(&x.sheet, signed, keys)
}

// header returns the members that all roles have.
func (r *Repo) header(s *sheet) map[string]any {
	return map[string]any{
		"_type":        s.name,
		"spec_version": "1.0.34",
		"version":      s.next,
		"expires":      r.now.Add(s.lifetime).UTC().Format(time.RFC3339),
	}
}

// publish signs the next version of a role, and serves it.
func (r *Repo) publish(s *sheet, signed map[string]any, signers []*Key) {
	for _, f := range s.edits {
		f(signed)
	}
	if len(s.signers) > 0 {
		signers = s.signers
	}
	indent := " "
	if r.options.Compact {
		indent = ""
	}
	envelope := r.sign(signed, indent, signers)
	for _, f := range s.wraps {
		f(envelope)
	}
	s.data = Encode(envelope, indent)
	if r.options.MetaHashes {
		s.hashes = r.hash(s.data)
	}
	s.version, s.next, s.changed = s.next, s.next+1, false
	r.metadata[r.fileName(s.name, s.version)] = slices.Clone(s.data)
}

// sign wraps the content in an envelope of the repository's format.
func (r *Repo) sign(signed map[string]any, indent string, signers []*Key) map[string]any {
	if r.options.EnvelopeFormat == metadata.DSSE {
		return SignDSSE(Encode(signed, indent), signers...)
	}
	return Sign(signed, signers...)
}

// fileInfo returns what the snapshot or the timestamp lists for a file.
func (r *Repo) fileInfo(s *sheet) map[string]any {
	if !r.options.MetaHashes {
		return map[string]any{"version": s.version}
	}
	return map[string]any{"version": s.version, "length": int64(len(s.data)), "hashes": hashList(s.hashes)}
}

func hashList(hashes map[string]string) map[string]any {
	m := make(map[string]any, len(hashes))
	for name, digest := range hashes {
		m[name] = digest
	}
	return m
}

func (r *Repo) fileName(role string, version int64) string {
	name := escape(role) + ".json"
	if role == "root" || role != "timestamp" && !r.options.NoConsistentSnapshot {
		name = strconv.FormatInt(version, 10) + "." + name
	}
	return name
}

func (r *Repo) serveTarget(path string, t *target) {
	if t.content == nil {
		return
	}
	t.served = true
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i] = escape(segments[i])
	}
	if r.options.NoConsistentSnapshot {
		r.targets[strings.Join(segments, "/")] = slices.Clone(t.content)
		return
	}
	last := segments[len(segments)-1]
	for _, digest := range t.hashes {
		segments[len(segments)-1] = digest + "." + last
		r.targets[strings.Join(segments, "/")] = slices.Clone(t.content)
	}
}

// serveAgain serves all published files under the other kind of names, too,
// after the root has changed it.
func (r *Repo) serveAgain() {
	sheets := []*sheet{&r.snapshot}
	for _, x := range r.roles {
		sheets = append(sheets, &x.sheet)
		for path, t := range x.targets {
			r.serveTarget(path, t)
		}
	}
	for _, s := range sheets {
		if s.version != 0 {
			r.metadata[r.fileName(s.name, s.version)] = slices.Clone(s.data)
		}
	}
}
