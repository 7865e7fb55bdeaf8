package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// The random repository of FuzzSession. What an input in testdata/fuzz means
// depends on every choice that is made here, and on their order: an input that
// once found something has a test of its own, which does not.

// choices come from the fuzzer's data; after its end they are all zero.
type choices struct{ data []byte }

// n chooses a number from 0 to n-1.
func (d *choices) n(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	c := d.data[0]
	d.data = d.data[1:]
	return int(c) % n
}

// world is a repository that changes, and a client with a store.
type world struct {
	*testing.T
	*choices
	repo      *verifytest.Repo
	root      []byte // the initial trusted root
	options   verify.Options
	epochs    []verifytest.Files // the states of the repository, the newest last
	signed    map[string]bool    // the payload of every file that was published
	snapshots map[int64]bool     // the versions of the published snapshots
	next      int64              // the version of the next one
	keys      map[int64][2]string
	store     verifytest.Store
	rootAt    int64 // the newest root when the store was last written to
}

// key returns a key of a scheme that remembers results: the same files are
// verified many times here.
func (w *world) key(name string) *verifytest.Key {
	k := *w.repo.Key(name)
	k.KeyType, k.Scheme = remembered.KeyType, remembered.Scheme
	return &k
}

func (w *world) keysNamed(name string) []*verifytest.Key { return []*verifytest.Key{w.key(name)} }

var remembered = roles.Scheme{KeyType: "remembered", Scheme: "remembered"}

// rememberResults returns options for keys of that scheme.
func rememberResults() verify.Options {
	results := map[string]bool{}
	newVerifier := func(k metadata.Key) (roles.SignatureVerifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		return verifyFunc(func(message, sig []byte) error {
			sum := sha256.Sum256(message)
			id := string(public) + string(sig) + string(sum[:])
			good, ok := results[id]
			if !ok {
				good = ed25519.Verify(public, message, sig)
				results[id] = good
			}
			if !good {
				return errors.New("wrong signature")
			}
			return nil
		}), public, err
	}
	return verify.Options{Policy: roles.Policy{
		Schemes: map[roles.Scheme]roles.VerifierFunc{remembered: newVerifier},
	}}
}

func newWorld(t *testing.T, d *choices) *world {
	w := &world{
		T:         t,
		choices:   d,
		options:   rememberResults(),
		signed:    map[string]bool{},
		snapshots: map[int64]bool{},
		keys:      map[int64][2]string{},
		store:     verifytest.Store{},
	}
	w.options.Lookahead = []int{0, 0, 1, 64}[d.n(4)]
	formats := []metadata.EnvelopeFormat{metadata.Classic, metadata.Classic, metadata.DSSE}
	w.options.EnvelopeFormat = formats[d.n(3)]
	w.repo = verifytest.New(verifytest.Options{
		NoConsistentSnapshot: d.n(4) == 1,
		MetaHashes:           d.n(2) == 1,
		Compact:              true,
		EnvelopeFormat:       w.options.EnvelopeFormat,
	})
	for _, role := range topLevel {
		w.repo.Rotate(role, 1, w.key(role))
	}
	w.repo.Publish()
	w.root = w.repo.Metadata()["2.root.json"]
	w.delegate()
	w.publish()
	return w
}

