package metadata_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// Names are shown without quotes only if that is harmless.
func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{
		"a b/é🍺": "a b/é🍺", "": "",
		"a\x1b[2J": `"a\x1b[2J"`, "a\x9b31m": `"a\x9b31m"`, "a\nb": `"a\nb"`,
		"\u202e": `"\u202e"`, "\u200b": `"\u200b"`,
		strings.Repeat("a", 300): `"` + strings.Repeat("a", 256) + `"...`,
	} {
		require.Equal(t, want, metadata.Printable(name))
	}
}
