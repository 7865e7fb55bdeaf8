package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The attacks that the specification and the papers name, on every file of an
// update: root, timestamp, snapshot, and targets roles down to depth 3.

// everyRole are the roles whose files a first run of a stage's client fetches
// when the victim is at depth 3 and a new root is out.
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
	c := &client{s.T, s.repo, s.begin(verifytest.Store{})}
	c.session.Lookup("app")
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
	target, err := s.ask(s.begin(verifytest.Store{}), verifytest.Store{})
	require.NoError(t, err)
	for i := range "second" {
		bad := []byte("second")
		bad[i] ^= 1
		require.ErrorIs(t, target.Copy(io.Discard, bytes.NewReader(bad)), roles.ErrHash)
	}
}

// Wrong software (go-tuf#742): the bytes of one target in the place of another,
// of the same length or not, listed by whichever role.
func TestWrongSoftware(t *testing.T) {
	atEachPosition(t, verifytest.Options{Hashes: []string{"sha256", "sha512"}}, func(s *stage) {
		s.role().AddTarget("tool", []byte("tool!!"))
		s.repo.Publish()
		target, err := s.ask(s.begin(verifytest.Store{}), verifytest.Store{})
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

// Extraneous dependencies: only what a role lists can be had, and what it says
// besides is data.
func TestExtraneousDependencies(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *stage) {
		s.role().SetCustom("app", map[string]any{"requires": []any{"evil", "../evil"}, "targets": map[string]any{"evil": map[string]any{}}})
		s.repo.Edit(s.position.role, func(signed object) { signed["x-targets"] = object{"evil": signed["targets"].(object)["app"]} })
		s.repo.Publish()
		session := s.begin(verifytest.Store{})
		for _, path := range []string{"evil", "../evil", "App", "app ", "app/", "/app", "./app", "%61pp"} {
			l := session.Lookup(path)
			require.NoError(s, session.Run(nil, s.source()))
			target, err := l.Target()
			require.ErrorIs(s, err, verify.ErrNoTarget, path)
			require.Nil(s, target)
		}
		target, err := s.ask(session, verifytest.Store{})
		require.NoError(s, err)
		custom, ok := target.Custom()
		require.True(s, ok)
		require.JSONEq(s, `{"requires":["evil","../evil"],"targets":{"evil":{}}}`, string(custom))
	})
}

// Crash/DoS before signature (CVE-2026-23991, G1, G2): see TestEveryPath for
// every value of every file. Here are shapes that broke parsers, at each role,
// unsigned.
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
