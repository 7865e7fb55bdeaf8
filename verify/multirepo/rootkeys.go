package multirepo

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// rootKeysOf returns a text that is the same for two roots exactly if both list
// the same keys for the root role. Anyone who holds these keys controls both
// repositories.
//
// Keys are compared by their key material. Key IDs, the encoding of the keys
// and the versions of the roots do not matter. Keys that the repository's
// session cannot use are left out.
func rootKeysOf(root *metadata.Root, p roles.Policy) string {
	role, _ := root.Role(metadata.RoleRoot)
	var list []string
	for _, material := range keyMaterial(root, role, p) {
		list = append(list, hex.EncodeToString([]byte(material)))
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}
