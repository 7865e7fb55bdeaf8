package multirepo

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/roles"
)

// rootKeysOf returns a text that is the same for two root roles exactly if both
// have the same keys. Anyone who holds these keys controls both
// repositories.
//
// Keys are compared by their key material. Key IDs, the encoding of the keys
// and the versions of the roots do not matter. Keys that the repository's
// session cannot use are left out.
func rootKeysOf(root roles.Role) string {
	list := root.KeyMaterial()
	for i, material := range list {
		list[i] = hex.EncodeToString([]byte(material))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