// delegate gives the repository a diamond with different keys, a role that
// delegates back to its delegator, and hash bins.
func (w *world) delegate() {
	x := w.repo.Targets()
	x.AddTarget("top", []byte("0"))
	a := x.Delegate(verifytest.Delegation{
		Name: "a", Paths: []string{"a/*", "ab/*"}, Keys: w.keysNamed("a"), Terminating: w.n(3) == 1,
	})
	b := x.Delegate(verifytest.Delegation{
		Name: "b", Paths: []string{"b/*", "ab/*"}, Keys: w.keysNamed("b"), Terminating: w.n(3) == 1,
	})
	shared := delegate(a, "shared", "*/1", w.key("shared-a"))
	delegate(b, "shared", "*/1", w.key("shared-b"))
	delegate(shared, "a", "*/1", w.key("a"))
	shared.AddTarget("ab/1", []byte("1"))
	if w.n(2) == 1 {
		w.repo.SignWith("shared", w.key("shared-b"))
	}
	b.AddTarget("b/2", []byte("2"))
	bins := delegate(x, "bins", "c/*", w.key("bins"))
	if w.n(2) == 1 {
		bins.DelegateSuccinct("bin", 1, w.key("bin"))
	} else {
		bins.DelegateBins("bin", 2, w.key("bin"))
	}
	bins.AddToBin("c/3", []byte("3"))
}

var worldPaths = []string{"top", "ab/1", "a/1", "b/1", "b/2", "c/3", "c/4", "nowhere"}

func (w *world) publish() {
	if w.snapshots[w.next] {
		w.snapshotAt(w.next)
	}
	w.repo.Publish()
	w.note()
	w.next = w.repo.Version("snapshot") + 1
}

// snapshotAt sets the next version of the snapshot, forwards or backwards. If a
// snapshot of that version was signed already, it takes the first version after
// it that was not: where one version has two contents, a client may rightly get
// different answers with and without a cache (script two-snapshots).
func (w *world) snapshotAt(version int64) {
	for w.snapshots[version] {
		version++
	}
	w.next = version
	w.repo.SetVersion("snapshot", version)
}

// note remembers what is published now.
func (w *world) note() {
	keyID := func(role string) string { return w.repo.Keys(role)[0].ID() }
	w.keys[w.repo.Version("root")] = [2]string{keyID("timestamp"), keyID("snapshot")}
	w.snapshots[w.repo.Version("snapshot")] = true
	now := w.repo.Metadata().Clone()
	for name, file := range now {
		if len(w.epochs) == 0 || !bytes.Equal(file, w.epochs[len(w.epochs)-1][name]) {
			w.signed[payloadOf(w.T, file)] = true
		}
	}
	w.epochs = append(w.epochs, now)
}

// change changes the repository.
func (w *world) change() {
	for range 1 + w.n(3) {
		switch w.n(8) {
		case 0:
			w.repo.Targets().AddTarget("top", []byte{byte(w.n(256))})
		case 1:
			w.repo.Role("shared").AddTarget("ab/1", []byte{byte(w.n(256))})
		case 2:
			w.repo.Rotate("timestamp", 1, w.key(fmt.Sprint("timestamp", w.n(3))))
		case 3:
			w.repo.Rotate("snapshot", 1, w.key(fmt.Sprint("snapshot", w.n(3))))
		case 4:
			w.repo.Rotate("root", 1, w.key(fmt.Sprint("root", w.n(3))))
			w.repo.PublishOnly("root")
			w.note()
		case 5:
			w.repo.SetVersion("timestamp", int64(1+w.n(6)))
		case 6:
			w.snapshotAt(int64(1 + w.n(9)))
		case 7:
			w.repo.Advance(time.Duration(w.n(48)) * time.Hour)
			w.repo.Touch("targets")
		}
	}
	w.publish()
}

// mirror returns the newest state of the repository, or an older one.
func (w *world) mirror() verifytest.Files {
	if w.n(3) == 1 {
		return w.epochs[w.n(len(w.epochs))]
	}
	return w.epochs[len(w.epochs)-1]
}

// session begins one with the files of a store, and looks all paths up.
func (w *world) session(store verifytest.Store) (*verify.Session, []*verify.Lookup) {
	s, err := verify.New(w.root, verify.LoadStored(context.Background(), store), w.repo.Now(), w.options)
	require.NoError(w, err)
	var lookups []*verify.Lookup
	for _, path := range worldPaths {
		lookups = append(lookups, s.Lookup(path))
	}
	return s, lookups
}
