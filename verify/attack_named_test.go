package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The attacks that the specification and the papers name, on every file of an update: root, timestamp, snapshot, and targets roles down to depth 3.

// everyRole are the roles whose files a first run of a stage's client fetches when the victim is at depth 3 and a new root is out.
var everyRole = []string{"root", "timestamp", "snapshot", "targets", "one", "two", "three"}

// deep is a stage with the victim at depth 3 and a second root.
func deep(t *testing.T, o verifytest.Options) *stage {
	s := newStage(t, o, positions[2])
	s.repo.PublishOnly("root")
	s.repo.Publish()
	return s
}

// forward takes a first run to the request for a role's file.
func (s *stage) forward(role string) (*verify.Session, verify.Request) {
	s.Helper()
	c := &client{s.T, s.repo, s.begin(memory{})}
	c.session.Find("app")
	for {
		req := c.next()
		if req.Role == role {
			return c.session, req
		}
		if data, err := s.source()(req); err == nil {
			require.NoError(s, c.session.Provide(req.ID, data))
		} else {
			require.NoError(s, c.session.NotFound(req.ID))
		}
	}
}

// Arbitrary install: a bit changed in any byte of any file.
func TestArbitrarySoftware(t *testing.T) {
	s := deep(t, verifytest.Options{Compact: true})
	for _, role := range everyRole {
		session, req := s.forward(role)
		good, err := s.source()(req)
		require.NoError(t, err)
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			var reject *verify.RejectError
			require.ErrorAs(t, session.Provide(req.ID, bad), &reject, "%s, byte %d", role, i)
		}
		require.NoError(t, session.Provide(req.ID, good), "and the right one is still welcome")
	}
	target, err := s.ask(s.begin(memory{}), memory{})
	require.NoError(t, err)
	for i := range "second" {
		bad := []byte("second")
		bad[i] ^= 1
		require.ErrorIs(t, target.Copy(io.Discard, bytes.NewReader(bad)), roles.ErrHash)
	}
}

// Endless data (F1, G6): no file is longer than what was asked for, whether its length is signed or not; and what is asked for is never more than the limits.
func TestEndlessData(t *testing.T) {
	for _, hashes := range []bool{false, true} {
		s := deep(t, verifytest.Options{MetaHashes: hashes})
		s.options.Limits = verify.Limits{Root: 5000, Timestamp: 2000, Snapshot: 3000, Targets: 4000}
		for _, role := range everyRole {
			session, req := s.forward(role)
			limit := map[string]int64{"root": 5000, "timestamp": 2000, "snapshot": 3000}[role]
			if limit == 0 {
				limit = 4000
			}
			good, err := s.source()(req)
			require.NoError(t, err)
			if hashes && role != "root" && role != "timestamp" {
				limit = int64(len(good))
			}
			require.Equal(t, limit, req.MaxBytes, role)
			padded := append(good, bytes.Repeat([]byte(" "), int(limit)-len(good)+1)...) // white space would do no harm
			err = session.Provide(req.ID, padded)
			require.True(t, errors.Is(err, verify.ErrLimit) || errors.Is(err, roles.ErrLength), "%s: %v", role, err)
			require.NoError(t, session.Provide(req.ID, padded[:limit]), role)
		}
	}
}

// Indefinite freeze (G4, R2, CVE-2015-9259, aktualizr#1185): a second before its expiry a file is good, and at that moment it is not any more; which of the files it is makes no difference.
func TestIndefiniteFreeze(t *testing.T) {
	for _, role := range everyRole {
		for _, at := range []time.Duration{-time.Second, 0, time.Second} {
			t.Run(fmt.Sprintf("%s, %v", role, at), func(t *testing.T) {
				s := deep(t, verifytest.Options{})
				for _, other := range everyRole {
					s.repo.SetLifetime(other, 1000*time.Hour)
				}
				s.repo.SetLifetime(role, time.Hour)
				s.repo.PublishOnly("root")
				s.repo.Publish()
				s.meet()
				s.repo.Advance(time.Hour + at)
				if at < 0 {
					s.mustAccept()
					return
				}
				s.mustExpire(role)
			})
		}
	}
}

