package metadata

import (
	"strconv"
	"strings"
	"time"
)

// SavedTarget is the answer of a search, in a form that a program can save. It
// has no signature: anyone who can write to the place where it is saved decides
// what it says.
type SavedTarget struct {
	// Path is the target path, and Role the role that lists it.
	Path, Role string
	// Expires is when the answer is out of date.
	Expires time.Time
	// ConsistentSnapshot says whether names of target files begin with a hash.
	ConsistentSnapshot bool
	// File is the entry of the target.
	File TargetFile
}

// JSON returns the target as a JSON object with the members "path", "role",
// "expires", "consistent_snapshot" and "target". The last one has
// the length, the hashes and the custom data that the role lists.
func (s SavedTarget) JSON() []byte {
	file := `{"hashes":` + s.File.Hashes.text + `,"length":` + strconv.FormatInt(s.File.Length, 10)
	if s.File.custom != "" {
		file += `,"custom":` + s.File.custom
	}
	return standardJSON(`{"consistent_snapshot":` + strconv.FormatBool(s.ConsistentSnapshot) +
		`,"expires":` + quote(s.Expires.Format(time.RFC3339Nano)) +
		`,"path":` + quote(s.Path) + `,"role":` + quote(s.Role) + `,"target":` + file + `}}`)
}

// quote returns a string as canonical text.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// ParseSavedTarget reads what SavedTarget.JSON has returned, and is as strict
// as Parse. Errors are *SyntaxError.
func ParseSavedTarget(data []byte) (s SavedTarget, err error) {
	doc, syntax := canonicalize(data, maxDepth) // custom data may be as deep as a session's limits allow
	if syntax != nil {
		return s, syntax
	}
	r := &reader{text: string(doc.out), plain: !doc.escaped}
	found := map[string]bool{}
	m := r.object()
	for m.next() {
		found[m.name] = true
		switch m.name {
		case "consistent_snapshot":
			s.ConsistentSnapshot = r.boolean()
		case "expires":
			_, s.Expires = r.dateTime()
		case "path":
			s.Path = r.str()
		case "role":
			s.Role = r.str()
		case "target":
			s.File = r.targetFile()
		}
	}
	for _, name := range []string{"consistent_snapshot", "expires", "path", "role", "target"} {
		r.missing(0, name, found[name])
	}
	if r.err != nil {
		return SavedTarget{}, r.err
	}
	return s, nil
}
