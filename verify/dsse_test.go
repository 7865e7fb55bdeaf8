package verify_test

import (
	"encoding/base64"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// twins are one repository in both forms: the same keys, contents and versions.
func twins() (classic, dsse *verifytest.Repo) {
	build := func(form metadata.EnvelopeFormat) *verifytest.Repo {
		repo := verifytest.New(verifytest.Options{EnvelopeFormat: form})
		repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}}).AddTarget("a/1", []byte("hello"))
		repo.PublishOnly("root")
		repo.Publish()
		return repo
	}
	return build(metadata.Classic), build(metadata.DSSE)
}

// R-T17.5 (T17-1): a session takes files of the form that it was told, from the
// anchor on, and the other form in no place, whoever signed it.
func TestOneFormInASession(t *testing.T) {
	classic, dsse := twins()
	for _, c := range []struct {
		right, wrong *verifytest.Repo
	}{{classic, dsse}, {dsse, classic}} {
		options := verify.Options{EnvelopeFormat: c.right.EnvelopeFormat()}
		_, err := verify.New(c.wrong.TrustedRoot(), verify.Stored{}, c.right.Now(), options)
		require.ErrorIs(t, err, metadata.ErrSyntax)
		require.ErrorContains(t, err, "trust anchor: ")
		for _, role := range []string{"root", "timestamp", "snapshot", "targets", "a"} {
			s, err := verify.New(c.right.TrustedRoot(), verify.Stored{}, c.right.Now(), options)
			require.NoError(t, err)
			l := s.Lookup("a/1")
			store := verifytest.Store{}
			failure := s.Run(store, func(r verify.Request) ([]byte, error) {
				if r.Role == role {
					return c.wrong.Metadata().Source()(r)
				}
				return c.right.Metadata().Source()(r)
			})
			_, err = l.Target()
			require.ErrorIs(t, err, metadata.ErrSyntax, role)
			require.NotContains(t, store, verify.RecordName(role))
			if role != "a" {
				require.ErrorIs(t, failure, metadata.ErrSyntax, role)
			}
			require.NoError(t, s.Refresh(c.right.Now()))
			l = s.Lookup("a/1")
			require.NoError(t, s.Run(store, c.right.Metadata().Source()), "and nothing is spoilt")
			target, err := l.Target()
			require.NoError(t, err)
			require.Equal(t, "a", target.Role)
		}
	}
	_, err := verify.New(classic.TrustedRoot(), verify.Stored{}, classic.Now(), verify.Options{EnvelopeFormat: 2})
	require.ErrorContains(t, err, "there is no envelope format number 2")
}

// R-T17.5: what is stored is read in the session's form too: a floor holds, and
// one of the other form is reported, as a damaged one is.
func TestFloorsHaveTheFormOfTheSession(t *testing.T) {
	classic, dsse := twins()
	for _, c := range []struct {
		right, wrong *verifytest.Repo
	}{{classic, dsse}, {dsse, classic}} {
		run := func(store verifytest.Store, source verify.Source) (*verify.Session, error) {
			s, err := verify.New(c.right.TrustedRoot(), verify.LoadStored(store.Load), c.right.Now(), verify.Options{EnvelopeFormat: c.right.EnvelopeFormat()})
			require.NoError(t, err)
			return s, s.Run(store, source)
		}
		old := c.right.Metadata().Clone()
		c.right.Touch("targets")
		c.right.Publish()
		c.right.PublishOnly("timestamp")
		store := verifytest.Store{}
		s, err := run(store, c.right.Metadata().Source())
		require.NoError(t, err)
		require.Empty(t, s.Warnings())
		s, err = run(store, old.Source())
		require.ErrorIs(t, err, roles.ErrRollback)
		require.Empty(t, s.Warnings())

		other := verifytest.Store{"root.json": c.wrong.Metadata()["2.root.json"], "timestamp.json": c.wrong.Metadata()["timestamp.json"], "snapshot.json": c.wrong.Metadata()[c.wrong.FileName("snapshot")]}
		s, err = run(other, c.right.Metadata().Source())
		require.NoError(t, err)
		require.Len(t, s.Warnings(), 3)
		for _, warning := range s.Warnings() {
			require.ErrorIs(t, warning, verify.ErrStoredFile)
			require.ErrorIs(t, warning, metadata.ErrSyntax)
		}
		require.Equal(t, store["root.json"], other["root.json"], "what is saved from then on is of the right form")

		// Another process that keeps the same store is compared with in this
		// form too.
		require.False(t, s.Keep(verify.Record{Role: "timestamp", StoreName: "timestamp.json", Version: s.Version("timestamp") - 1}, verify.LoadStored(store.Load)))
		require.True(t, s.Keep(verify.Record{Role: "timestamp", StoreName: "timestamp.json", Version: 1}, verify.Stored{Timestamp: c.wrong.Metadata()["timestamp.json"]}))
	}
}