// mustExpire says that all clients notice that a role's file has expired; and that, once it is published anew, they are content.
func (s *stage) mustExpire(role string) {
	s.Helper()
	clients := s.clients()
	for _, c := range clients {
		_, err := s.ask(c.session, c.store)
		require.ErrorIs(s, err, roles.ErrExpired, c.name)
		var expired *roles.ExpiredError
		require.ErrorAs(s, err, &expired)
		require.Equal(s, role, expired.Role)
	}
	s.repo.SetLifetime(role, 1000*time.Hour)
	s.repo.Publish()
	for _, c := range clients {
		require.NoError(s, c.session.Refresh(s.repo.Now()))
		_, err := s.ask(c.session, c.store)
		require.NoError(s, err, c.name)
	}
}

// Rollback (CVE-2022-29173, R5 to R9, sigstore-java#1061, sigstore-ruby#89, sigstore-rust#198, uptane-standard#268): what remembers the past refuses every older combination of it, and changes nothing that is saved.
func TestRollback(t *testing.T) {
	for _, expired := range []bool{false, true} {
		for _, hashes := range []bool{false, true} {
			repo := verifytest.New(verifytest.Options{MetaHashes: hashes})
			one := repo.Targets().Delegate(verifytest.Delegation{Name: "one", Paths: everything})
			three := one.Delegate(verifytest.Delegation{Name: "two", Paths: everything}).Delegate(verifytest.Delegation{Name: "three", Paths: everything})
			three.AddTarget("app", []byte("x"))
			lowered := []string{"timestamp", "snapshot", "targets", "one", "two", "three"}
			for _, role := range lowered {
				repo.SetVersion(role, 5)
			}
			repo.Publish()
			store := memory{}
			s, err := verify.New(repo.Anchor(), verify.Stored{}, repo.Now(), nil)
			require.NoError(t, err)
			s.Find("app")
			require.NoError(t, s.Run(store, repo.Metadata().Source()))
			if expired {
				repo.Advance(30 * 24 * time.Hour) // timestamp and snapshot, not what they say
			}
			for _, role := range lowered {
				for _, version := range []int64{4, 1} {
					for _, other := range lowered {
						repo.SetVersion(other, 10)
					}
					repo.SetVersion(role, version)
					repo.Publish()
					again := maps.Clone(store)
					s, err := verify.New(repo.Anchor(), verify.LoadStored(again.Load), repo.Now(), nil)
					require.NoError(t, err)
					require.ErrorIs(t, s.Run(again, repo.Metadata().Source()), roles.ErrRollback, "%s version %d, expired %v, hashes %v", role, version, expired, hashes)
					if role == "timestamp" || role == "snapshot" {
						require.Equal(t, store, again, "the timestamp itself is refused: nothing is saved")
					}
					delete(again, "timestamp.json") // good, and newer
					require.Equal(t, store["snapshot.json"], again["snapshot.json"])
					require.Equal(t, store["targets.json"], again["targets.json"])
				}
			}
		}
	}
}

// Wrong software (go-tuf#742): the bytes of one target in the place of another, of the same length or not, listed by whichever role.
func TestWrongSoftware(t *testing.T) {
	atEachPosition(t, verifytest.Options{Hashes: []string{"sha256", "sha512"}}, func(s *stage) {
		s.role().AddTarget("tool", []byte("tool!!"))
		s.repo.Publish()
		target, err := s.ask(s.begin(memory{}), memory{})
		require.NoError(s, err)
		paths, err := target.URLPaths()
		require.NoError(s, err)
		var got bytes.Buffer
		require.NoError(s, target.Copy(&got, bytes.NewReader(s.repo.TargetFiles()[paths[0]])))
		require.Equal(s, "second", got.String())
		for content, want := range map[string]error{"tool!!": roles.ErrHash, "first": roles.ErrLength, "fallback": roles.ErrLength, "": roles.ErrLength} {
			got.Reset()
			require.ErrorIs(s, target.Copy(&got, strings.NewReader(content)), want, content)
		}
	})
}

