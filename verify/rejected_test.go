package verify_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A rejected body leaves everything as it was, for every request and every kind
// of wrong body (docs/decisions.md, "A rejected body changes nothing").
func TestRejectedBodiesChangeNothing(t *testing.T) {
	repo := small()
	other := verifytest.New(verifytest.Options{Seed: "other"})
	c := newClient(t, repo)
	l := c.session.Lookup("a/1")
	for range 6 {
		req := c.next()
		wrong := [][]byte{
			nil, {}, []byte("<html>"), []byte("null"), bytes.Repeat([]byte("["), 1000),
			make([]byte, req.MaxBytes+1), other.TrustedRoot(), repo.TrustedRoot(),
		}
		right, exists := repo.Metadata()[req.Path]
		if exists {
			flipped := bytes.Clone(right)
			flipped[len(flipped)/2] ^= 1
			wrong = append(wrong, flipped, right[:len(right)-1], append(bytes.Clone(right), 'x'))
		}
		for _, file := range repo.Metadata() {
			if !exists || !bytes.Equal(right, file) {
				wrong = append(wrong, file)
			}
		}
		for _, body := range wrong {
			var reject *verify.RejectError
			err := c.session.Provide(req.ID, body)
			require.ErrorAs(t, err, &reject, "%s: %.40q", req.Path, body)
			_, ok := c.session.Next()
			require.False(t, ok)
			require.Equal(t, []verify.Request{req}, c.session.Outstanding())
		}
		answer(t, c.session, repo.Metadata(), req)
		if req.Role == "a" {
			break
		}
	}
	_, _ = c.session.Next()
	_, err := l.Target()
	require.NoError(t, err)
}

// forgery makes the newest file of a role wrong, before it is published.
type forgery struct {
	name string
	do   func(repo *verifytest.Repo, role string)
	want error
}

// forgeries are wrong in the same way for every role (K*, R*, CVE-2026-6967):
// signatures, type, expiry.
var forgeries = []forgery{
	{"unsigned", func(repo *verifytest.Repo, role string) {
		repo.EditEnvelope(role, func(e object) { e["signatures"] = []any{} })
	}, roles.ErrThreshold},
	{"signed by a stranger", func(repo *verifytest.Repo, role string) {
		repo.SignWith(role, repo.Key("stranger"))
	}, roles.ErrThreshold},
	{"signed by the timestamp's key", func(repo *verifytest.Repo, role string) {
		if role == "timestamp" {
			repo.SignWith(role, repo.Key("snapshot"))
		} else {
			repo.SignWith(role, repo.Key("timestamp"))
		}
	}, roles.ErrThreshold},
	{"changed after it was signed", func(repo *verifytest.Repo, role string) {
		repo.EditEnvelope(role, func(e object) {
			editContent(e, func(content object) { content["version"] = int64(7) })
		})
	}, roles.ErrThreshold},
	{"two signatures with one key ID", func(repo *verifytest.Repo, role string) {
		repo.SignWith(role, append(repo.Keys(role), repo.Keys(role)...)...)
	}, metadata.ErrSyntax},
	{"another type", func(repo *verifytest.Repo, role string) {
		repo.Edit(role, func(s object) { s["_type"] = "mirrors" })
	}, metadata.ErrSyntax},
	{"another specification", func(repo *verifytest.Repo, role string) {
		repo.Edit(role, func(s object) { s["spec_version"] = "2.0.0" })
	}, metadata.ErrSyntax},
	{"expired", func(repo *verifytest.Repo, role string) { repo.SetLifetime(role, 0) }, roles.ErrExpired},
	{"no time of expiry", func(repo *verifytest.Repo, role string) {
		repo.Edit(role, func(s object) { s["expires"] = "never" })
	}, metadata.ErrSyntax},
}

// anotherVersion is a forgery of every role whose version is listed.
var anotherVersion = forgery{"another version inside", func(repo *verifytest.Repo, role string) {
	repo.Edit(role, func(s object) { s["version"] = int64(9) })
}, roles.ErrVersion}

//
// R-4.2.3 (CVE-2026-6967): every role's file is rejected for the same
// reasons, and so are delegated ones at any depth.
func TestForgeries(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot", "targets", "one", "three"} {
		for _, f := range append(slices.Clone(forgeries), anotherVersion) {
			if role == "timestamp" && f.want == roles.ErrVersion {
				continue // its version is listed nowhere
			}
			inBothFormats(t, role+", "+f.name, func(t *testing.T, format metadata.EnvelopeFormat) {
				testForgery(t, role, f, format)
			})
		}
	}
}

func testForgery(t *testing.T, role string, f forgery, format metadata.EnvelopeFormat) {
	repo := verifytest.New(verifytest.Options{EnvelopeFormat: format})
	one := delegate(repo.Targets(), "one", "*")
	three := delegate(delegate(one, "two", "*"), "three", "*")
	three.AddTarget("x", []byte("hello"))
	f.do(repo, role)
	repo.Publish()
	c := newClient(t, repo)
	l := c.session.Lookup("x")
	req := c.forward(role)
	err := c.session.Provide(req.ID, c.body(req))
	require.ErrorIs(t, err, f.want)
	require.NoError(t, c.session.Fail(req.ID, err))
	_, _ = c.session.Next()
	target, err := l.Target()
	require.Nil(t, target)
	require.ErrorIs(t, err, f.want)
	if role == "one" || role == "three" {
		require.NoError(t, c.session.Err())
	} else {
		require.ErrorIs(t, c.session.Err(), f.want)
		require.Zero(t, c.session.Version(role), "not even a part of it is accepted")
	}
}

// the length and the hashes of every listed
// file are checked, before anything else.
func TestListedHashes(t *testing.T) {
	for _, role := range []string{"snapshot", "targets", "a"} {
		repo := verifytest.New(verifytest.Options{MetaHashes: true})
		delegate(repo.Targets(), "a", "*").AddTarget("x", []byte("hello"))
		repo.Publish()
		c := newClient(t, repo)
		c.session.Lookup("x")
		req := c.forward(role)
		good := c.body(req)
		respelled := bytes.Replace(good, []byte(" "), []byte("\n"), 1)
		longer := append(bytes.Clone(good), ' ')
		err := c.session.Provide(req.ID, respelled)
		require.ErrorIs(t, err, roles.ErrHash, "the same content, other bytes")
		require.ErrorIs(t, c.session.Provide(req.ID, good[:len(good)-1]), roles.ErrLength)
		require.ErrorIs(t, c.session.Provide(req.ID, longer), roles.ErrLength)
		require.NoError(t, c.session.Provide(req.ID, good))
	}
	for _, hashes := range []object{{}, {"unknown": "00"}} {
		repo := verifytest.New(verifytest.Options{})
		repo.Edit("snapshot", func(s object) {
			s["meta"].(object)["targets.json"].(object)["hashes"] = hashes
		})
		repo.Publish()
		_, err := newClient(t, repo).lookup("x")
		require.ErrorIs(t, err, roles.ErrHash)
		require.ErrorContains(t, err, "no supported algorithm")
	}
}
