package verify_test

import (
	"bytes"
	"context"
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

// everyRole are the roles whose files a first run fetches in a setup with the
// victim at depth 3 and a second root.
var everyRole = append(slices.Clone(topLevel), "one", "two", "three")

// Arbitrary install: a bit is changed in any byte of any file.
func TestArbitrarySoftware(t *testing.T) {
	s := newDeepSetup(t, verifytest.Options{Compact: true})
	for _, role := range everyRole {
		session, req := s.forward(role)
		good, err := s.source()(context.Background(), req)
		require.NoError(t, err)
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			var reject *verify.RejectError
			require.ErrorAs(t, session.Provide(req.ID, bad), &reject, "%s, byte %d", role, i)
		}
		require.NoError(t, session.Provide(req.ID, good), "the right one is still accepted")
	}
	target, err := s.firstRun()
	require.NoError(t, err)
	for i := range "second" {
		bad := []byte("second")
		bad[i] ^= 1
		require.ErrorIs(t, target.Copy(io.Discard, bytes.NewReader(bad)), roles.ErrHash)
	}
}

// Wrong software (go-tuf#742): the bytes of one target in place of another's,
// of the same length or not, whichever role lists it.
func TestWrongSoftware(t *testing.T) {
	o := verifytest.Options{Hashes: []string{"sha256", "sha512"}}
	atEachPosition(t, o, func(s *setup) {
		s.role().AddTarget("tool", []byte("tool!!"))
		s.repo.Publish()
		target, err := s.firstRun()
		require.NoError(s, err)
		paths, err := target.URLPaths()
		require.NoError(s, err)
		var got bytes.Buffer
		require.NoError(s, target.Copy(&got, bytes.NewReader(s.repo.TargetFiles()[paths[0]])))
		require.Equal(s, "second", got.String())
		for content, want := range map[string]error{
			"tool!!":   roles.ErrHash,
			"first":    roles.ErrLength,
			"fallback": roles.ErrLength,
			"":         roles.ErrLength,
		} {
			got.Reset()
			require.ErrorIs(s, target.Copy(&got, strings.NewReader(content)), want, content)
		}
	})
}

// Extraneous dependencies: a client finds what a role lists, and nothing else.
// All other members of its file are data.
func TestExtraneousDependencies(t *testing.T) {
	atEachPosition(t, verifytest.Options{}, func(s *setup) {
		s.role().SetCustom("app", object{
			"requires": []any{"evil", "../evil"}, "targets": object{"evil": object{}},
		})
		s.repo.Edit(s.position.role, func(signed object) {
			signed["x-targets"] = object{"evil": signed["targets"].(object)["app"]}
		})
		s.repo.Publish()
		session := s.begin(verifytest.Store{})
		for _, path := range []string{
			"evil", "../evil", "App", "app ", "app/", "/app", "./app", "%61pp",
		} {
			l := session.Lookup(path)
			require.NoError(s, session.Run(context.Background(), nil, s.source()))
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

// oddContents are contents that broke parsers, and oddSignatures what may stand
// next to them.
var (
	oddContents = []string{
		`{"_type":%q}`,
		`{"_type":%q,"targets":{"a":null}}`,
		`{"_type":%q,"roles":{"root":null},"keys":{"k":null}}`,
		`{"_type":%q,"meta":{"snapshot.json":null}}`,
		`{"_type":%q,"meta":null}`,
		`{"_type":%q,"delegations":{"keys":null,"roles":null}}`,
		`{"_type":%q,"delegations":{"keys":{},"roles":[null]}}`,
		`{"_type":%q,"version":1e999}`,
		`{"_type":%q,"expires":0}`,
		`{"_type":%q,"keys":{"k":{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":""}}},` +
			`"roles":{"root":{"keyids":["k"],"threshold":1}}}`,
	}
	oddSignatures = []string{
		`[]`, `[{"keyid":"","sig":""}]`, `[{"keyid":"k","sig":"00"}]`, `[null]`, `null`, `{}`, `[[]]`,
	}
)

// Crash/DoS before signature (CVE-2026-23991, G1, G2): unsigned files, for each
// role, of shapes that broke parsers. TestEveryPath tries every value of every
// file.
func TestCrashBeforeSignature(t *testing.T) {
	s := newDeepSetup(t, verifytest.Options{})
	for _, role := range everyRole {
		session, req := s.forward(role)
		typ := role
		if !slices.Contains(topLevel, role) {
			typ = "targets"
		}
		for _, signed := range oddContents {
			for _, signatures := range oddSignatures {
				body := fmt.Appendf(nil, `{"signed":`+signed+`,"signatures":`+signatures+`}`, typ)
				err := session.Provide(req.ID, body)
				rejected := errors.Is(err, roles.ErrThreshold) || errors.Is(err, metadata.ErrSyntax)
				require.True(t, rejected, "%s: %v", role, err)
			}
		}
		good, err := s.source()(context.Background(), req)
		require.NoError(t, err)
		require.NoError(t, session.Provide(req.ID, good))
	}
}
