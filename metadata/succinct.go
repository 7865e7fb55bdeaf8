package metadata

import (
	"strconv"
	"strings"
)

// SuccinctRoles are the hash bins of TAP 15: 2^BitLength roles with the same
// keys.
type SuccinctRoles struct {
	RoleKeys
	// BitLength is the number of leading bits of a path's sha256 that choose
	// the bin: 1 to 32.
	BitLength int
	// NamePrefix is the part of the bins' names before the hyphen.
	NamePrefix string
}

// Bin returns the name of the bin with the given number, counted from 0.
//
// R-T15.2: the prefix, a hyphen, and the number in lower-case hexadecimal with
// as many digits as the last bin has.
func (s *SuccinctRoles) Bin(number uint32) string {
	digits := strconv.FormatUint(uint64(number), 16)
	return s.NamePrefix + "-" + strings.Repeat("0", max(0, s.digits()-len(digits))) + digits
}

// Has reports whether a role name is the name of one of the bins (R-T15.4).
func (s *SuccinctRoles) Has(role string) bool {
	digits, ok := strings.CutPrefix(role, s.NamePrefix+"-")
	if !ok || len(digits) != s.digits() || strings.Trim(digits, "0123456789abcdef") != "" {
		return false
	}
	number, err := strconv.ParseUint(digits, 16, 32)
	return err == nil && number>>s.BitLength == 0
}

// digits returns the number of hexadecimal digits of 2^BitLength-1.
func (s *SuccinctRoles) digits() int { return (s.BitLength + 3) / 4 }

func (r *reader) succinct() *SuccinctRoles {
	at := r.pos
	s := new(SuccinctRoles)
	prefix := false
	m := r.object()
	for m.next() {
		switch m.name {
		case "bit_length":
			start := r.pos
			n := r.integer(1)
			if n > 32 { // R-T15.1
				r.fail(start, "found %d, want a bit length from 1 to 32", n)
			}
			s.BitLength = int(n)
		case "name_prefix":
			prefix, s.NamePrefix = true, r.str()
		default:
			r.roleKeysMember(&s.RoleKeys, m.name)
		}
	}
	r.missing(at, "bit_length", s.BitLength != 0)
	r.missing(at, "name_prefix", prefix)
	r.needRoleKeys(at, s.RoleKeys)
	return s
}
