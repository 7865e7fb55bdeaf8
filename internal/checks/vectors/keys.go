package main

import (
	"maps"
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// keys are kinds and notations of public keys.
func (b *book) keys() {
	for _, scheme := range verifytest.Schemes() {
		if strings.HasPrefix(scheme, "ml-dsa") {
			continue
		}
		name := strings.ReplaceAll(scheme, "/", "-")
		b.tell("keys", name, "R-4.2.2.1 R-4.2.2.4 R-4.2.2.7", "all keys have the scheme "+scheme, func(s *story) {
			s.usualWith(verifytest.Options{Scheme: scheme})
			s.get("team/app.txt", "team 1")
			s.choiceOfScheme(scheme)
		})
		b.tell("keys", name+"-forged", "R-4.2.2.1 R-5.4.2", "a timestamp with the scheme "+scheme+
			" is changed after it was signed", func(s *story) {
			s.usualWith(verifytest.Options{Scheme: scheme})
			s.EditEnvelope("timestamp", func(e object) { e["signed"].(object)["x-note"] = "added" })
			s.Publish()
			s.refused("timestamp")
			s.last().Versions = map[string]int64{"timestamp": 0}
		})
	}
	// listed has the second root list the timestamp's keys in another way.
	listed := func(name, requirements, why, choice string, good bool, f func(s *story) []*verifytest.Key) {
		b.tell("keys", name, requirements, why, func(s *story) {
			s.usual()
			s.Rotate("timestamp", 1, f(s)...)
			s.Publish()
			if good {
				s.ok()
			} else {
				s.refused("timestamp")
				s.last().Versions = map[string]int64{"timestamp": 0}
			}
			switch {
			case choice != "" && good:
				s.orRefuse(choice, "root")
			case choice != "":
				s.orAccept(choice)
			}
		})
	}
	one := func(scheme string, change func(k *verifytest.Key)) func(s *story) []*verifytest.Key {
		return func(s *story) []*verifytest.Key {
			k := *verifytest.NewKey(scheme, s.seed)
			change(&k)
			return []*verifytest.Key{&k}
		}
	}
	const notation = "the specification has one notation, and deployed repositories have this one"
	const unknown = "the specification does not say what a key that the client cannot use does to a file"
	listed("old-ecdsa-type", "R-4.2.2.4", "an ECDSA key with the type ecdsa-sha2-nistp256", notation, true,
		one("ecdsa-sha2-nistp256", func(k *verifytest.Key) { k.KeyType = k.Scheme }))
	listed("ecdsa-point", "R-4.2.2.4", "an ECDSA key in hexadecimal", notation, true,
		one("ecdsa-sha2-nistp256", func(k *verifytest.Key) { k.KeyType, k.Public = k.Scheme, k.HexPoint() }))
	listed("pem-crlf", "R-4.2.2.4", "a key in PEM with the line ends of Windows", notation, true,
		one("ecdsa-sha2-nistp256", func(k *verifytest.Key) { k.Public = strings.ReplaceAll(k.Public, "\n", "\r\n") }))
	listed("pem-no-newline", "R-4.2.2.4", "a key in PEM without the last line end", "", true,
		one("ecdsa-sha2-nistp256", func(k *verifytest.Key) { k.Public = strings.TrimSpace(k.Public) }))
	listed("upper-case", "R-4.2.6", "an ed25519 key in upper case", notation, true,
		one("ed25519", func(k *verifytest.Key) { k.Public = strings.ToUpper(k.Public) }))
	listed("extra-members", "R-4.0.1", "a key with more members than clients know", "", true,
		one("ed25519", func(k *verifytest.Key) {
			k.Extra = object{"keyid_hash_algorithms": []any{"sha256", "sha512"}, "x-owner": "@somebody"}
		}))
	listed("other-id", "R-4.3.K1", "a key ID that is not the key's hash",
		"the specification says what a key ID is, TAP 12 that clients do not compare, and deployed repositories need "+
			"that", true,
		one("ed25519", func(k *verifytest.Key) { k.KeyID = strings.Repeat("0f", 32) }))
	listed("short", "R-4.2.2.3", "an ed25519 key that lacks a byte", "", false,
		one("ed25519", func(k *verifytest.Key) { k.Public = k.Public[2:] }))
	listed("odd", "R-4.2.2.3", "an ed25519 key that lacks a digit", "", false,
		one("ed25519", func(k *verifytest.Key) { k.Public = k.Public[1:] }))
	listed("long", "R-4.2.2.3", "an ed25519 key with a byte too much", "", false,
		one("ed25519", func(k *verifytest.Key) { k.Public += "00" }))
	listed("empty", "R-4.2.2.3", "an ed25519 key that is empty", "", false,
		one("ed25519", func(k *verifytest.Key) { k.Public = "" }))
	listed("no-pem", "R-4.2.2.4", "an ECDSA key that is no PEM", "", false,
		one("ecdsa-sha2-nistp256", func(k *verifytest.Key) {
			k.Public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END " +
				"PUBLIC KEY-----\n"
		}))
	listed("rsa-as-ed25519", "R-4.2.2.5", "an RSA key under the scheme ed25519", "", false,
		one("rsassa-pss-sha256", func(k *verifytest.Key) { k.Scheme = "ed25519" }))
	listed("pss-as-pkcs1", "R-4.2.2.5 R-4.2.2.7", "a signature of another padding than the scheme's", "", false,
		one("rsa-pkcs1v15-sha256", func(k *verifytest.Key) { k.Scheme = "rsassa-pss-sha256" }))
	listed("pkcs1-as-pss", "R-4.2.2.5 R-4.2.2.7", "a PSS signature under a scheme of PKCS #1 v1.5", "", false,
		one("rsassa-pss-sha256", func(k *verifytest.Key) { k.Scheme = "rsa-pkcs1v15-sha256" }))
	listed("p384-as-p256", "R-4.2.2.4", "a key on the curve P-384 under the scheme of P-256", "", false,
		one("ecdsa-sha2-nistp384", func(k *verifytest.Key) { k.Scheme = "ecdsa-sha2-nistp256" }))
	listed("unknown-scheme", "R-4.2.2.6", "the only key has a scheme that no client knows", "", false,
		one("ed25519", func(k *verifytest.Key) { k.KeyType, k.Scheme = "quantum", "quantum-1" }))
	listed("unknown-next-to-good", "R-4.2.2.6", "a key of a kind that no client knows, next to a good one",
		unknown, true,
		func(s *story) []*verifytest.Key {
			odd := *s.Key("odd")
			odd.KeyType, odd.Scheme = "quantum", "quantum-1"
			return []*verifytest.Key{&odd, s.Key("good")}
		})
	for i := range 4 {
		listed("anybody-signs-"+string(rune('1'+i)), "R-4.2.2.8",
			"the neutral element of ed25519, for which anybody can sign, in one of four notations",
			"the specification does not speak of such keys", false,
			func(*story) []*verifytest.Key { return []*verifytest.Key{verifytest.NewWeakKey(i)} })
	}
	b.tell("keys", "missing-next-to-good", "R-4.3.K4",
		"a role lists a key that the root does not have, next to a good one", func(s *story) {
			s.usual()
			s.Rotate("timestamp", 1, s.Key("gone"), s.Key("good"))
			s.Edit("root", func(signed object) { delete(signed["keys"].(object), s.Key("gone").ID()) })
			s.SignWith("timestamp", s.Key("good"))
			s.Publish()
			s.ok()
			s.orRefuse(unknown, "root")
		})
	b.tell("keys", "id-twice-in-role", "R-4.3.7", "a role lists a key ID twice, with a threshold of two",
		func(s *story) {
			s.usual()
			s.Rotate("timestamp", 2, s.Key("a"), s.Key("a"))
			s.SignWith("timestamp", s.Key("a"))
			s.Publish()
			s.refused("timestamp")
			s.last().Versions = map[string]int64{"timestamp": 0}
		})
	b.tell("keys", "one-key-all-schemes", "R-4.3.K3", "one RSA key under two schemes, with a threshold of two",
		func(s *story) {
			s.usual()
			x := verifytest.NewKey("rsassa-pss-sha256", s.seed)
			y := verifytest.NewKey("rsassa-pss-sha512", s.seed)
			s.Rotate("timestamp", 2, x, y)
			s.Publish()
			s.refused("timestamp")
			s.last().Versions = map[string]int64{"timestamp": 0}
		})
	b.tell("keys", "id-names-two-keys", "R-4.3.K2", "a stranger's key under the ID of a listed one, in the file of "+
		"a delegator", func(s *story) {
		s.usual()
		stranger := *s.Key("stranger")
		stranger.KeyID = s.Key("team").ID()
		s.delegate(s.Role("inner"), "deeper", "team/inner/*")
		s.Role("inner").Delegate(verifytest.Delegation{
			Name: "deeper", Paths: []string{"team/inner/*"}, Keys: []*verifytest.Key{&stranger},
		})
		s.SignWith("team", &stranger)
		s.Publish()
		s.notGot("team/app.txt")
	})
}

// choiceOfScheme says that a client need not offer other schemes than the three
// of the specification.
func (s *story) choiceOfScheme(scheme string) {
	switch scheme {
	case "ed25519", "ecdsa-sha2-nistp256", "rsassa-pss-sha256":
		return
	}
	o := *s.last()
	o.Success, o.Files, o.Versions = false, []string{}, maps.Clone(map[string]int64{"timestamp": 0})
	s.or("the specification recommends three schemes, and leaves others to the client", o)
}
