package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// evil commands a terminal: ESC, a C1 control, a bidi control, a line.
const (
	evil  = "evil\x1b[2J\u009b31m\u202e\nx" // a role and a path
	field = "field\x1b[2J\u009b31m\u202e\n" // anything else
)

// mustBeHarmless fails unless texts can be shown in a terminal. They must have
// what was evil, in another form: otherwise nothing is shown by it.
func mustBeHarmless(t *testing.T, name, want string, texts ...string) {
	t.Helper()
	all := strings.Join(texts, "|")
	for _, r := range all {
		require.True(t, strconv.IsPrint(r), "%s: %q", name, all)
	}
	require.Contains(t, all, want, name)
}

// F15: every text that comes from a file is printable where it enters a
// message: names of roles, paths, key IDs, types and schemes of keys, names and
// digests of hashes, and what makes a file be no TUF.
func TestNothingInAFileControlsTheTerminal(t *testing.T) {
	delegation := func(s object) object { return s["delegations"].(object)["roles"].([]any)[0].(object) }
	listed := func(s object, role string) object { return s["meta"].(object)[role+".json"].(object) }
	custom := roles.Policy{Schemes: map[roles.Scheme]roles.VerifierFunc{
		{KeyType: "own", Scheme: "own"}: func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
			return nil, nil, errors.New("cannot read " + k.Public)
		},
	}}
	for name, attack := range map[string]struct {
		policy roles.Policy
		role   bool // the name of the role is what is evil
		change func(repo *verifytest.Repo, a *verifytest.Role)
	}{
		"an expired role": {role: true, change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.SetLifetime(evil, 0)
		}},
		"a role that is not listed": {role: true, change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("snapshot", func(s object) { delete(s["meta"].(object), evil+".json") })
		}},
		"another version": {role: true, change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit(evil, func(s object) { s["version"] = 9 })
		}},
		"a length": {role: true, change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("snapshot", func(s object) { listed(s, evil)["length"] = 1 })
		}},
		"a length above the limit": {role: true, change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("snapshot", func(s object) { listed(s, evil)["length"] = 9_000_000 })
		}},
		"a rollback of a listed file": {role: true, change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("snapshot", func(s object) { delete(s["meta"].(object), evil+".json") })
			repo.Touch("snapshot")
		}},
		"names of hashes": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("snapshot", func(s object) { listed(s, evil)["hashes"] = object{field: field} })
		}},
		"a digest": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("snapshot", func(s object) { listed(s, evil)["hashes"] = object{"sha256": field} })
		}},
		"key IDs without keys": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("targets", func(s object) { delegation(s)["keyids"] = []any{field} })
		}},
		"a key ID with a wrong signature": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			key := *repo.Key("k")
			key.KeyID = field
			repo.Rotate("timestamp", 1, &key)
			repo.EditEnvelope("timestamp", func(e object) {
				for _, s := range e["signatures"].([]any) {
					s.(object)["sig"] = strings.Repeat("00", 64)
				}
			})
		}},
		"a key ID twice": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("targets", func(s object) { delegation(s)["keyids"] = []any{field, field} })
		}},
		"a type and a scheme": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			key := *repo.Key("k")
			key.KeyType, key.Scheme = field, field
			repo.Rotate("timestamp", 1, &key)
		}},
		"a key that a scheme of the caller refuses": {policy: custom, change: func(
			repo *verifytest.Repo, _ *verifytest.Role,
		) {
			key := *repo.Key("k")
			key.KeyType, key.Scheme, key.Public = "own", "own", field
			repo.Rotate("timestamp", 1, &key)
		}},
		"a strict policy": {policy: roles.Policy{StrictKeyIDs: true}, change: func(
			repo *verifytest.Repo, _ *verifytest.Role,
		) {
			key := *repo.Key("k")
			key.KeyID = field
			repo.Rotate("timestamp", 1, &key)
		}},
		"a type of file": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("timestamp", func(s object) { s["_type"] = field })
		}},
		"a version of the specification": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("timestamp", func(s object) { s["spec_version"] = field })
		}},
		"a time": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("timestamp", func(s object) { s["expires"] = field })
		}},
		"the name of a member": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("snapshot", func(s object) { s["meta"].(object)[field+".json"] = object{"version": "1"} })
		}},
		"a path": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("targets", func(s object) { s["targets"] = object{field: object{"length": "1"}} })
		}},
		"a role twice": {role: true, change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("targets", func(s object) {
				d := s["delegations"].(object)
				d["roles"] = append(d["roles"].([]any), d["roles"].([]any)[0])
			})
		}},
		"a prefix of hashes": {change: func(repo *verifytest.Repo, _ *verifytest.Role) {
			repo.Edit("targets", func(s object) {
				delete(delegation(s), "paths")
				delegation(s)["path_hash_prefixes"] = []any{field}
			})
		}},
		"a digest of a target": {change: func(_ *verifytest.Repo, a *verifytest.Role) {
			a.AddTargetInfo(evil, 0, map[string]string{"sha256": field})
		}},
		"names of a target's hashes": {change: func(_ *verifytest.Repo, a *verifytest.Role) {
			a.AddTargetInfo(evil, 0, map[string]string{field: field})
		}},
		"a target's length": {role: true, change: func(_ *verifytest.Repo, a *verifytest.Role) {
			a.AddTargetInfo(evil, 1, map[string]string{"sha256": strings.Repeat("0", 64)})
		}},
	} {
		repo := verifytest.New(verifytest.Options{})
		a := delegate(repo.Targets(), evil, "*")
		repo.Publish()
		first := newClient(t, repo)
		require.NoError(t, first.update())
		stored := verify.Stored{
			Snapshot: [][]byte{fileOf(repo, "snapshot")}, Timestamp: [][]byte{fileOf(repo, "timestamp")},
		}
		attack.change(repo, a)
		repo.Touch(evil)
		repo.Publish()
		s := newSession(t, repo, stored, verify.Options{Policy: attack.policy})
		want := `evil\x1b`
		if !attack.role {
			want = `field\x1b`
		}
		mustBeHarmless(t, name, want, everyText(t, s, repo.Metadata().Source())...)
	}
}

