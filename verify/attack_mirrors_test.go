package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Endless data (F1, G6): no file is longer than what was asked for, whether its
// length is signed or not, and no request is for more than the limits.
func TestEndlessData(t *testing.T) {
	for _, hashes := range []bool{false, true} {
		s := newDeepSetup(t, verifytest.Options{MetaHashes: hashes})
		limits := map[string]int64{"root": 5000, "timestamp": 2000, "snapshot": 3000}
		s.options.Limits = verify.Limits{
			MaxRootBytes:      limits["root"],
			MaxTimestampBytes: limits["timestamp"],
			MaxSnapshotBytes:  limits["snapshot"],
			MaxTargetsBytes:   4000,
		}
		for _, role := range everyRole {
			session, req := s.forward(role)
			good, err := s.source()(context.Background(), req)
			require.NoError(t, err)
			limit, ok := limits[role]
			if !ok {
				limit = 4000
			}
			if hashes && role != "root" && role != "timestamp" {
				limit = int64(len(good))
			}
			require.Equal(t, limit, req.MaxBytes, role)
			// White space would do no harm.
			padded := append(good, bytes.Repeat([]byte(" "), int(limit)-len(good)+1)...)
			err = session.Provide(req.ID, padded)
			tooLong := errors.Is(err, verify.ErrLimit) || errors.Is(err, roles.ErrLength)
			require.True(t, tooLong, "%s: %v", role, err)
			require.NoError(t, session.Provide(req.ID, padded[:limit]), role)
		}
	}
}

// wrongBodies are what a broken or malicious server may send in place of a good
// file: other data, and the other files of the repository.
func wrongBodies(files verifytest.Files, good []byte) map[string][]byte {
	backwards := bytes.Clone(good)
	slices.Reverse(backwards)
	list := map[string][]byte{
		"nothing":           {},
		"an error page":     []byte("<html><body>503</body></html>"),
		"null":              []byte("null"),
		"true":              []byte("true"),
		"an array":          []byte("[]"),
		"an object":         []byte("{}"),
		"zeros":             make([]byte, 1000),
		"half":              good[:len(good)/2],
		"all but one byte":  good[:len(good)-1],
		"twice":             append(bytes.Clone(good), good...),
		"a byte order mark": append([]byte("\xef\xbb\xbf"), good...),
		"gzip":              append([]byte("\x1f\x8b\x08\x00"), good...),
		"deep":              bytes.Repeat([]byte(`{"signed":`), 10_000),
		"backwards":         backwards,
		"junk after it":     append(bytes.Clone(good), "{}"...),
	}
	for name, data := range files {
		if !bytes.Equal(data, good) {
			list[name] = data
		}
	}
	return list
}

// Malicious mirrors (F8, J6, J7): whatever one of them sends in place of any
// file, the session stays as it was, and an honest mirror can still answer.
func TestMaliciousMirrors(t *testing.T) {
	for _, o := range []verifytest.Options{{}, {MetaHashes: true}, {NoConsistentSnapshot: true}} {
		s := newDeepSetup(t, o)
		for _, role := range everyRole {
			session, req := s.forward(role)
			good, err := s.source()(context.Background(), req)
			require.NoError(t, err)
			for name, body := range wrongBodies(s.repo.Metadata(), good) {
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
		// By Run, with the malicious mirror first.
		liar := func(context.Context, verify.Request) ([]byte, error) { return []byte("<html>"), nil }
		polite := func(_ context.Context, q verify.Request) ([]byte, error) {
			if q.Optional {
				return nil, verify.ErrNotAtSource
			}
			return liar(context.Background(), q)
		}
		for _, first := range []verify.Source{liar, polite} {
			target, err := s.firstRun(first, s.source())
			require.NoError(t, err)
			require.Equal(t, "three", target.Role)
		}
	}
}

// Cache poisoning (TOB-10, GHSA-9pfj-pjv5-22gj, sigstore-rust#171): whatever
// happens to the saved files, to one of them or to all, a client trusts the
// right files, and replaces the wrong ones.
func TestCachePoisoning(t *testing.T) {
	evil := newDeepSetup(t, verifytest.Options{Seed: "evil"})
	evil.meet()
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		s.repo.PublishOnly("root")
		s.repo.Publish()
		s.meet()
		names := slices.Sorted(maps.Keys(s.store))
		for kind, poison := range map[string]func(name string) []byte{
			"a stranger's file": func(name string) []byte { return evil.store[name] },
			"a flipped bit": func(name string) []byte {
				b := bytes.Clone(s.store[name])
				b[len(b)/2] ^= 1
				return b
			},
			"half":             func(name string) []byte { return s.store[name][:len(s.store[name])/2] },
			"empty":            func(string) []byte { return []byte{} },
			"the trusted root": func(string) []byte { return s.repo.TrustedRoot() },
			"another role's": func(name string) []byte {
				return s.store[names[(slices.Index(names, name)+1)%len(names)]]
			},
		} {
			for _, poisoned := range append(slices.Clone(names), "all") {
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
				delete(store, "1.root.json") // which is saved for the caller, and never read here
				healed := maps.Clone(s.store)
				delete(healed, "1.root.json")
				require.Equal(s, healed, store, "%s: %s: replaced", poisoned, kind)
			}
		}
	})
}

// Slow retrieval (F2): the caller decides how long to wait. A session that is
// dropped after any answer does no harm: the next one begins well with what it
// saved.
func TestSlowRetrieval(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		s.repo.PublishOnly("root")
		s.repo.Publish()
		slow := errors.New("context deadline exceeded")
		for patience := range 12 {
			store, answers := verifytest.Store{}, 0
			session := s.begin(store)
			target, err := s.ask(session, store, func(_ context.Context, q verify.Request) ([]byte, error) {
				if answers++; answers > patience {
					return nil, slow
				}
				return s.source()(context.Background(), q)
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
			session = renew(s, session, s.repo.Now())
			target, err = s.ask(session, store)
			require.NoError(s, err, "the first session can go on, too")
			require.Equal(s, s.position.role, target.Role)
		}
	})
}