// Extraneous dependencies: only what a role lists can be had, and what it says besides is data.
func TestExtraneousDependencies(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *stage) {
		s.role().SetCustom("app", map[string]any{"requires": []any{"evil", "../evil"}, "targets": map[string]any{"evil": map[string]any{}}})
		s.repo.Edit(s.position.role, func(signed object) { signed["x-targets"] = object{"evil": signed["targets"].(object)["app"]} })
		s.repo.Publish()
		session := s.begin(memory{})
		for _, path := range []string{"evil", "../evil", "App", "app ", "app/", "/app", "./app", "%61pp"} {
			l := session.Find(path)
			require.NoError(s, session.Run(nil, s.source()))
			target, err := l.Target()
			require.ErrorIs(s, err, verify.ErrNoTarget, path)
			require.Nil(s, target)
		}
		target, err := s.ask(session, memory{})
		require.NoError(s, err)
		custom, ok := target.Custom()
		require.True(s, ok)
		require.JSONEq(s, `{"requires":["evil","../evil"],"targets":{"evil":{}}}`, string(custom))
	})
}

// lies are what a broken or malicious server may send in the place of anything.
func lies(files verifytest.Files, good []byte) map[string][]byte {
	list := map[string][]byte{
		"nothing": {}, "an error page": []byte("<html><body>503</body></html>"), "null": []byte("null"), "true": []byte("true"), "an array": []byte("[]"), "an object": []byte("{}"),
		"zeros": make([]byte, 1000), "half": good[:len(good)/2], "all but one byte": good[:len(good)-1], "twice": append(bytes.Clone(good), good...), "a byte order mark": append([]byte("\xef\xbb\xbf"), good...),
		"gzip": append([]byte("\x1f\x8b\x08\x00"), good...), "deep": bytes.Repeat([]byte(`{"signed":`), 10_000), "backwards": reversed(good), "junk after it": append(bytes.Clone(good), "{}"...),
	}
	for name, data := range files {
		if !bytes.Equal(data, good) {
			list[name] = data
		}
	}
	return list
}

func reversed(data []byte) []byte {
	data = bytes.Clone(data)
	slices.Reverse(data)
	return data
}

// Malicious mirrors (F8, J6, J7): whatever one of them sends in the place of any file, the session is as it was, and an honest one can still answer.
func TestMaliciousMirrors(t *testing.T) {
	for _, o := range []verifytest.Options{{}, {MetaHashes: true}, {Plain: true}} {
		s := deep(t, o)
		for _, role := range everyRole {
			session, req := s.forward(role)
			good, err := s.source()(req)
			require.NoError(t, err)
			for name, body := range lies(s.repo.Metadata(), good) {
				if role == "timestamp" && name == "timestamp.json" {
					continue
				}
				var reject *verify.RejectError
				require.ErrorAs(t, session.Provide(req.ID, body), &reject, "%s: %s", role, name)
			}
			_, more := session.Next()
			require.False(t, more)
			require.Equal(t, []verify.Request{req}, session.Outstanding())
			require.NoError(t, session.Provide(req.ID, good))
		}
		// By Run, with the liar first.
		liar := func(q verify.Request) ([]byte, error) { return []byte("<html>"), nil }
		target, err := s.ask(s.begin(memory{}), memory{}, liar, s.source())
		require.Error(t, err, "the liar's word on the next root is missing")
		require.Nil(t, target)
		polite := func(q verify.Request) ([]byte, error) {
			if q.Optional {
				return nil, verify.ErrAbsent
			}
			return liar(q)
		}
		target, err = s.ask(s.begin(memory{}), memory{}, polite, s.source())
		require.NoError(t, err)
		require.Equal(t, "three", target.Role)
	}
}

