package model

import (
	"math"
	"regexp"
	"slices"
	"time"
)

// file is a document whose envelope was read. If it is trusted, its content was
// checked too.
type file struct {
	body       string // as it came
	signed     object
	payload    string // canonical
	signatures []signature
	version    int64
	expires    time.Time
}

type signature struct{ keyID, hex string }

// need is must for requirements that some clients do not check.
func (r *Rules) need(id string, ok bool, format string, args ...any) {
	must(ok || r.Loose[id], format, args...)
}

// read decodes a file without checking the signed content,
//
func (r *Rules) read(body []byte, kind string) *file {
	text := body
	if r.Reading != nil {
		var err error
		text, err = r.Reading(kind, body)
		must(err == nil, "not read: %v", err)
	}
	levels := maxLevels
	if r.Loose["J7"] {
		levels = 10_000
	}
	envelope := theObject(readJSON(text, levels), "the file")
	f := &file{body: string(body), signed: theObject(envelope["signed"], "signed")}
	f.payload = canonicalText(f.signed, !r.Loose["R-4.1.2"])
	must(theString(f.signed["_type"], "_type") == kind, "not a %s file", kind)
	list := theList(envelope["signatures"], "signatures")
	must(len(list) <= 1024, "too many signatures")
	ids := []string{}
	for _, e := range list {
		s := theObject(e, "a signature")
		f.signatures = append(f.signatures, signature{theString(s["keyid"], "keyid"), theString(s["sig"], "sig")})
		ids = append(ids, theString(s["keyid"], "keyid"))
	}
	must(unique(ids), "a key ID signs twice")
	return f
}

var (
	specVersion = regexp.MustCompile(`^1\.[0-9]+(\.[0-9]+)?$`)
	dateTime    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
)

// check checks the whole content of a file.
func (r *Rules) check(f *file, kind string) {
	s := f.signed
	r.need("R-4.3.1", specVersion.MatchString(theString(s["spec_version"], "spec_version")), "spec_version")
	f.version = theInteger(s["version"], math.MinInt64, "version")
	r.need("R-4.3.2", f.version > 0, "version")
	text := theString(s["expires"], "expires")
	t, err := time.Parse(time.RFC3339, text)
	must(err == nil && dateTime.MatchString(text), "expires")
	f.expires = t
	switch kind {
	case "root":
		r.checkRoot(s)
	case "timestamp":
		meta := theObject(s["meta"], "meta")
		r.need("R-4.5.1", len(meta) == 1, "a timestamp lists one file")
		r.checkInfo(meta["snapshot.json"])
	case "snapshot":
		meta := theObject(s["meta"], "meta")
		for _, info := range meta {
			r.checkInfo(info)
		}
		r.need("R-4.4.1", meta["targets.json"] != nil, "targets.json is not listed")
	case "targets":
		r.checkTargets(s)
	}
}

func (r *Rules) checkRoot(s object) {
	if consistent, ok := s["consistent_snapshot"]; ok {
		theBool(consistent, "consistent_snapshot")
	}
	r.checkKeys(s["keys"])
	roles := theObject(s["roles"], "roles")
	for _, name := range []string{"root", "timestamp", "snapshot", "targets"} {
		if roles[name] != nil || !r.Loose["R-4.3.6"] {
			r.checkRoleKeys(theObject(roles[name], name))
		}
	}
}

func (r *Rules) checkKeys(v any) {
	for _, k := range theObject(v, "keys") {
		key := theObject(k, "a key")
		theString(key["keytype"], "keytype")
		theString(key["scheme"], "scheme")
		theObject(key["keyval"], "keyval")
	}
}

// checkRoleKeys is. No key ID may be listed twice (K2).
func (r *Rules) checkRoleKeys(role object) {
	theInteger(role["threshold"], 1, "threshold")
	ids := theStrings(role["keyids"], "keyids")
	r.need("K2", unique(ids), "a key ID is listed twice")
	must(len(ids) <= 1024, "too many key IDs")
}

func (r *Rules) checkHashes(v any) object {
	hashes := theObject(v, "hashes")
	for _, digest := range hashes {
		theString(digest, "a digest")
	}
	return hashes
}

// checkInfo checks what a timestamp or a snapshot lists about a file.
func (r *Rules) checkInfo(v any) {
	info := theObject(v, "a listed file")
	r.need("R-4.3.2", theInteger(info["version"], math.MinInt64, "version") > 0, "version")
	if length, ok := info["length"]; ok {
		r.need("R-4.4.2", theInteger(length, math.MinInt64, "length") >= 0, "length")
	}
	if hashes, ok := info["hashes"]; ok {
		r.checkHashes(hashes)
	}
}

func (r *Rules) checkTargets(s object) {
	for _, v := range theObject(s["targets"], "targets") {
		target := theObject(v, "a target")
		r.need("R-4.4.2", theInteger(target["length"], math.MinInt64, "length") >= 0, "length")
		must(len(r.checkHashes(target["hashes"])) > 0, "no hashes")
		if custom, ok := target["custom"]; ok && !r.Loose["R-4.6.2"] {
			theObject(custom, "custom")
		}
	}
	if delegations, ok := s["delegations"]; ok {
		r.checkDelegations(theObject(delegations, "delegations"))
	}
}

func (r *Rules) checkDelegations(d object) {
	r.checkKeys(d["keys"])
	roles, listed := d["roles"]
	bins, succinct := d["succinct_roles"]
	r.need("R-T15.3", listed != succinct, "either roles or succinct_roles")
	if succinct {
		s := theObject(bins, "succinct_roles")
		must(theInteger(s["bit_length"], 1, "bit_length") <= 32, "bit_length") // R-T15.1
		theString(s["name_prefix"], "name_prefix")
		r.checkRoleKeys(s)
		return
	}
	found := []string{}
	for _, e := range theList(roles, "roles") {
		found = append(found, r.checkDelegation(theObject(e, "a role")))
	}
	r.need("R-4.6.3", unique(found), "a role is listed twice")
}

var hexPrefix = regexp.MustCompile(`^[0-9a-f]{0,64}$`)

func (r *Rules) checkDelegation(role object) string {
	r.checkRoleKeys(role)
	name := theString(role["name"], "name")
	reserved := []string{"", "root", "timestamp", "snapshot", "targets", "mirrors"}
	r.need("R-4.6.10", !slices.Contains(reserved, name), "reserved name")
	if t, ok := role["terminating"]; ok {
		theBool(t, "terminating")
	}
	paths, byPath := role["paths"]
	prefixes, byHash := role["path_hash_prefixes"]
	r.need("R-4.6.4", !byPath || !byHash, "paths and path_hash_prefixes")
	if byPath {
		theStrings(paths, "paths")
	}
	if byHash {
		for _, p := range theStrings(prefixes, "path_hash_prefixes") {
			r.need("R-4.2.6", hexPrefix.MatchString(p), "path_hash_prefixes")
		}
	}
	return name
}
