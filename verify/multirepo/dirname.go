package multirepo

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName bounds the names of folders in bytes, as those of records.
const maxName = 200

// DirName returns a name for a folder that belongs to a repository: safe on
// every file system, and another one for every other name, also where case does
// not count. Names of repositories may be anything (CVE-2026-24686), and must
// not become paths in any other way.
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
	b.WriteByte('=') // Windows drops dots and spaces at the end, and no name of a record ends so
	if b.Len() > maxName {
		sum := sha256.Sum256([]byte(repository))
		return "repository=" + hex.EncodeToString(sum[:])
	}
	return b.String()
}