// T17-2, T17-3, T17-5: what the right keys signed elsewhere is not taken:
// another type of payload, an envelope in an envelope, the classic form.
func TestDSSEForgeries(t *testing.T) {
	for name, c := range map[string]struct {
		forge func(s *stage, envelope object)
		want  error
	}{
		"another type, signed as such": {func(s *stage, e object) {
			e["payloadType"] = "application/vnd.in-toto+json"
			resign(s, e)
		}, metadata.ErrSyntax},
		"signed as another type, and named as this one": {func(s *stage, e object) {
			e["payloadType"] = "application/vnd.in-toto+json"
			resign(s, e)
			e["payloadType"] = metadata.PayloadType
		}, roles.ErrThreshold},
		"an envelope in an envelope": {func(s *stage, e object) {
			inner := object{"payload": e["payload"], "payloadType": e["payloadType"], "signatures": e["signatures"]}
			e["payload"] = base64.StdEncoding.EncodeToString(verifytest.Encode(inner, ""))
			resign(s, e)
		}, metadata.ErrSyntax},
		"a classic file in an envelope": {func(s *stage, e object) {
			inner := verifytest.Sign(contentOf(s, verifytest.Encode(e, "")), s.key())
			e["payload"] = base64.StdEncoding.EncodeToString(verifytest.Encode(inner, ""))
			resign(s, e)
		}, metadata.ErrSyntax},
		"the signature of a classic file": {func(s *stage, e object) {
			content := contentOf(s, verifytest.Encode(e, ""))
			canonical, err := verifytest.Canonical(content)
			require.NoError(s, err)
			e["payload"] = base64.StdEncoding.EncodeToString(canonical)
			e["signatures"] = []any{object{"keyid": s.key().ID(), "sig": base64.StdEncoding.EncodeToString(s.key().Sign(canonical))}}
		}, roles.ErrThreshold},
		"the signature in hexadecimal": {func(s *stage, e object) {
			e["signatures"] = verifytest.Sign(contentOf(s, verifytest.Encode(e, "")), s.key())["signatures"]
		}, roles.ErrThreshold},
		"both forms in one file": {func(s *stage, e object) {
			e["signed"] = contentOf(s, verifytest.Encode(e, ""))
		}, metadata.ErrSyntax},
		"a duplicate in the payload": {func(s *stage, e object) {
			text, err := base64.StdEncoding.DecodeString(e["payload"].(string))
			require.NoError(s, err)
			e["payload"] = base64.StdEncoding.EncodeToString([]byte(`{"version":9,` + string(text[1:])))
			resign(s, e)
		}, metadata.ErrSyntax},
		"base64 with a line break": {func(s *stage, e object) {
			text := e["payload"].(string)
			e["payload"] = text[:76] + "\n" + text[76:]
		}, metadata.ErrSyntax},
	} {
		for _, p := range positions {
			t.Run(name+", "+p.name, func(t *testing.T) {
				s := newStage(t, verifytest.Options{EnvelopeFormat: metadata.DSSE}, p)
				s.meet()
				s.role().AddTarget("app", []byte("forged"))
				s.repo.EditEnvelope(s.position.role, func(e object) { c.forge(s, e) })
				s.repo.Publish()
				s.mustRefuse(c.want, false)
			})
		}
	}
}

// resign has the victim's key sign an envelope as it is.
func resign(s *stage, e object) {
	payload, err := base64.StdEncoding.DecodeString(e["payload"].(string))
	require.NoError(s, err)
	sig := s.key().Sign(dsse.PAE(e["payloadType"].(string), payload))
	e["signatures"] = []any{object{"keyid": s.key().ID(), "sig": base64.StdEncoding.EncodeToString(sig)}}
}
