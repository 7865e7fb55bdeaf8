package model

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// signers are the keys that must sign: distinct public keys, with any IDs
// (R-4.3.K3).
type signers struct {
	keys      object
	ids       []string
	threshold int64
}

func roleKeysOf(keys any, role any) signers {
	r := theObject(role, "role")
	return signers{keys.(object), theStrings(r["keyids"], "keyids"), theInteger(r["threshold"], 1, "threshold")}
}

func topLevel(root *file, name string) signers {
	return roleKeysOf(root.signed["keys"], root.signed["roles"].(object)[name])
}

// verify counts the keys that signed. With anyID a signature counts for any key
// that verifies it: key IDs may have changed since the file was saved
// (docs/decisions.md, "What the stored files are for").
func (c *Client) verify(f *file, who signers, anyID bool) {
	signed := map[string]bool{}
	for _, id := range who.ids {
		key := c.rules.publicKey(who.keys, id)
		if key == nil {
			must(!c.rules.EveryKeyUsable, "key %q is unusable", id)
			continue
		}
		for _, s := range f.signatures {
			if (s.keyID == id || anyID) && c.goodSignature(key, f.payload, s.hex) {
				signed[key.material] = true
			}
		}
	}
	must(int64(len(signed)) >= who.threshold, "%d of %d keys have signed", len(signed), who.threshold)
}

// goodSignature verifies a signature. It remembers the results, which is the
// only optimization here.
func (c *Client) goodSignature(key *publicKey, payload, sigHex string) bool {
	sig, err := hex.DecodeString(sigHex)
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(payload))
	question := fmt.Sprintf("%q %q %x %x", key.scheme, key.material, sig, sum)
	good, known := c.checked[question]
	if !known {
		good = key.verify([]byte(payload), sig)
		c.checked[question] = good
	}
	return good
}

// open verifies a file and then checks its content.
func (c *Client) open(body []byte, kind string, who signers) *file {
	f := c.rules.read(body, kind)
	c.verify(f, who, false)
	c.rules.check(f, kind)
	return f
}

// openRoot checks a root and verifies it with its own keys.
func (c *Client) openRoot(body []byte) *file {
	f := c.rules.read(body, "root")
	c.rules.check(f, "root")
	c.verify(f, topLevel(f, "root"), false)
	return f
}

// fits compares a file's bytes with what is listed about it.
func (r *Rules) fits(body []byte, info object) {
	if length, ok := info["length"]; ok {
		must(theInteger(length, math.MinInt64, "length") == int64(len(body)), "wrong length")
	}
	if hashes, ok := info["hashes"]; ok {
		r.fitsHashes(body, hashes.(object))
	}
}

func (r *Rules) fitsHashes(body []byte, hashes object) {
	checked := false
	for algorithm, digest := range hashes {
		var sum []byte
		switch algorithm {
		case "sha256":
			s := sha256.Sum256(body)
			sum = s[:]
		case "sha512":
			s := sha512.Sum512(body)
			sum = s[:]
		default:
			must(!r.EveryHashKnown, "unknown hash %s", algorithm)
			continue
		}
		checked = true
		must(strings.EqualFold(hex.EncodeToString(sum), digest.(string)), "wrong %s", algorithm)
	}
	must(checked, "no known hash")
}

// listed is the part of a listing that the client uses.
func listed(info object) string {
	o := object{"version": info["version"]}
	for _, name := range []string{"length", "hashes"} {
		if v, ok := info[name]; ok {
			o[name] = v
		}
	}
	return canonical(o)
}
