package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// match reports whether a path matches a pattern. Both are split at
// slashes, and each part has to match.
func match(pattern, path string) bool {
	patterns, parts := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(patterns) != len(parts) {
		return false
	}
	for i := range parts {
		if !matchPart([]rune(patterns[i]), []rune(parts[i])) {
			return false
		}
	}
	return true
}

func matchPart(p, s []rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == '*' {
		return matchPart(p[1:], s) || len(s) > 0 && matchPart(p, s[1:])
	}
	if len(s) == 0 {
		return false
	}
	if p[0] == '?' {
		return matchPart(p[1:], s[1:])
	}
	if p[0] == '[' {
		first := 1 // of the set
		if len(p) > 1 && p[1] == '!' {
			first = 2
		}
		if first < len(p) {
			if i := slices.Index(p[first+1:], ']'); i >= 0 {
				end := first + 1 + i
				return inSet(p[first:end], s[0]) != (first == 2) && matchPart(p[end+1:], s[1:])
			}
		}
	}
	return p[0] == s[0] && matchPart(p[1:], s[1:])
}

func inSet(set []rune, c rune) bool {
	for len(set) > 0 {
		if len(set) > 2 && set[1] == '-' {
			if set[0] <= c && c <= set[2] {
				return true
			}
			set = set[3:]
			continue
		}
		if set[0] == c {
			return true
		}
		set = set[1:]
	}
	return false
}

// covers reports whether a delegation is for a path.
func (c *Client) covers(role object, path string) bool {
	if paths, ok := role["paths"]; ok {
		for _, pattern := range theStrings(paths, "paths") {
			if c.rules.Match(pattern, path) {
				return true
			}
		}
	}
	if prefixes, ok := role["path_hash_prefixes"]; ok {
		for _, prefix := range theStrings(prefixes, "path_hash_prefixes") {
			if strings.HasPrefix(c.rules.HashText(sha256.Sum256([]byte(path))), prefix) {
				return true
			}
		}
	}
	return false
}

func hexadecimal(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

// delegation is one delegation that a search may follow.
type delegation struct {
	role        string
	signers     signers
	terminating bool
	entry       object // of the list, or the member succinct_roles
}

// delegations returns the roles to which a file delegates a path, in the order
// of the list.
func (c *Client) delegations(f *file, path string) []delegation {
	d, ok := f.signed["delegations"].(object)
	if !ok {
		return nil
	}
	if s, ok := d["succinct_roles"].(object); ok {
		return []delegation{{bin(s, path), roleKeysOf(d["keys"], s), true, s}} // R-T15.5
	}
	list := []delegation{}
	first := map[string]signers{} // if a name may be listed twice, the first entry's keys
	for _, e := range d["roles"].([]any) {
		role := e.(object)
		name := role["name"].(string)
		if _, ok := first[name]; !ok {
			first[name] = roleKeysOf(d["keys"], role)
		}
		if c.covers(role, path) {
			list = append(list, delegation{name, first[name], role["terminating"] == true, role})
		}
	}
	return list
}

// bin is the name of a succinct bin (R-T15.2): the number in the leading bits
// of the hash, with as many digits as the last bin's.
func bin(s object, path string) string {
	bits := theInteger(s["bit_length"], 1, "bit_length")
	sum := sha256.Sum256([]byte(path))
	return binName(s, uint64(binary.BigEndian.Uint32(sum[:4]))>>(32-bits))
}

func binName(s object, number uint64) string {
	width := len(fmt.Sprintf("%x", uint64(1)<<theInteger(s["bit_length"], 1, "bit_length")-1))
	return fmt.Sprintf("%s-%0*x", s["name_prefix"], width, number)
}
