package main

import (
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

type object = map[string]any

// everyRole are the roles whose files are forged: the top-level ones and a
// delegated one.
var everyRole = []string{"root", "timestamp", "snapshot", "targets", "team"}

// signedBy are the requirements on who signs a role's file.
var signedBy = map[string]string{
	"root": "R-5.3.4a", "timestamp": "R-5.4.2", "snapshot": "R-5.5.3", "targets": "R-5.6.3", "team": "R-5.6.3",
}

// expires are the requirements on when a role's file expires.
var expires = map[string]string{
	"root": "R-5.3.10", "timestamp": "R-5.4.4", "snapshot": "R-5.5.6", "targets": "R-5.6.5", "team": "R-5.6.5",
}

// A forgery makes the next file of a role wrong before it is published, or on
// the mirror afterwards.
type forgery struct {
	name, requirements, why string
	before                  func(s *story, role string)
	after                   func(data []byte) []byte
	choice                  string // why a client may also accept the file, or refuse it if it is good
}

// next publishes a new version of every file, with a forged one among them, for
// a client that has the old ones.
func (s *story) next(role string, f forgery) {
	s.usual()
	s.get("team/app.txt", "team 1")
	s.Role("team").AddTarget("team/app.txt", []byte("team 2"))
	s.Touch("targets")
	s.Touch(role)
	if f.before != nil {
		f.before(s, role)
	}
	s.Publish()
	if f.after != nil {
		name := s.FileName(role)
		s.lie(func(m verifytest.Files) { m[name] = f.after(m[name]) })
	}
}

// refuseNext tells for each role that its forged file is refused, and that
// nothing else is forgotten over it.
func (b *book) refuseNext(topic string, also func(role string) string, forgeries []forgery) {
	for _, f := range forgeries {
		for _, role := range everyRole {
			b.tell(topic, f.name+"-"+role, f.requirements+also(role), f.why+": "+role, func(s *story) {
				s.next(role, f)
				s.refusedAt(role, "team/app.txt")
				if role == "root" && f.name == "expired" {
					s.last().Versions["root"] = 2 // only the last root must not have expired
				}
				if f.choice != "" {
					s.orAccept(f.choice, "team/app.txt", "team 2")
				}
			})
		}
	}
}

// acceptNext tells for each role that its odd file is accepted.
func (b *book) acceptNext(topic string, forgeries []forgery) {
	for _, f := range forgeries {
		for _, role := range everyRole {
			b.tell(topic, f.name+"-"+role, f.requirements, f.why+": "+role, func(s *story) {
				s.next(role, f)
				s.get("team/app.txt", "team 2")
				if f.choice != "" {
					s.orRefuse(f.choice, role)
				}
			})
		}
	}
}

func edit(f func(signed object)) func(*story, string) {
	return func(s *story, role string) { s.Edit(role, f) }
}

func envelope(f func(e object)) func(*story, string) {
	return func(s *story, role string) { s.EditEnvelope(role, f) }
}

func set(name string, value any) func(*story, string) {
	return edit(func(signed object) {
		if value == nil {
			delete(signed, name)
		} else {
			signed[name] = value
		}
	})
}

// keysOf gives a role keys and a threshold.
func (s *story) keysOf(role string, threshold int, keys ...*verifytest.Key) {
	if role == "team" {
		s.Targets().Delegate(verifytest.Delegation{
			Name: "team", Paths: []string{"team/*", "team/inner/*"}, Keys: keys, Threshold: threshold,
		})
		return
	}
	s.Rotate(role, threshold, keys...)
}

// forgedFiles are refused, since the role's keys did not sign them, or signed
// something else.
func (b *book) forgedFiles() {
	b.refuseNext("signatures", func(role string) string { return " " + signedBy[role] }, []forgery{
		{name: "none", why: "no signatures",
			before: envelope(func(e object) { e["signatures"] = []any{} })},
		{name: "stranger", requirements: "R-4.2.5", why: "signed by a key that is not listed",
			before: func(s *story, role string) { s.SignWith(role, s.Key("stranger")) }},
		{name: "other-role", requirements: "R-4.2.5", why: "signed by the key of another role",
			before: func(s *story, role string) {
				other := "timestamp"
				if role == other {
					other = "snapshot"
				}
				s.SignWith(role, s.Key(other))
			}},
		{name: "changed-member", requirements: "R-4.0.1", why: "an unknown member was changed after the file was signed",
			before: func(s *story, role string) {
				s.Edit(role, func(signed object) { signed["x-note"] = "as signed" })
				s.EditEnvelope(role, func(e object) { e["signed"].(object)["x-note"] = "as changed" })
			}},
		{name: "added-member", requirements: "R-4.0.1", why: "an unknown member was added after the file was signed",
			before: envelope(func(e object) { e["signed"].(object)["x-note"] = "added" })},
		{name: "changed-expiry", why: "the time of expiry was changed after the file was signed",
			before: envelope(func(e object) { e["signed"].(object)["expires"] = "2150-01-01T00:00:00Z" })},
		{name: "borrowed-id", why: "the signature of a stranger with the key ID of the role's key",
			before: func(s *story, role string) {
				stranger := *s.Key("stranger")
				stranger.KeyID = s.Keys(role)[0].ID()
				s.SignWith(role, &stranger)
			}},
		{name: "one-of-two", requirements: "R-4.3.7", why: "one signature where two are needed",
			before: func(s *story, role string) {
				s.keysOf(role, 2, s.Key("a"), s.Key("b"))
				s.SignWith(role, append(s.oldRootKey(role), s.Key("a"))...)
			}},
		{name: "repeated", requirements: "R-4.2.3 R-4.3.7", why: "one signature twice where two are needed",
			before: func(s *story, role string) {
				s.keysOf(role, 2, s.Key("a"), s.Key("b"))
				s.SignWith(role, append(s.oldRootKey(role), s.Key("a"), s.Key("a"))...)
			}},
		{name: "one-key-two-ids", requirements: "R-4.3.K3",
			why: "one public key under two key IDs where two keys are needed",
			before: func(s *story, role string) {
				twin := *s.Key("a")
				twin.KeyID = strings.Repeat("ab", 32)
				s.keysOf(role, 2, s.Key("a"), &twin)
				s.SignWith(role, append(s.oldRootKey(role), s.Key("a"), &twin)...)
			}},
		{name: "unreachable", requirements: "R-4.3.7", why: "a threshold of three with two keys",
			before: func(s *story, role string) { s.keysOf(role, 3, s.Key("a"), s.Key("b")) }},
		{name: "duplicate-id", requirements: "R-4.2.3", why: "two good signatures with one key ID, which is not allowed",
			before: func(s *story, role string) {
				s.SignWith(role, s.Keys(role)[0], s.Keys(role)[0])
			}},
	})
	b.refuseNext("content", func(string) string { return "" }, []forgery{
		{name: "other-type", requirements: "R-4.2.2", why: "the type of another role",
			before: func(s *story, role string) {
				other := "snapshot"
				if role == other {
					other = "timestamp"
				}
				s.Edit(role, func(signed object) { signed["_type"] = other })
			}},
		{name: "no-type", requirements: "R-4.2.1 R-4.2.2", why: "no type", before: set("_type", nil)},
		{name: "unknown-type", requirements: "R-4.2.2", why: "a type that is no role's", before: set("_type", "bundle")},
		{name: "spec-2", requirements: "R-4.3.1", why: "a major version of the specification that is not 1",
			before: set("spec_version", "2.0.0")},
		{name: "spec-missing", requirements: "R-4.3.1", why: "no version of the specification",
			before: set("spec_version", nil)},
		{name: "spec-word", requirements: "R-4.3.1", why: "a word as the version of the specification",
			before: set("spec_version", "latest")},
		{name: "version-missing", requirements: "R-4.3.2", why: "no version", before: set("version", nil)},
		{name: "version-text", requirements: "R-4.3.2", why: "the version is a string", before: set("version", "2")},
		{name: "version-fraction", requirements: "R-4.1.2 R-4.3.2", why: "the version has a fraction",
			before: set("version", number("2.5"))},
		{name: "version-negative", requirements: "R-4.3.2", why: "a version below 0", before: set("version", int64(-1))},
		{name: "expires-missing", requirements: "R-4.3.3", why: "no time of expiry", before: set("expires", nil)},
		{name: "expires-word", requirements: "R-4.3.3", why: "a word as the time of expiry, which is not later than now",
			before: set("expires", "never")},
		{name: "expires-empty", requirements: "R-4.3.3", why: "an empty time of expiry", before: set("expires", "")},
		{name: "expires-number", requirements: "R-4.3.3", why: "a number as the time of expiry",
			before: set("expires", int64(4102444800))},
		{name: "expires-no-day", requirements: "R-4.3.3", why: "a day that no calendar has",
			before: set("expires", "2150-13-45T00:00:00Z")},
		{name: "fraction", requirements: "R-4.1.2", why: "a number with a fraction in an unknown member, " +
			"which has no canonical form", before: set("x-note", number("1.5"))},
		{name: "exponent", requirements: "R-4.1.2", why: "a number with an exponent in an unknown member, " +
			"which has no canonical form", before: set("x-note", number("1e3"))},
	})
	b.refuseNext("content", func(role string) string { return " " + expires[role] }, []forgery{
		{name: "expired", requirements: "R-4.3.4", why: "expired in 2020", before: set("expires", "2020-01-01T00:00:00Z")},
	})
}

// oldRootKey is the key of the first root, which must also sign the second.
func (s *story) oldRootKey(role string) []*verifytest.Key {
	if role == "root" {
		return []*verifytest.Key{s.Key("root")}
	}
	return nil
}
