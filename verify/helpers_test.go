package verify_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// topLevel are the top-level roles, in the order of an update.
var topLevel = []string{"root", "timestamp", "snapshot", "targets"}

// object is a JSON object.
type object = map[string]any

// small returns a repository with a delegated role and two targets.
func small() *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("top", []byte("hello"))
	delegate(repo.Targets(), "a", "a/*").AddTarget("a/1", []byte("hello"))
	repo.Publish()
	return repo
}

// delegate has a role delegate paths to another one, by default with a key of
// its own.
func delegate(from *verifytest.Role, name, paths string, keys ...*verifytest.Key) *verifytest.Role {
	return from.Delegate(verifytest.Delegation{Name: name, Paths: []string{paths}, Keys: keys})
}

// fileOf returns the newest file of a role.
func fileOf(repo *verifytest.Repo, role string) []byte { return repo.Metadata()[repo.FileName(role)] }

// newSession begins a session with the repository's first root, at its time.
func newSession(
	t testing.TB, repo *verifytest.Repo, stored verify.Stored, o verify.Options,
) *verify.Session {
	t.Helper()
	s, err := verify.New(repo.TrustedRoot(), stored, repo.Now(), o)
	require.NoError(t, err)
	return s
}

// resume begins a session with what a store has.
func resume(t testing.TB, repo *verifytest.Repo, store verify.Store) *verify.Session {
	t.Helper()
	return newSession(t, repo, verify.LoadStored(context.Background(), store), verify.Options{})
}

// renew begins the next update of a session, without a store.
func renew(t testing.TB, s *verify.Session, now time.Time) *verify.Session {
	t.Helper()
	next, err := s.Renew(verify.Stored{}, now)
	require.NoError(t, err)
	return next
}

// renewErr returns why the next update of a session cannot begin.
func renewErr(s *verify.Session, now time.Time) error {
	_, err := s.Renew(verify.Stored{}, now)
	return err
}

// answer gives a session what a mirror has for a request.
func answer(t testing.TB, s *verify.Session, mirror verifytest.Files, req verify.Request) {
	t.Helper()
	if data, ok := mirror[req.Path]; ok {
		require.NoError(t, s.Provide(req.ID, data), req.Path)
	} else {
		require.NoError(t, s.NotFound(req.ID), req.Path)
	}
}

// client is a session for a repository, without a store.
type client struct {
	*testing.T
	*verifytest.Repo
	session *verify.Session
}

// newClient begins a session for a published repository.
func newClient(t *testing.T, repo *verifytest.Repo) *client {
	t.Helper()
	o := verify.Options{EnvelopeFormat: repo.EnvelopeFormat()}
	return &client{t, repo, newSession(t, repo, verify.Stored{}, o)}
}

// update answers all requests from the repository, and returns what Run does.
func (c *client) update() error {
	return c.session.Run(context.Background(), nil, c.Metadata().Source())
}

// lookup looks a target up, with all files from the repository.
func (c *client) lookup(path string) (*verify.Target, error) {
	l := c.session.Lookup(path)
	if err := c.update(); err != nil {
		return nil, err
	}
	return l.Target()
}

// mustFind is a lookup that must succeed.
func (c *client) mustFind(path string) *verify.Target {
	c.Helper()
	target, err := c.lookup(path)
	require.NoError(c, err)
	return target
}

// next returns the only new request of the session.
func (c *client) next() verify.Request {
	c.Helper()
	b, ok := c.session.Next()
	require.True(c, ok)
	require.Len(c, b.Fetch, 1)
	return b.Fetch[0]
}

// body returns the repository's file for a request.
func (c *client) body(req verify.Request) []byte {
	c.Helper()
	require.Contains(c, c.Metadata(), req.Path)
	return c.Metadata()[req.Path]
}

// provide gives the session the repository's file for a request.
func (c *client) provide(req verify.Request) {
	c.Helper()
	require.NoError(c, c.session.Provide(req.ID, c.body(req)))
}

// forward answers requests from the repository until one for the role is open,
// and returns that one.
func (c *client) forward(role string) verify.Request {
	c.Helper()
	for {
		req := c.next()
		if req.Role == role {
			return req
		}
		answer(c, c.session, c.Metadata(), req)
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

// outcome describes what a lookup found.
func outcome(l *verify.Lookup) string {
	target, err := l.Target()
	if err != nil {
		return fmt.Sprintf("%s: %v; %v", l.Path(), err, l.Trail())
	}
	paths, err := target.URLPaths()
	return fmt.Sprintf("%s: %s %d %v %v %v; %v",
		l.Path(), target.Role, target.Length, paths, err, target.Expires, l.Trail())
}

// inBothFormats runs a test with classic files and with DSSE envelopes.
func inBothFormats(
	t *testing.T, name string, test func(t *testing.T, format metadata.EnvelopeFormat),
) {
	t.Helper()
	t.Run(name, func(t *testing.T) { test(t, metadata.Classic) })
	t.Run(name+", DSSE", func(t *testing.T) { test(t, metadata.DSSE) })
}

// contentOf returns the content of a file in either format.
func contentOf(t testing.TB, file []byte) (content object) {
	tree, err := verifytest.Decode(file)
	require.NoError(t, err)
	editContent(tree.(object), func(c object) { content = c })
	return content
}

// editContent changes the content of an envelope in either format that has been
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

// payloadOf returns what the signatures of a file cover. The file may be of any
// role and in either format.
func payloadOf(t testing.TB, file []byte) string {
	for _, payload := range []func() ([]byte, error){
		payloadAs[metadata.Root](file), payloadAs[metadata.Timestamp](file),
		payloadAs[metadata.Snapshot](file), payloadAs[metadata.Targets](file),
	} {
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

// versionOf returns the version in a file; 0 if there is no file.
func versionOf(t testing.TB, file []byte) int64 {
	t.Helper()
	if file == nil {
		return 0
	}
	version, err := contentOf(t, file)["version"].(json.Number).Int64()
	require.NoError(t, err)
	return version
}

// errDisk is why a store or a network fails in tests.
var errDisk = errors.New("no space left on device")

// failingStore saves so many records and no more.
type failingStore struct{ left int }

func (s *failingStore) Load(_ context.Context, _ string) ([]byte, error) { return nil, fs.ErrNotExist }

func (s *failingStore) Save(_ context.Context, _ verify.Record) error {
	if s.left == 0 {
		return errDisk
	}
	s.left--
	return nil
}

// loadFunc is a store that only loads.
type loadFunc func(name string) ([]byte, error)

func (f loadFunc) Load(_ context.Context, name string) ([]byte, error) { return f(name) }
func (f loadFunc) Save(_ context.Context, _ verify.Record) error       { return nil }

// recorder is a store that remembers the records.
type recorder struct {
	verifytest.Store
	records map[string]verify.Record
}

func newRecorder(store verifytest.Store) recorder {
	return recorder{store, map[string]verify.Record{}}
}

func (r recorder) Save(_ context.Context, rec verify.Record) error {
	r.records[rec.StoreName] = rec
	return r.Store.Save(context.Background(), rec)
}
