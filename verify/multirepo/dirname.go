package multirepo

import (
	"strings"

	"github.com/tufwalk/tufwalk/internal/safename"
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
	// Windows drops a dot at the end, as a repository without a name would
	// have; no name of a saved file ends in an equals sign.
	const before, after = "repository.", "="
	name := safename.Escape(repository, maxName-len(before+after))
	if strings.HasPrefix(name, "=") {
		return "repository" + name
	}
	return before + name + after
}
