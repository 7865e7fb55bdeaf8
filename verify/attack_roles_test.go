package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// attack is an attack on the victim of a setup, whose clients have met it.
type attack struct {
	id           string // as in docs/attacks.md, and what it is
	options      verifytest.Options
	do           func(s *setup)
	want         error // nil: it looks like an attack, and must be accepted
	needsHistory bool  // a first run cannot detect it
}

// attacksOnRoles are the same for every targets role, top-level or delegated
// (uptane-standard#36).
var attacksOnRoles = []attack{
	// Who signs.
	{id: "Key compromise: one stolen key of two", do: func(s *setup) {
		s.delegate(2, s.keys("a", "b"), s.keys("a", "stranger")...)
	}, want: roles.ErrThreshold},
	{id: "Key compromise: two stolen keys of five, where three must sign", do: func(s *setup) {
		s.delegate(3, s.keys("a", "b", "c", "d", "e"), s.keys("e", "b", "stranger", "thief")...)
	}, want: roles.ErrThreshold},
	{id: "Key compromise: a key that was replaced", do: func(s *setup) {
		s.delegate(1, s.keys("new"), s.key())
	}, want: roles.ErrThreshold},
	{id: "K1, CVE-2020-6174, GHSA-pwqf-9h7j-7mv8, CVE-2020-15093, GHSA-5q2r-92f9-4m49, CVE-2026-6966: " +
		"one signature three times, where three must sign", do: func(s *setup) {
		s.delegate(3, s.keys("a", "b", "c"), s.keys("a", "a", "a")...)
	}, want: metadata.ErrSyntax},
	{id: "K2: one key ID listed twice, where two must sign", do: func(s *setup) {
		id := s.key().ID()
		s.editSigners(func(entry, _ object) { entry["keyids"], entry["threshold"] = []any{id, id}, int64(2) })
		s.repo.Touch(s.position.role)
		s.repo.Publish()
	}, want: metadata.ErrSyntax},
	{id: "K3, GHSA-3633-5h82-39pq, CVE-2026-6966: one key under two IDs, where two must sign", do: func(s *setup) {
		a, alias := s.repo.Key("a"), *s.repo.Key("a")
		alias.KeyID = "alias"
		s.delegate(2, []*verifytest.Key{a, &alias})
	}, want: roles.ErrThreshold},
	{id: "K3, php-tuf#174: one key under two IDs that its keyid_hash_algorithms explain", do: func(s *setup) {
		a, twin := *s.repo.Key("a"), *s.repo.Key("a")
		a.Extra = object{"keyid_hash_algorithms": []any{"sha256", "sha512"}}
		twin.Extra = object{"keyid_hash_algorithms": []any{"sha512", "sha256"}}
		s.delegate(2, []*verifytest.Key{&a, &twin})
	}, want: roles.ErrThreshold},
	{id: "K3, go-tuf#733: one ecdsa key under both spellings of its type", options: verifytest.Options{
		Scheme: "ecdsa-sha2-nistp256",
	}, do: func(s *setup) {
		a, twin := s.repo.Key("a"), *s.repo.Key("a")
		twin.KeyType = "ecdsa-sha2-nistp256"
		s.delegate(2, []*verifytest.Key{a, &twin})
	}, want: roles.ErrThreshold},
	{id: "K3: one RSA key under two schemes, where two must sign", do: func(s *setup) {
		s.delegate(2, []*verifytest.Key{
			verifytest.NewKey("rsassa-pss-sha256", "a"), verifytest.NewKey("rsa-pkcs1v15-sha512", "a"),
		})
	}, want: roles.ErrThreshold},
	{id: "K13: four spellings of a key for which anyone can sign, where four must sign", do: func(s *setup) {
		s.delegate(4, []*verifytest.Key{
			verifytest.NewWeakKey(0), verifytest.NewWeakKey(1), verifytest.NewWeakKey(2), verifytest.NewWeakKey(3),
		})
	}, want: roles.ErrThreshold},
	{id: "K5: another file gives the victim's key ID to a key of its own", do: func(s *setup) {
		thief := *s.repo.Key("thief")
		thief.KeyID = s.key().ID()
		delegateEverything(s.repo.Role("fallback"), "theirs", &thief)
		s.repo.SignWith(s.position.role, &thief)
		s.repo.Publish()
	}, want: roles.ErrThreshold},
	{id: "K6: signed by every role but the victim", do: func(s *setup) {
		var others []*verifytest.Key
		for _, role := range append(slices.Clone(everyRole), "fallback") {
			if role != s.position.role {
				others = append(others, s.repo.Keys(role)...)
			}
		}
		s.repo.SignWith(s.position.role, others...)
		s.repo.Publish()
	}, want: roles.ErrThreshold},
	{id: "K7: a threshold above the number of keys", do: func(s *setup) {
		s.delegate(3, s.keys("a", "b"))
	}, want: roles.ErrThreshold},
	{id: "K8: a key of an unknown type, and no other", do: func(s *setup) {
		future := *s.repo.Key("future")
		future.KeyType, future.Scheme = "ml-dsa", "ml-dsa-65"
		s.delegate(1, []*verifytest.Key{&future})
	}, want: roles.ErrThreshold},
	{id: "K8, G9: unknown and broken keys next to a good one", do: func(s *setup) {
		future, short := *s.repo.Key("future"), *s.repo.Key("short")
		future.KeyType, future.Scheme = "ml-dsa", "ml-dsa-65"
		short.Public = short.Public[:62]
		s.editSigners(func(entry, _ object) { entry["keyids"] = append(entry["keyids"].([]any), "no such key") })
		s.delegate(1, []*verifytest.Key{&future, &short, s.repo.Key("a")})
	}},
	{id: "G8, K11: empty and odd signatures next to a good one", do: func(s *setup) {
		s.delegate(1, s.keys("a", "b"), s.repo.Key("a"))
		s.repo.EditEnvelope(s.position.role, func(e object) {
			odd := []any{
				object{"keyid": s.repo.Key("b").ID(), "sig": ""}, object{"keyid": "x", "sig": "no hex"},
			}
			e["signatures"] = append(odd, e["signatures"].([]any)...)
		})
		s.repo.Publish()
	}},
	{id: "K10, CVE-2020-6173: 100,000 junk signatures", do: func(s *setup) {
		s.options.Limits.MaxTargetsBytes = 1 << 30 // so that it is not the length
		s.repo.EditEnvelope(s.position.role, func(e object) {
			var junk []any
			for i := range 100_000 {
				junk = append(junk, object{"keyid": fmt.Sprint(i), "sig": "00"})
			}
			e["signatures"] = append(junk, e["signatures"].([]any)...)
		})
		s.repo.Publish()
	}, want: metadata.ErrSyntax},
	{id: "CVE-2015-9258: signatures name a method of their own", do: func(s *setup) {
		s.repo.SignWith(s.position.role, s.repo.Key("stranger"))
		s.repo.EditEnvelope(s.position.role, func(e object) {
			sig := e["signatures"].([]any)[0].(object)
			sig["keyid"] = s.key().ID()
			sig["method"], sig["scheme"] = "none", "ed25519"
			sig["keyval"] = object{"public": s.repo.Key("stranger").Public}
		})
		s.repo.Publish()
	}, want: roles.ErrThreshold},
	{id: "rust-tuf#275, Arbitrary install: no signature at all", do: func(s *setup) {
		s.repo.EditEnvelope(s.position.role, func(e object) { e["signatures"] = []any{} })
		s.repo.Publish()
	}, want: roles.ErrThreshold},
	{id: "rust-tuf#291, rust-tuf#293: unsigned content is not decoded", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["targets"], signed["version"] = nil, "zero" })
		s.repo.SignWith(s.position.role, s.repo.Key("stranger"))
		s.repo.Publish()
	}, want: roles.ErrThreshold},
	{id: "J4, G7: two numbers that are one number as floats", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["x-number"] = json.Number("9007199254740993") })
		s.repo.EditEnvelope(s.position.role, func(e object) {
			editContent(e, func(content object) { content["x-number"] = json.Number("9007199254740992") })
		})
		s.repo.Publish()
	}, want: roles.ErrThreshold},
	{id: "G7, J9: lengths of zero, empty members and large numbers are signed as they are", do: func(s *setup) {
		s.role().AddTarget("empty", nil)
		s.role().SetCustom("empty", object{})
		s.repo.Edit(s.position.role, func(signed object) {
			signed["x-number"] = json.Number("9007199254740993")
			signed["x-null"], signed["x-empty"] = nil, object{}
			signed["expires"] = "2031-01-01T00:00:00.500Z"
		})
		s.repo.Publish()
	}},

	// Which file it is.
	{id: "R12, Mix-and-match: an older version than the snapshot lists", do: func(s *setup) {
		s.mirror = s.repo.Metadata().Clone()
		s.mirror[s.name()] = s.before()
		s.forgetVictim()
	}, want: roles.ErrVersion},
	{id: "R12, Mix-and-match: a newer version than the snapshot lists", do: func(s *setup) {
		name := s.name()
		s.mirror = s.repo.Metadata().Clone()
		s.repo.PublishOnly(s.position.role)
		s.mirror[name] = s.repo.Metadata()[s.name()]
		s.forgetVictim()
	}, want: roles.ErrVersion},
	{id: "R12: another version in the file than in its name", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["version"] = int64(99) })
		s.repo.Publish()
	}, want: roles.ErrVersion},
	{id: "J12, CVE-2026-6967: the right content in other bytes, where hashes are listed", options: verifytest.Options{
		MetaHashes: true,
	}, do: func(s *setup) {
		s.mirror = s.repo.Metadata().Clone()
		s.mirror[s.name()] = []byte(strings.Replace(string(s.mirror[s.name()]), " ", "\t", 1))
		s.forgetVictim()
	}, want: roles.ErrHash},
	{id: "F3, CVE-2026-6967: a byte more than the listed length", do: func(s *setup) {
		s.listLength(0)
		s.mirror = s.repo.Metadata().Clone()
		s.mirror[s.name()] = append(s.mirror[s.name()], ' ')
	}, want: roles.ErrLength},
	{id: "F3, CVE-2026-6967: a byte less than the listed length", do: func(s *setup) {
		s.listLength(1)
	}, want: roles.ErrLength},
	{id: "F4: hashes in the snapshot that no client can check", do: func(s *setup) {
		s.editListed(func(info object) { info["hashes"] = object{"md5": "00", "crc32": "00"} })
		s.repo.Touch(s.position.role)
		s.repo.Publish()
	}, want: roles.ErrHash},
	{id: "G6, Endless data: a signed length of 2^63-1", do: func(s *setup) {
		s.editListed(func(info object) { info["length"] = int64(math.MaxInt64) })
		s.repo.Touch(s.position.role)
		s.repo.Publish()
		s.mirror = s.repo.Metadata().Clone()
		s.mirror[s.name()] = nil // it is not even asked for
	}, want: verify.ErrLimit},
	{id: "CVE-2026-6967, Indefinite freeze: expired", do: func(s *setup) {
		s.repo.SetLifetime(s.position.role, 0)
		s.repo.Publish()
	}, want: roles.ErrExpired},
	{id: "J14: a timestamp, signed by the right key", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["_type"] = "timestamp" })
		s.repo.Publish()
	}, want: metadata.ErrSyntax},
	{id: "G15: version 0", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["version"] = int64(0) })
		s.repo.Publish()
	}, want: metadata.ErrSyntax},
	{id: "G15: another major version of the specification", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["spec_version"] = "99.0" })
		s.repo.Publish()
	}, want: metadata.ErrSyntax},
	{id: "D4: it does not exist, and roles of lower priority have something to offer", do: func(s *setup) {
		s.repo.Touch(s.position.role)
		s.repo.Publish()
		s.mirror = s.repo.Metadata().Clone()
		delete(s.mirror, s.name())
	}, want: verify.ErrNotAtSource},
	{id: "G1, J5: a target that is null", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["targets"].(object)["other"] = nil })
		s.repo.Publish()
	}, want: metadata.ErrSyntax},
	{id: "go-tuf#721, F4: a target without hashes", do: func(s *setup) {
		s.repo.Edit(s.position.role, func(signed object) { signed["targets"].(object)["app"].(object)["hashes"] = object{} })
		s.repo.Publish()
	}, want: metadata.ErrSyntax},

	// What clients have trusted before.
	{id: "R8, CVE-2025-2887, Rollback: the snapshot lists an older version", do: func(s *setup) {
		s.repo.SetVersion(s.position.role, s.repo.Version(s.position.role)-1)
		s.repo.Publish()
	}, want: roles.ErrRollback, needsHistory: true},
	{id: "R9, CVE-2025-2887, Rollback: the same with hashes", options: verifytest.Options{
		MetaHashes: true,
	}, do: func(s *setup) {
		s.repo.SetVersion(s.position.role, s.repo.Version(s.position.role)-1)
		s.repo.Publish()
	}, want: roles.ErrRollback, needsHistory: true},
	{id: "R8, R10, Fast-forward: an older version, after new keys for timestamp and snapshot", do: func(s *setup) {
		s.repo.SetVersion(s.position.role, 1)
		s.repo.Rotate("timestamp", 1, s.repo.Key("new timestamp"))
		s.repo.Rotate("snapshot", 1, s.repo.Key("new snapshot"))
		s.repo.Publish()
	}},
	{id: "R10, R11, Fast-forward: from the highest version back to the first, after new keys for the snapshot",
		do: func(s *setup) {
			s.repo.SetVersion(s.position.role, math.MaxInt64)
			s.repo.Publish()
			s.meet()
			s.repo.SetVersion(s.position.role, 1)
			s.repo.Rotate("snapshot", 1, s.repo.Key("new snapshot"))
			s.repo.Publish()
		}},
}

