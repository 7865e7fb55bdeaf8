package main

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// dsse are files in DSSE envelopes (TAP 17).
func (b *book) dsse() {
	tell := func(name, requirements, why string, do func(s *story)) {
		b.tell("dsse", name, requirements, why, func(s *story) {
			s.needs(needsDSSE)
			s.usualWith(verifytest.Options{EnvelopeFormat: metadata.DSSE})
			do(s)
		})
	}
	tell("usual", "R-T17.1 R-T17.2", "a usual repository", func(s *story) { s.get("team/inner/app.txt", "inner 1") })
	tell("rotation", "R-T17.2 R-5.3.4a", "new root keys", func(s *story) {
		s.ok()
		s.chain(3)
		s.Publish()
		s.ok()
	})
	wrong := func(name, requirements, why, choice string, f func(e object)) {
		for _, role := range everyRole {
			tell(name+"-"+role, requirements, why+": "+role, func(s *story) {
				s.get("team/app.txt", "team 1")
				s.Role("team").AddTarget("team/app.txt", []byte("team 2"))
				s.Touch("targets")
				s.EditEnvelope(role, f)
				s.Publish()
				s.refusedAt(role, "team/app.txt")
				if choice != "" {
					s.orAccept(choice, "team/app.txt", "team 2")
				}
			})
		}
	}
	payload := func(e object) string {
		data, err := base64.StdEncoding.DecodeString(e["payload"].(string))
		if err != nil {
			panic(err)
		}
		return string(data)
	}
	wrong("unsigned", "R-T17.2", "no signatures", "", func(e object) { e["signatures"] = []any{} })
	wrong("other-type", "R-T17.1", "the payload has another type", "",
		func(e object) { e["payloadType"] = "application/json" })
	wrong("changed", "R-T17.2", "white space was added to the payload after it was signed", "", func(e object) {
		e["payload"] = base64.StdEncoding.EncodeToString([]byte(payload(e) + " "))
	})
	wrong("no-padding", "R-T17.3", "the payload lacks the padding of base64",
		"DSSE has padding, and does not say what its absence does", func(e object) {
			text := payload(e) + "\n"
			for len(text)%3 == 0 {
				text += "\n"
			}
			e["payload"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(text)), "=")
		})
	wrong("classic", "R-T17.5", "a file in the envelope of the specification among DSSE envelopes", "", func(e object) {
		signed, err := verifytest.Decode([]byte(payload(e)))
		if err != nil {
			panic(err)
		}
		clear(e)
		e["signed"], e["signatures"] = signed, []any{}
	})
	for _, role := range everyRole {
		b.tell("dsse", "among-classic-"+role, "R-T17.5", "a DSSE envelope for a client that has not chosen them: "+role,
			func(s *story) {
				s.next(role, forgery{before: func(s *story, role string) {
					s.EditEnvelope(role, func(e object) {
						signed := verifytest.Encode(e["signed"], "")
						clear(e)
						for name, value := range verifytest.SignDSSE(signed, s.Keys(role)...) {
							e[name] = value
						}
					})
				}})
				s.refusedAt(role, "team/app.txt")
			})
	}
}

// mldsa are ML-DSA keys (TAP 21).
func (b *book) mldsa() {
	for _, scheme := range []string{"ml-dsa-44/1", "ml-dsa-65/1", "ml-dsa-87/1"} {
		name := strings.TrimSuffix(scheme, "/1")
		tell := func(ending, requirements, why string, do func(s *story)) {
			b.tell("mldsa", strings.TrimPrefix(name, "ml-dsa-")+"-"+ending, requirements, why+": "+scheme, func(s *story) {
				s.needs(needsMLDSA)
				do(s)
			})
		}
		tell("usual", "R-T21.1 R-T21.2", "a usual repository", func(s *story) {
			s.usualWith(verifytest.Options{Scheme: scheme})
			s.get("team/app.txt", "team 1")
		})
		tell("rotation", "R-T21.1 R-5.3.4a", "from ed25519 to ML-DSA", func(s *story) {
			s.usual()
			s.ok()
			for _, role := range topLevel {
				s.Rotate(role, 1, verifytest.NewKey(scheme, s.seed+role))
			}
			s.Publish()
			s.ok()
		})
		tell("with-ed25519", "R-T21.1 R-4.3.7", "two signatures are needed, of ed25519 and of ML-DSA", func(s *story) {
			s.usual()
			s.Rotate("timestamp", 2, s.Key("a"), verifytest.NewKey(scheme, s.seed))
			s.Publish()
			s.ok()
		})
		for _, lies := range []struct {
			name, requirements, why string
			do                      func(s *story, k *verifytest.Key)
		}{
			{"changed", "R-T21.2", "the file was changed after it was signed", func(s *story, _ *verifytest.Key) {
				s.EditEnvelope("timestamp", func(e object) { e["signed"].(object)["x-note"] = "added" })
			}},
			{"cut", "R-T21.2", "a signature lacks a byte", func(s *story, _ *verifytest.Key) {
				s.EditEnvelope("timestamp", func(e object) {
					sig := e["signatures"].([]any)[0].(object)
					sig["sig"] = sig["sig"].(string)[2:]
				})
			}},
			{"only-ed25519", "R-4.3.7 R-T21.1", "two signatures are needed, and only ed25519 signed",
				func(s *story, k *verifytest.Key) {
					s.Rotate("timestamp", 2, s.Key("a"), k)
					s.SignWith("timestamp", s.Key("a"))
				}},
			{"other-number", "R-T21.3", "the number after the slash is another one", func(s *story, k *verifytest.Key) {
				other := *k
				other.Scheme = name + "/2"
				s.Rotate("timestamp", 1, &other)
			}},
			{"other-size", "R-T21.1", "the scheme is of another size than the key", func(s *story, k *verifytest.Key) {
				other := *k
				other.Scheme = map[string]string{"ml-dsa-44": "ml-dsa-65/1", "ml-dsa-65": "ml-dsa-87/1",
					"ml-dsa-87": "ml-dsa-44/1"}[name]
				s.Rotate("timestamp", 1, &other)
			}},
		} {
			tell(lies.name, lies.requirements, lies.why, func(s *story) {
				s.usual()
				k := verifytest.NewKey(scheme, s.seed)
				s.Rotate("timestamp", 1, k)
				s.Publish()
				s.ok()
				lies.do(s, k)
				s.Publish()
				s.refused("timestamp")
				s.last().Versions = map[string]int64{"timestamp": s.Version("timestamp") - 1}
			})
		}
	}
	b.tell("mldsa", "next-to-ed25519", "R-4.2.2.6 R-T21.1",
		"an ML-DSA key next to an ed25519 key that signed, for clients with and without ML-DSA", func(s *story) {
			s.usual()
			s.Rotate("timestamp", 1, verifytest.NewKey("ml-dsa-44/1", s.seed), s.Key("good"))
			s.SignWith("timestamp", s.Key("good"))
			s.Publish()
			s.ok()
			s.orRefuse("the specification does not say what a key that the client cannot use does to a file", "root")
		})
	b.tell("mldsa", "large-root", "R-T21.4", "a root with ten ML-DSA-87 keys, which all signed",
		func(s *story) {
			s.needs(needsMLDSA)
			s.begin(verifytest.Options{})
			var keys []*verifytest.Key
			for i := range 10 {
				keys = append(keys, verifytest.NewKey("ml-dsa-87/1", fmt.Sprint(s.seed, i)))
			}
			s.Rotate("root", 10, keys...)
			s.Publish()
			s.ok()
		})
}
