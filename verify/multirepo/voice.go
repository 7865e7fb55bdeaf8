package multirepo

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// voiceOf returns what two repositories have in common exactly if their roots
// list the same keys for the root role: by key material, whatever the IDs, the
// spelling of the keys and the versions of the roots are. Whoever holds these
// keys speaks for both. Keys that mean nothing to the repository's session make
// no difference.
func rootKeysOf(root *metadata.Root, p roles.Policy) string {
	signers, _ := root.Role(metadata.RoleRoot)
	var known []string
	for id := range signers.KeyIDs() {
		k, _ := root.Key(id) // the zero Key is of no use either
		if public, err := k.PublicKey(); err == nil {
			der, _ := x509.MarshalPKIXPublicKey(public) // never fails for what PublicKey returns
			known = append(known, hex.EncodeToString(der))
		} else if make := p.Schemes[roles.Scheme{KeyType: k.Type, Scheme: k.Scheme}]; make != nil {
			if _, material, err := make(k); err == nil {
				known = append(known, hex.EncodeToString(material))
			}
		}
	}
	slices.Sort(known)
	return strings.Join(slices.Compact(known), " ")
}
