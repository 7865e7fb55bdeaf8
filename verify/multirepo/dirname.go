package multirepo

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName is the length in bytes that a name of a folder may have, as it is for
// names of saved files.
const maxName = 200

// DirName returns a name for a folder that belongs to a repository. It is safe
// on every file system, and different for every repository, also where upper
// and lower case are the same.
//
// A map may give repositories any names (CVE-2026-24686). They must not become
// paths in any other way.
func DirName(repository string) string {
	const hexadecimal = "0123456789abcdef"
	var b strings.Builder
	b.WriteString("repository.")
	for i := range len(repository) {
		if c := repository[i]; 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	b.WriteByte('=') // Windows drops dots and spaces at the end; no name of a saved file ends in '='
	if b.Len() > maxName {
		sum := sha256.Sum256([]byte(repository))
		return "repository=" + hex.EncodeToString(sum[:])
	}
	return b.String()
}