// Cache poisoning (TOB-10, GHSA-9pfj-pjv5-22gj, sigstore-rust#171): whatever happens to the saved files, one by one or all of them, what is trusted is right, and the cache is right afterwards.
func TestCachePoisoning(t *testing.T) {
	evil := deep(t, verifytest.Options{Seed: "evil"})
	evil.meet()
	atEachPosition(t, verifytest.Options{}, func(s *stage) {
		s.repo.PublishOnly("root")
		s.repo.Publish()
		s.meet()
		names := slices.Sorted(maps.Keys(s.store))
		for _, poisoned := range append(slices.Clone(names), "all") {
			for kind, poison := range map[string]func(name string) []byte{
				"a stranger's file": func(name string) []byte { return evil.store[name] },
				"a flipped bit":     func(name string) []byte { b := bytes.Clone(s.store[name]); b[len(b)/2] ^= 1; return b },
				"half":              func(name string) []byte { return s.store[name][:len(s.store[name])/2] },
				"empty":             func(string) []byte { return []byte{} },
				"the anchor":        func(string) []byte { return s.repo.Anchor() },
				"another role's":    func(name string) []byte { return s.store[names[(slices.Index(names, name)+1)%len(names)]] },
			} {
				store := maps.Clone(s.store)
				for _, name := range names {
					if poisoned == name || poisoned == "all" {
						store[name] = poison(name)
					}
				}
				target, err := s.ask(s.begin(store), store)
				require.NoError(s, err, "%s: %s", poisoned, kind)
				require.Equal(s, s.position.role, target.Role)
				require.NoError(s, target.Copy(io.Discard, strings.NewReader("second")))
				require.Equal(s, s.store, store, "%s: %s: mended", poisoned, kind)
			}
		}
	})
}

// Slow retrieval (F2): how long to wait is the caller's. A session that is dropped after any answer does no harm: what it had saved is a good beginning for the next one.
func TestSlowRetrieval(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *stage) {
		s.repo.PublishOnly("root")
		s.repo.Publish()
		slow := errors.New("context deadline exceeded")
		for patience := range 12 {
			store, answers := memory{}, 0
			session := s.begin(store)
			target, err := s.ask(session, store, func(q verify.Request) ([]byte, error) {
				if answers++; answers > patience {
					return nil, slow
				}
				return s.source()(q)
			})
			if err == nil {
				require.Greater(s, patience, 3)
				require.Equal(s, s.position.role, target.Role)
			} else {
				require.ErrorIs(s, err, slow)
			}
			next := s.begin(store)
			target, err = s.ask(next, store)
			require.NoError(s, err)
			require.Equal(s, s.position.role, target.Role)
			require.NoError(s, session.Refresh(s.repo.Now()))
			target, err = s.ask(session, store)
			require.NoError(s, err, "nor is it spoilt itself")
			require.Equal(s, s.position.role, target.Role)
		}
	})
}

// Crash/DoS before signature (CVE-2026-23991, G1, G2): see TestEveryPath for every value of every file. Here are shapes that broke parsers, at each role, unsigned.
func TestCrashBeforeSignature(t *testing.T) {
	s := deep(t, verifytest.Options{})
	for _, role := range everyRole {
		session, req := s.forward(role)
		typ := role
		if slices.Contains([]string{"one", "two", "three"}, role) {
			typ = "targets"
		}
		for _, signed := range []string{
			`{"_type":%q}`, `{"_type":%q,"targets":{"a":null}}`, `{"_type":%q,"roles":{"root":null},"keys":{"k":null}}`, `{"_type":%q,"meta":{"snapshot.json":null}}`, `{"_type":%q,"meta":null}`,
			`{"_type":%q,"delegations":{"keys":null,"roles":null}}`, `{"_type":%q,"delegations":{"keys":{},"roles":[null]}}`, `{"_type":%q,"version":1e999}`, `{"_type":%q,"expires":0}`,
			`{"_type":%q,"keys":{"k":{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":""}}},"roles":{"root":{"keyids":["k"],"threshold":1}}}`,
		} {
			for _, signatures := range []string{`[]`, `[{"keyid":"","sig":""}]`, `[{"keyid":"k","sig":"00"}]`, `[null]`, `null`, `{}`, `[[]]`} {
				err := session.Provide(req.ID, fmt.Appendf(nil, `{"signed":`+signed+`,"signatures":`+signatures+`}`, typ))
				require.True(t, errors.Is(err, roles.ErrThreshold) || errors.Is(err, metadata.ErrSyntax), "%s: %v", role, err)
			}
		}
		good, err := s.source()(req)
		require.NoError(t, err)
		require.NoError(t, session.Provide(req.ID, good))
	}
}