// everyText returns every text of a session that Run has brought to an end, and
// of its lookup of the evil path.
func everyText(t *testing.T, s *verify.Session, sources ...verify.Source) (texts []string) {
	t.Helper()
	l := s.Lookup(evil)
	_, pending := l.Target()
	err := s.Run(context.Background(), nil, sources...)
	require.Contains(t, pending.Error(), `\x1b`)
	for _, step := range l.Trail() {
		texts = append(texts, step.String())
	}
	for _, warning := range s.Warnings() {
		texts = append(texts, warning.Error())
	}
	target, lookupErr := l.Target()
	texts = append(texts, fmt.Sprint(err), fmt.Sprint(lookupErr), s.ChainEnd().String())
	if target != nil {
		err := target.Copy(&bytes.Buffer{}, strings.NewReader(""))
		require.Error(t, err)
		_, pathErr := target.URLPaths()
		return append(texts, err.Error(), fmt.Sprint(pathErr))
	}
	return texts
}

// F15: what a source, a store or a caller says is printable in the library's
// messages: a server's text, the name of a source, of a file or of a
// repository. That of errors.Join is one line.
func TestNothingFromOutsideControlsTheTerminal(t *testing.T) {
	repo := small()
	says := func(err error) verify.Source {
		return func(_ context.Context, req verify.Request) ([]byte, error) {
			if req.Role == "root" || req.Role == "snapshot" {
				return nil, err
			}
			return repo.Metadata().Source()(context.Background(), req)
		}
	}
	server := errors.Join(errors.New(evil), verify.ErrNotAtSource)
	for name, sources := range map[string][]verify.Source{
		"a source that fails":               {says(errors.New(evil))},
		"one that does not have the file":   {says(server)},
		"one does not have it, one is down": {says(server), says(errors.New(evil))},
		"another client's word": {
			says(fmt.Errorf("%s: %w: %w", evil, verify.ErrNotAtSource, verify.ErrNoTarget))},
	} {
		s := newSession(t, repo, verify.Stored{}, verify.Options{})
		mustBeHarmless(t, name, `evil\x1b`, everyText(t, s, sources...)...)
		for _, source := range append(sourcesIn(s.ChainEnd().Err), sourcesIn(s.Err())...) {
			mustBeHarmless(t, name, `evil\x1b`, source.Error())
		}
	}

	// Calls of a driver, with names of its own.
	s := newSession(t, repo, verify.Stored{}, verify.Options{Repository: evil})
	b, _ := s.Next()
	mustBeHarmless(t, "an ID", `evil\x1b`, b.Fetch[0].ID.String(), s.Fail(verify.RequestID{Repository: evil}, nil).Error())
	require.NoError(t, s.NotFound(b.Fetch[0].ID, &verify.SourceError{Name: evil, Err: server}))
	mustBeHarmless(t, "the name of a source", `evil\x1b`, s.ChainEnd().String())
	b, _ = s.Next()
	require.NoError(t, s.Fail(b.Fetch[0].ID, &verify.SourceError{Name: evil, Err: errors.New(evil)}))
	mustBeHarmless(t, "a cause", `evil\x1b`, s.Err().Error())

	// A store.
	broken := loadFunc(func(string) ([]byte, error) { return nil, errors.New(evil) })
	for _, warning := range resume(t, repo, broken).Warnings() {
		mustBeHarmless(t, "a store that cannot be read", `evil\x1b`, warning.Error())
	}
	s = newSession(t, repo, verify.Stored{}, verify.Options{})
	s.Abandon(errors.New(evil))
	mustBeHarmless(t, "a store that cannot be written", `evil\x1b`, s.Err().Error())

	// Bodies that are no TUF at all, in both formats.
	for _, format := range []metadata.EnvelopeFormat{metadata.Classic, metadata.DSSE} {
		repo := verifytest.New(verifytest.Options{EnvelopeFormat: format})
		for _, body := range []string{
			`{"` + strings.ReplaceAll(evil, "\n", "") + `": 1, "` + strings.ReplaceAll(evil, "\n", "") + `": 2}`,
			`{"\u001b": 1, "\u001b": 2}`,
			`{"payload": "e30=", "payloadType": "\u001b\u202e", "signatures": []}`,
			"{\x1b}",
		} {
			c := newClient(t, repo)
			err := c.session.Provide(c.forward("timestamp").ID, []byte(body))
			require.Error(t, err)
			for _, r := range err.Error() {
				require.True(t, strconv.IsPrint(r), "%q", err.Error())
			}
		}
	}
}
