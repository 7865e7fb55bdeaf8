package metadata

import (
	"strconv"
	"strings"
)

// FileName returns the name of a role's file in a repository, such as
// "7.snapshot.json" or "a%2Fb.json". Version 0 gives a name without a version.
// The name is one segment of a path and one segment of a URL path.
//
// R-5.6.7h: all bytes except letters, digits and _.-~ are percent-encoded.
func FileName(role string, version int64) string {
	name := Escape(role) + ".json"
	if version == 0 {
		return name
	}
	return strconv.FormatInt(version, 10) + "." + name
}

// Escape percent-encodes all bytes of s except ASCII letters, ASCII digits and
// _.-~
func Escape(s string) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("_.-~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	return b.String()
}
