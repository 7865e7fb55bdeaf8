package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

type object = map[string]any

// What a caller in a hurry gets wrong must end in an error or in nothing, never
// in misplaced trust. The numbers are those of the decisions in the project's
// architecture.

// small is a repository with a delegated role and two targets.
func small() *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("top", []byte("hello"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*"}}).AddTarget("a/1", []byte("hello"))
	repo.Publish()
	return repo
}

// client is a session over a repository, with no store.
type client struct {
	*testing.T
	*verifytest.Repo
	session *verify.Session
}

// newClient begins a session on a published repository.
func newClient(t *testing.T, repo *verifytest.Repo) *client {
	t.Helper()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{EnvelopeFormat: repo.EnvelopeFormat()})
	require.NoError(t, err)
	return &client{t, repo, s}
}

// lookup finds a target with the help of the repository.
func (c *client) lookup(path string) (*verify.Target, error) {
	l := c.session.Lookup(path)
	if err := c.session.Run(nil, c.Metadata().Source()); err != nil {
		return nil, err
	}
	return l.Target()
}

func (c *client) mustFind(path string) *verify.Target {
	c.Helper()
	target, err := c.lookup(path)
	require.NoError(c, err)
	return target
}

// next returns the one request that a session has.
func (c *client) next() verify.Request {
	c.Helper()
	b, ok := c.session.Next()
	require.True(c, ok)
	require.Len(c, b.Fetch, 1)
	return b.Fetch[0]
}

// body returns what the repository has for a request.
func (c *client) body(req verify.Request) []byte {
	c.Helper()
	data, err := c.Metadata().Source()(req)
	require.NoError(c, err)
	return data
}

// forward answers requests until one for the given role is open, which it
// returns.
func (c *client) forward(role string) verify.Request {
	c.Helper()
	for {
		req := c.next()
		if req.Role == role {
			return req
		}
		if req.Optional {
			require.NoError(c, c.session.NotFound(req.ID))
		} else {
			require.NoError(c, c.session.Provide(req.ID, c.body(req)))
		}
	}
}

// targetOf returns a target with the given content.
func targetOf(t *testing.T, path string, content []byte, o verifytest.Options) *verify.Target {
	t.Helper()
	repo := verifytest.New(o)
	repo.Targets().AddTarget(path, content)
	repo.Publish()
	return newClient(t, repo).mustFind(path)
}

// inBothForms plays a story with classic files and with DSSE envelopes.
func inBothForms(t *testing.T, name string, story func(t *testing.T, form metadata.EnvelopeFormat)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { story(t, metadata.Classic) })
	t.Run(name+", DSSE", func(t *testing.T) { story(t, metadata.DSSE) })
}

// contentOf returns the content of a file of either form.
func contentOf(t testing.TB, file []byte) (content object) {
	tree, err := verifytest.Decode(file)
	require.NoError(t, err)
	editContent(tree.(object), func(c object) { content = c })
	return content
}

// editContent changes the content of an envelope of either form, which is
// signed already.
func editContent(envelope object, edit func(content object)) {
	if content, ok := envelope["signed"]; ok {
		edit(content.(object))
		return
	}
	payload, err := (&dsse.Envelope{Payload: envelope["payload"].(string)}).DecodeB64Payload()
	if err != nil {
		panic(err)
	}
	content, err := verifytest.Decode(payload)
	if err != nil {
		panic(err)
	}
	edit(content.(object))
	envelope["payload"] = base64.StdEncoding.EncodeToString(verifytest.Encode(content, " "))
}

// payloadOf returns what is signed of a file of any role and form.
func payloadOf(t testing.TB, file []byte) string {
	for _, payload := range []func() ([]byte, error){payloadAs[metadata.Root](file), payloadAs[metadata.Timestamp](file), payloadAs[metadata.Snapshot](file), payloadAs[metadata.Targets](file)} {
		if p, err := payload(); err == nil {
			return string(p)
		}
	}
	t.Fatal("not a metadata file")
	return ""
}

func payloadAs[T metadata.Content](file []byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		env, err := metadata.Parse[T](file, metadata.Options{})
		if err != nil {
			env, err = metadata.Parse[T](file, metadata.Options{EnvelopeFormat: metadata.DSSE})
		}
		if err != nil {
			return nil, err
		}
		return env.Payload(), nil
	}
}

// outcome describes a lookup's answer.
func outcome(l *verify.Lookup) string {
	target, err := l.Target()
	if err != nil {
		return fmt.Sprintf("%s: %v; %v", l.Path(), err, l.Trail())
	}
	paths, err := target.URLPaths()
	return fmt.Sprintf("%s: %s %d %v %v %v; %v", l.Path(), target.Role, target.Length, paths, err, target.Expires, l.Trail())
}

// savedVersion returns the version of a saved role: delegated roles have encoded
// names.
func savedVersion(t *testing.T, m verifytest.Store, role string) int64 {
	data := m[role+".json"]
	if data == nil {
		data = m[verify.RecordName(role)]
	}
	if data == nil {
		return 0
	}
	version, err := contentOf(t, data)["version"].(json.Number).Int64()
	require.NoError(t, err, role)
	return version
}

var errDisk = errors.New("no space left on device")

// failingStore takes so many records and no more.
type failingStore struct{ left int }

func (s *failingStore) Load(string) ([]byte, error) { return nil, fs.ErrNotExist }

func (s *failingStore) Save(verify.Record) error {
	if s.left == 0 {
		return errDisk
	}
	s.left--
	return nil
}

type storeFunc func(string) ([]byte, error)

func (f storeFunc) Load(name string) ([]byte, error) { return f(name) }

func (f storeFunc) Save(verify.Record) error { return nil }

// loader is a store that only loads.
type loader func(name string) ([]byte, error)

func (f loader) Load(name string) ([]byte, error) { return f(name) }

func (f loader) Save(verify.Record) error { return nil }

type countingStore struct {
	verifytest.Store
	saves *int
}

func (s countingStore) Save(rec verify.Record) error {
	*s.saves++
	return s.Store.Save(rec)
}

type recorder struct {
	verifytest.Store
	records map[string]verify.Record
}

func (r recorder) Save(rec verify.Record) error {
	r.records[rec.StoreName] = rec
	return r.Store.Save(rec)
}
