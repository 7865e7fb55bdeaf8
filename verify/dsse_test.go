package verify_test

import (
	"context"
	"encoding/base64"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// inEachFormat runs a test with two repositories that differ in the envelope
// format only: right is in the session's format, wrong is not.
func inEachFormat(t *testing.T, test func(t *testing.T, right, wrong *verifytest.Repo)) {
	build := func(format metadata.EnvelopeFormat) *verifytest.Repo {
		repo := verifytest.New(verifytest.Options{EnvelopeFormat: format})
		delegate(repo.Targets(), "a", "a/*").AddTarget("a/1", []byte("hello"))
		repo.PublishOnly("root")
		repo.Publish()
		return repo
	}
	t.Run("classic", func(t *testing.T) { test(t, build(metadata.Classic), build(metadata.DSSE)) })
	t.Run("DSSE", func(t *testing.T) { test(t, build(metadata.DSSE), build(metadata.Classic)) })
}

// R-T17.5 (T17-1): a session reads files in the envelope format that it was
// told, the initial trusted root included. It rejects a file in the other
// format, no matter who signed it.
func TestOneFormatInASession(t *testing.T) {
	inEachFormat(t, func(t *testing.T, right, wrong *verifytest.Repo) {
		options := verify.Options{EnvelopeFormat: right.EnvelopeFormat()}
		_, err := verify.New(wrong.TrustedRoot(), verify.Stored{}, right.Now(), options)
		require.ErrorIs(t, err, metadata.ErrSyntax)
		require.ErrorContains(t, err, "initial trusted root: ")
		for _, role := range append(topLevel[:4:4], "a") {
			s := newClient(t, right).session
			l := s.Lookup("a/1")
			store := verifytest.Store{}
			failure := s.Run(context.Background(), store, func(_ context.Context, r verify.Request) ([]byte, error) {
				if r.Role == role {
					return wrong.Metadata().Source()(context.Background(), r)
				}
				return right.Metadata().Source()(context.Background(), r)
			})
			_, err = l.Target()
			require.ErrorIs(t, err, metadata.ErrSyntax, role)
			require.NotContains(t, store, verify.StoreName(role))
			if role != "a" {
				require.ErrorIs(t, failure, metadata.ErrSyntax, role)
			}
			s = renew(t, s, right.Now())
			l = s.Lookup("a/1")
			require.NoError(t, s.Run(context.Background(), store, right.Metadata().Source()), "the next update succeeds")
			target, err := l.Target()
			require.NoError(t, err)
			require.Equal(t, "a", target.Role)
		}
	})
	repo := verifytest.New(verifytest.Options{})
	options := verify.Options{EnvelopeFormat: 2}
	_, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), options)
	require.ErrorContains(t, err, "there is no envelope format number 2")
}

// R-T17.5: stored files are read in the session's envelope format too. They
// protect from a rollback; one in the other format is warned of, like a damaged
// one.
func TestStoredFilesHaveTheSessionsFormat(t *testing.T) {
	inEachFormat(t, func(t *testing.T, right, wrong *verifytest.Repo) {
		options := verify.Options{EnvelopeFormat: right.EnvelopeFormat()}
		run := func(store verifytest.Store, source verify.Source) (*verify.Session, error) {
			s := newSession(t, right, verify.LoadStored(context.Background(), store), options)
			return s, s.Run(context.Background(), store, source)
		}
		old := right.Metadata().Clone()
		right.Touch("targets")
		right.Publish()
		right.PublishOnly("timestamp")
		store := verifytest.Store{}
		s, err := run(store, right.Metadata().Source())
		require.NoError(t, err)
		require.Empty(t, s.Warnings())
		s, err = run(store, old.Source())
		require.ErrorIs(t, err, roles.ErrRollback)
		require.Empty(t, s.Warnings())

		other := verifytest.Store{
			"root.json":      fileOf(wrong, "root"),
			"timestamp.json": fileOf(wrong, "timestamp"),
			"snapshot.json":  fileOf(wrong, "snapshot"),
		}
		s, err = run(other, right.Metadata().Source())
		require.NoError(t, err)
		require.Len(t, s.Warnings(), 3)
		for _, warning := range s.Warnings() {
			require.ErrorIs(t, warning, verify.ErrStoredFile)
			require.ErrorIs(t, warning, metadata.ErrSyntax)
		}
		require.Equal(t, store["root.json"], other["root.json"], "now saved in the right format")

		// What another process saved is compared in this format too: its newer
		// timestamp is not written over, and one in the other format is.
		overtake := func(theirs []byte) error {
			shared := verifytest.Store{}
			_, err := run(shared, func(ctx context.Context, req verify.Request) ([]byte, error) {
				if req.Role == "timestamp" {
					shared["timestamp.json"] = theirs
				}
				return old.Source()(ctx, req)
			})
			return err
		}
		require.ErrorIs(t, overtake(fileOf(right, "timestamp")), verify.ErrSuperseded)
		require.NoError(t, overtake(fileOf(wrong, "timestamp")))
	})
}

