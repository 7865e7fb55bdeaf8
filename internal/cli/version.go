package cli

import (
	"runtime/debug"
	"strings"
)

// Version returns the version of a module that the program was built with.
func Version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "of unknown version"
}
