package multirepo

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// voiceOf returns what two repositories have in common exactly if their roots list the same keys for the root role: by key material, whatever the IDs, the
// spelling of the keys and the versions of the roots are. Whoever holds these keys speaks for both. Keys that mean nothing to the repository's session make no difference.
func voiceOf(root *metadata.Root, p roles.Policy) string {
	signers, _ := root.Role("root")
	var known []string
	for id := range signers.KeyIDs() {
		k, ok := root.Key(id)
		if !ok {
			continue
		}
		if public, err := k.PublicKey(); err == nil {
			if der, err := x509.MarshalPKIXPublicKey(public); err == nil {
				known = append(known, hex.EncodeToString(der))
			}
		} else if make := p.Schemes[roles.Scheme{KeyType: k.Type, Scheme: k.Scheme}]; make != nil {
			if _, material, err := make(k); err == nil {
				known = append(known, hex.EncodeToString(material))
			}
		}
	}
	slices.Sort(known)
	return strings.Join(slices.Compact(known), " ")
}
