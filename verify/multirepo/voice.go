package multirepo

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
)

// voiceOf returns what two repositories have in common exactly if their roots list the same keys for the root role: by key material, whatever the IDs, the
// spelling of the keys and the versions of the roots are. Whoever holds these keys speaks for both. Keys that mean nothing here make no difference, unless there are
// no others: then a policy knows them.
func voiceOf(root *metadata.Root) string {
	signers, _ := root.Role("root")
	var known, others []string
	for id := range signers.KeyIDs() {
		k, ok := root.Key(id)
		if !ok {
			continue
		}
		if public, err := k.PublicKey(); err == nil {
			if der, err := x509.MarshalPKIXPublicKey(public); err == nil {
				known = append(known, hex.EncodeToString(der))
			}
		}
		others = append(others, k.ContentID())
	}
	if len(known) == 0 {
		known = others
	}
	slices.Sort(known)
	return strings.Join(slices.Compact(known), " ")
}
