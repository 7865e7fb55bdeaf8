package verify

import (
	"strconv"

	"github.com/tufwalk/tufwalk/internal/safename"
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
	const before, after = "role.", ".json"
	return before + safename.Escape(role, maxName-len(before+after)) + after
}
