package multirepo

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
)

// voiceOf returns what two repositories have in common exactly if their roots list the same keys for the root role: by key material, whatever the IDs, the
// spelling of the keys and the versions of the roots are. Whoever holds these keys speaks for both.
func voiceOf(root *metadata.Root) string {
	signers, _ := root.Role("root")
	var keys []string
	for id := range signers.KeyIDs() {
		if k, ok := root.Key(id); ok {
			keys = append(keys, material(k))
		}
	}
	slices.Sort(keys)
	return strings.Join(slices.Compact(keys), " ")
}

func material(k metadata.Key) string {
	public, err := k.PublicKey()
	if err != nil { // of a scheme that only the policy knows
		return k.ContentID()
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return k.ContentID()
	}
	return hex.EncodeToString(der)
}
