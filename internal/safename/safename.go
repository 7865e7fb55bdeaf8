// Package safename makes names of files and folders out of names that may be
// anything.
package safename

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Escape returns a part of a file name for a name: lower-case letters, digits,
// - and _ as they are, every other byte as % and two lower-case hexadecimal
// digits. It is different for every name, also where upper and lower case are
// the same. If it would be longer than longest bytes, it is = and the name's
// sha256 instead.
func Escape(name string, longest int) string {
	const hexadecimal = "0123456789abcdef"
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	if b.Len() > longest { // no short name has an equals sign
		sum := sha256.Sum256([]byte(name))
		return "=" + hex.EncodeToString(sum[:])
	}
	return b.String()
}
