package main

import (
	"fmt"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// roots are chains of roots.
func (b *book) roots() {
	for _, n := range []int{1, 2, 5, 20} {
		b.tell("root", fmt.Sprint("chain-of-", n), "R-5.3.3a R-5.3.7 R-5.3.8 R-5.3.9",
			fmt.Sprint(n, " new roots, each signed by the keys of the one before"), func(s *story) {
				s.begin(verifytest.Options{})
				s.chain(n)
				s.Publish()
				s.ok()
			})
	}
	b.tell("root", "later-start", "R-5.3.2 R-5.3.3a", "the trusted root is the third of five", func(s *story) {
		s.begin(verifytest.Options{})
		s.chain(4)
		s.Publish()
		s.trust(s.Metadata()["3.root.json"])
		s.trusted["root"] = 3
		s.ok()
	})
	b.tell("root", "chain-in-two-updates", "R-5.3.2 R-5.3.8",
		"the second update goes on from the root of the first", func(s *story) {
			s.begin(verifytest.Options{})
			s.chain(2)
			s.Publish()
			s.ok()
			s.chain(2)
			s.Publish()
			s.lie(func(m verifytest.Files) { delete(m, "2.root.json") })
			s.ok()
			s.orRefuse("a client may verify the chain from its first root again, and need all roots for that", "root")
		})
	b.tell("root", "gap", "R-5.3.3a R-5.3.9", "the second root is missing, so the third is not asked for",
		func(s *story) {
			s.usual()
			s.chain(2)
			s.Publish()
			s.lie(func(m verifytest.Files) { delete(m, "2.root.json") })
			s.ok()
			s.last().Versions["root"] = 1
		})
	b.badRoots()
	b.rootContents()
}

// chain publishes roots with new root keys.
func (s *story) chain(n int) {
	for range n {
		s.Rotate("root", 1, s.Key(fmt.Sprint("root ", s.Version("root")+1)))
		s.PublishOnly("root")
	}
}

// badRoots are second roots that do not follow the first.
func (b *book) badRoots() {
	for _, f := range []struct {
		name, requirements, why string
		do                      func(s *story)
	}{
		{"only-old-keys", "R-5.3.4a R-5.3.4b", "the second root is signed by the keys of the first alone", func(s *story) {
			s.Rotate("root", 1, s.Key("new"))
			s.SignWith("root", s.Key("root"))
		}},
		{"only-new-keys", "R-5.3.4a R-5.3.4b", "the second root is signed by its own keys alone", func(s *story) {
			s.Rotate("root", 1, s.Key("new"))
			s.SignWith("root", s.Key("new"))
		}},
		{"too-few-new-keys", "R-5.3.4b", "the second root needs two keys, and is signed by one of them", func(s *story) {
			s.Rotate("root", 2, s.Key("new"), s.Key("newer"))
			s.SignWith("root", s.Key("root"), s.Key("new"))
		}},
		{"skipped-version", "R-5.3.5", "the second root has version 3", func(s *story) {
			s.Edit("root", func(signed object) { signed["version"] = int64(3) })
		}},
		{"same-version", "R-5.3.5", "the second root has version 1", func(s *story) {
			s.Edit("root", func(signed object) { signed["version"] = int64(1) })
		}},
	} {
		b.tell("root", f.name, f.requirements, f.why, func(s *story) {
			s.usual()
			s.ok()
			s.Touch("root")
			f.do(s)
			s.Publish()
			s.refused("root")
		})
	}
	b.tell("root", "first-again", "R-5.3.5", "the mirror has the first root in place of the second", func(s *story) {
		s.usual()
		s.chain(1)
		s.Publish()
		s.lie(func(m verifytest.Files) { m["2.root.json"] = m["1.root.json"] })
		s.refused("root")
	})
	b.tell("root", "third-in-place-of-second", "R-5.3.5", "the mirror has the third root in place of the second",
		func(s *story) {
			s.usual()
			s.chain(2)
			s.Publish()
			s.lie(func(m verifytest.Files) { m["2.root.json"] = m["3.root.json"] })
			s.refused("root")
		})
	b.tell("root", "bad-in-the-middle", "R-5.3.7 R-5.3.8",
		"the second root is good and stays, the third is not signed", func(s *story) {
			s.usual()
			s.chain(1)
			s.EditEnvelope("root", func(e object) { e["signatures"] = []any{} })
			s.PublishOnly("root")
			s.refused("root")
			s.ends(2, 0, 0, 0)
		})
	b.tell("root", "recovers", "R-5.0.1 R-5.3.7", "after a bad root, the next update gets the good one", func(s *story) {
		s.usual()
		s.ok()
		s.chain(1)
		s.Publish()
		s.lie(func(m verifytest.Files) { m["2.root.json"] = m["timestamp.json"] })
		s.refused("root")
		s.thaw()
		s.ok()
	})
	const past = "2020-01-01T00:00:00Z"
	b.tell("root", "expired-on-the-way", "R-5.3.6", "the second root has expired, and the third has not",
		func(s *story) {
			s.usual()
			s.Edit("root", func(signed object) { signed["expires"] = past })
			s.chain(1)
			s.Edit("root", nil)
			s.chain(1)
			s.Publish()
			s.ok()
		})
	b.tell("root", "expired-first", "R-5.2.1 R-5.3.6", "the trusted root has expired, and the second has not",
		func(s *story) {
			s.usual()
			s.expireFirstRoot()
			s.chain(1)
			s.Publish()
			s.ok()
		})
	b.tell("root", "expired-first-and-last", "R-5.2.1 R-5.3.10",
		"the trusted root has expired, and there is no other", func(s *story) {
			s.usual()
			s.expireFirstRoot()
			s.refused("timestamp")
		})
	b.tell("root", "unsigned-first", "R-5.2.2", "the trusted root is not signed by its own keys", func(s *story) {
		s.usual()
		s.trust(verifytest.Encode(verifytest.Sign(s.firstRoot(), s.Key("stranger")), " "))
		s.refused("root")
		s.ends()
		s.orAccept("the specification has a client trust its first root for where it came from")
	})
}

// firstRoot is the content of the first root.
func (s *story) firstRoot() object {
	v, err := verifytest.Decode(s.TrustedRoot())
	if err != nil {
		panic(err)
	}
	return v.(object)["signed"].(object)
}

func (s *story) expireFirstRoot() {
	signed := s.firstRoot()
	signed["expires"] = "2020-01-01T00:00:00Z"
	s.trust(verifytest.Encode(verifytest.Sign(signed, s.Key("root")), " "))
}

// rootContents are second roots whose content is unusual or wrong.
func (b *book) rootContents() {
	wrong := func(name, requirements, why string, f func(signed object)) {
		b.tell("root", name, requirements, why, func(s *story) {
			s.usual()
			s.ok()
			s.Edit("root", f)
			s.Publish()
			s.refused("root")
		})
	}
	timestamp := func(signed object) object { return signed["roles"].(object)["timestamp"].(object) }
	for _, role := range topLevel {
		wrong("without-"+role, "R-4.3.6", "a root that does not have the role "+role,
			func(signed object) { delete(signed["roles"].(object), role) })
	}
	wrong("keys-missing", "R-4.2.1", "a root without keys", func(signed object) { delete(signed, "keys") })
	wrong("keys-null", "R-4.2.1", "null in place of a root's keys", func(signed object) { signed["keys"] = nil })
	wrong("key-null", "R-4.2.1", "null in place of each key", func(signed object) {
		for id := range signed["keys"].(object) {
			signed["keys"].(object)[id] = nil
		}
	})
	wrong("role-null", "R-4.2.1", "null in place of a role",
		func(signed object) { signed["roles"].(object)["timestamp"] = nil })
	wrong("threshold-text", "R-4.3.7", "a threshold that is a string",
		func(signed object) { timestamp(signed)["threshold"] = "1" })
	wrong("threshold-fraction", "R-4.1.2 R-4.3.7", "a threshold with a fraction",
		func(signed object) { timestamp(signed)["threshold"] = number("0.5") })
	wrong("threshold-missing", "R-4.3.7", "a role without a threshold",
		func(signed object) { delete(timestamp(signed), "threshold") })
	wrong("keyids-null", "R-4.2.1", "null in place of a role's key IDs",
		func(signed object) { timestamp(signed)["keyids"] = nil })
	wrong("keyids-text", "R-4.2.1", "a string in place of a role's key IDs",
		func(signed object) { timestamp(signed)["keyids"] = "a" })
	wrong("consistent-text", "R-4.3.5", "consistent_snapshot is a string",
		func(signed object) { signed["consistent_snapshot"] = "true" })
	for _, n := range []int64{0, -1} {
		b.tell("root", fmt.Sprint("threshold-", n, "-unsigned"), "R-4.3.7",
			fmt.Sprint("a threshold of ", n, ", and a timestamp without signatures"), func(s *story) {
				s.usual()
				s.ok()
				s.Edit("root", func(signed object) { timestamp(signed)["threshold"] = n })
				s.EditEnvelope("timestamp", func(e object) { e["signatures"] = []any{} })
				s.Publish()
				s.refused("root")
				s.last().Versions = map[string]int64{"timestamp": s.Version("timestamp") - 1}
			})
	}
	b.tell("root", "mirrors-role", "R-4.3.6", "a root with the optional role mirrors", func(s *story) {
		s.usual()
		s.Edit("root", func(signed object) {
			roles := signed["roles"].(object)
			roles["mirrors"] = roles["timestamp"]
		})
		s.Publish()
		s.ok()
	})
	b.tell("root", "unknown-role", "R-4.3.6", "a root with a role that no client knows", func(s *story) {
		s.usual()
		s.Edit("root", func(signed object) {
			roles := signed["roles"].(object)
			roles["auditor"] = roles["timestamp"]
		})
		s.Publish()
		s.ok()
		s.orRefuse("the specification names five roles, and does not say what others do", "root")
	})
	b.tell("root", "consistent-absent", "R-4.3.5 R-4.1.3",
		"consistent_snapshot is optional, and absent means false", func(s *story) {
			s.usualWith(verifytest.Options{NoConsistentSnapshot: true})
			s.Edit("root", func(signed object) { delete(signed, "consistent_snapshot") })
			s.Publish()
			s.get("team/app.txt", "team 1")
		})
	for _, on := range []bool{true, false} {
		b.tell("root", fmt.Sprint("consistent-becomes-", on), "R-5.3.12",
			"the last root decides on the names of files", func(s *story) {
				s.usualWith(verifytest.Options{NoConsistentSnapshot: on})
				s.get("top.txt", "top 1")
				s.SetConsistentSnapshot(on)
				s.Role("team").AddTarget("team/app.txt", []byte("team 2"))
				s.Publish()
				s.get("team/app.txt", "team 2")
			})
	}
}