// forgetVictim has the clients ask for the victim's file again: they have not
// saved it.
func (s *setup) forgetVictim() {
	delete(s.store, s.saved())
	s.session, s.lasting = s.begin(verifytest.Store{}), verifytest.Store{}
	nothing := func(context.Context, verify.Request) ([]byte, error) { return nil, verify.ErrNotAtSource }
	_, err := s.ask(s.session, s.lasting, nothing)
	require.ErrorIs(s, err, verify.ErrNotAtSource)
}

// listLength publishes a new version of the victim, and has the snapshot list
// its length plus so many bytes.
func (s *setup) listLength(more int) {
	s.repo.PublishOnly(s.position.role)
	length := int64(len(s.repo.Metadata()[s.name()]) + more)
	s.editListed(func(info object) { info["length"] = length })
	s.repo.PublishOnly("snapshot", "timestamp")
}

// TestAttacksOnRoles tries each attack on the top-level targets role and on
// delegated ones at depth 1 and 3.
func TestAttacksOnRoles(t *testing.T) {
	for _, a := range attacksOnRoles {
		t.Run(a.id, func(t *testing.T) {
			atEachPosition(t, a.options, func(s *setup) {
				s.meet()
				a.do(s)
				if a.want == nil {
					s.mustAccept()
				} else {
					s.mustRefuse(a.want, a.needsHistory)
				}
			})
		})
	}
}
