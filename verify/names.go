package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
)

// The fixed names of saved files. Roots are also saved one by one, under
// rootName.
const (
	nameRoot      = "root.json"
	nameTimestamp = "timestamp.json"
	nameSnapshot  = "snapshot.json"
	nameTargets   = "targets.json"
)

func rootName(version int64) string { return strconv.FormatInt(version, 10) + ".root.json" }

// maxName bounds the names of records in bytes.
const maxName = 200

// roleName is the saved name of a targets role: injective, also on file systems
// that ignore case.
func roleName(role string) string {
	if role == metadata.RoleTargets {
		return nameTargets
	}
	const hexadecimal = "0123456789abcdef"
	var b strings.Builder
	for i := range len(role) {
		if c := role[i]; 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	name := b.String()
	if len("role."+name+".json") > maxName { // no short name has an equals sign
		sum := sha256.Sum256([]byte(role))
		name = "=" + hex.EncodeToString(sum[:])
	}
	return "role." + name + ".json"
}