// dsseForgeries change an envelope that the right key has signed.
var dsseForgeries = map[string]struct {
	do   func(s *setup, envelope object)
	want error
}{
	"another type, signed as such": {func(s *setup, e object) {
		e["payloadType"] = "application/vnd.in-toto+json"
		signAgain(s, e)
	}, metadata.ErrSyntax},
	"signed as another type, and named as this one": {func(s *setup, e object) {
		e["payloadType"] = "application/vnd.in-toto+json"
		signAgain(s, e)
		e["payloadType"] = metadata.PayloadType
	}, roles.ErrThreshold},
	"an envelope in an envelope": {func(s *setup, e object) {
		inner := object{
			"payload": e["payload"], "payloadType": e["payloadType"], "signatures": e["signatures"],
		}
		setPayload(e, verifytest.Encode(inner, ""))
		signAgain(s, e)
	}, metadata.ErrSyntax},
	"a classic file in an envelope": {func(s *setup, e object) {
		inner := verifytest.Sign(contentIn(s, e), s.key())
		setPayload(e, verifytest.Encode(inner, ""))
		signAgain(s, e)
	}, metadata.ErrSyntax},
	"the signature of a classic file": {func(s *setup, e object) {
		canonical, err := verifytest.Canonical(contentIn(s, e))
		require.NoError(s, err)
		setPayload(e, canonical)
		setSignature(s, e, canonical)
	}, roles.ErrThreshold},
	"the signature in hexadecimal": {func(s *setup, e object) {
		e["signatures"] = verifytest.Sign(contentIn(s, e), s.key())["signatures"]
	}, roles.ErrThreshold},
	"both formats in one file": {func(s *setup, e object) {
		e["signed"] = contentIn(s, e)
	}, metadata.ErrSyntax},
	"a duplicate in the payload": {func(s *setup, e object) {
		text, err := base64.StdEncoding.DecodeString(e["payload"].(string))
		require.NoError(s, err)
		setPayload(e, []byte(`{"version":9,`+string(text[1:])))
		signAgain(s, e)
	}, metadata.ErrSyntax},
	"base64 with a line break": {func(s *setup, e object) {
		text := e["payload"].(string)
		e["payload"] = text[:76] + "\n" + text[76:]
	}, metadata.ErrSyntax},
}

func contentIn(s *setup, envelope object) object {
	return contentOf(s, verifytest.Encode(envelope, ""))
}

func setPayload(envelope object, payload []byte) {
	envelope["payload"] = base64.StdEncoding.EncodeToString(payload)
}

// signAgain has the victim's key sign an envelope as it is.
func signAgain(s *setup, envelope object) {
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	require.NoError(s, err)
	setSignature(s, envelope, dsse.PAE(envelope["payloadType"].(string), payload))
}

// setSignature replaces the signatures by one of a message by the victim's key.
func setSignature(s *setup, envelope object, message []byte) {
	sig := base64.StdEncoding.EncodeToString(s.key().Sign(message))
	envelope["signatures"] = []any{object{"keyid": s.key().ID(), "sig": sig}}
}

// T17-2, T17-3, T17-5: what the right keys signed for another purpose is not
// accepted: another type of payload, an envelope in an envelope, the classic
// format.
func TestDSSEForgeries(t *testing.T) {
	for name, c := range dsseForgeries {
		for _, p := range positions {
			t.Run(name+", "+p.name, func(t *testing.T) {
				s := newSetup(t, verifytest.Options{EnvelopeFormat: metadata.DSSE}, p)
				s.meet()
				s.role().AddTarget("app", []byte("forged"))
				s.repo.EditEnvelope(s.position.role, func(e object) { c.do(s, e) })
				s.repo.Publish()
				s.mustRefuse(c.want, false)
			})
		}
	}
}
