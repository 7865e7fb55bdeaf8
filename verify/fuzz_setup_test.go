package verify_test

import (
	"bytes"
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

// dice takes its throws from the fuzzer's data; all zeros behind its end.
type dice struct{ data []byte }

func (d *dice) n(sides int) int {
	if len(d.data) == 0 {
		return 0
	}
	c := d.data[0]
	d.data = d.data[1:]
	return int(c) % sides
}

// world is a repository with a past, and a client with a store.
type world struct {
	*testing.T
	*dice
	repo      *verifytest.Repo
	anchor    []byte
	options   verify.Options
	epochs    []verifytest.Files // what a mirror served, the newest last
	signed    map[string]bool    // the payload of every file that was published
	snapshots map[int64]bool     // the versions of them
	next      int64              // the one that comes next
	keys      map[int64][2]string
	store     verifytest.Store
	rootAt    int64 // the newest root when the store was last written to
}

// key returns a key of a scheme that remembers its verdicts: the same files are
// verified again and again here, and it is not the signatures that are fuzzed.
func (w *world) key(name string) *verifytest.Key {
	k := *w.repo.Key(name)
	k.KeyType, k.Scheme = remembered.KeyType, remembered.Scheme
	return &k
}

func (w *world) keysNamed(name string) []*verifytest.Key { return []*verifytest.Key{w.key(name)} }

var remembered = roles.Scheme{KeyType: "remembered", Scheme: "remembered"}

type rememberingVerifier struct {
	public   ed25519.PublicKey
	verdicts map[string]bool
}

func (v rememberingVerifier) Verify(message, sig []byte) error {
	sum := sha256.Sum256(message)
	id := string(v.public) + string(sig) + string(sum[:])
	good, ok := v.verdicts[id]
	if !ok {
		good = ed25519.Verify(v.public, message, sig)
		v.verdicts[id] = good
	}
	if !good {
		return errors.New("wrong signature")
	}
	return nil
}

func rememberVerdicts() verify.Options {
	verdicts := map[string]bool{}
	return verify.Options{Policy: roles.Policy{Schemes: map[roles.Scheme]roles.NewVerifier{remembered: func(k metadata.Key) (roles.Verifier, []byte, error) {
		public, err := hex.DecodeString(k.Public)
		return rememberingVerifier{public, verdicts}, public, err
	}}}}
}

func newWorld(t *testing.T, d *dice) *world {
	w := &world{
		T: t, dice: d, options: rememberVerdicts(),
		signed: map[string]bool{}, snapshots: map[int64]bool{}, keys: map[int64][2]string{}, store: verifytest.Store{},
	}
	w.options.Lookahead = []int{0, 0, 1, 64}[d.n(4)]
	w.options.EnvelopeFormat = []metadata.EnvelopeFormat{metadata.Classic, metadata.Classic, metadata.DSSE}[d.n(3)]
	w.repo = verifytest.New(verifytest.Options{NoConsistentSnapshot: d.n(4) == 1, MetaHashes: d.n(2) == 1, Compact: true, EnvelopeFormat: w.options.EnvelopeFormat})
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		w.repo.Rotate(role, 1, w.key(role))
	}
	w.repo.Publish()
	w.anchor = w.repo.Metadata()["2.root.json"]
	x := w.repo.Targets()
	x.AddTarget("top", []byte("0"))
	a := x.Delegate(verifytest.Delegation{Name: "a", Paths: []string{"a/*", "ab/*"}, Keys: w.keysNamed("a"), Terminating: d.n(3) == 1})
	b := x.Delegate(verifytest.Delegation{Name: "b", Paths: []string{"b/*", "ab/*"}, Keys: w.keysNamed("b"), Terminating: d.n(3) == 1})
	// A diamond with different keys, and a cycle.
	shared := a.Delegate(verifytest.Delegation{Name: "shared", Paths: []string{"*/1"}, Keys: w.keysNamed("shared-a")})
	b.Delegate(verifytest.Delegation{Name: "shared", Paths: []string{"*/1"}, Keys: w.keysNamed("shared-b")})
	shared.Delegate(verifytest.Delegation{Name: "a", Paths: []string{"*/1"}, Keys: w.keysNamed("a")})
	shared.AddTarget("ab/1", []byte("1"))
	if d.n(2) == 1 {
		w.repo.SignWith("shared", w.key("shared-b"))
	}
	b.AddTarget("b/2", []byte("2"))
	if bins := x.Delegate(verifytest.Delegation{Name: "bins", Paths: []string{"c/*"}, Keys: w.keysNamed("bins")}); d.n(2) == 1 {
		bins.DelegateSuccinct("bin", 1, w.key("bin"))
		bins.AddToBin("c/3", []byte("3"))
	} else {
		bins.DelegateBins("bin", 2, w.key("bin"))
		bins.AddToBin("c/3", []byte("3"))
	}
	w.publish()
	return w
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

// snapshotAt lets the snapshot go on from a version, back or forth, or from the
// first after it that was never signed: a repository that gives one version two
// contents cannot expect the same answers with and without a cache.
func (w *world) snapshotAt(version int64) {
	for w.snapshots[version] {
		version++
	}
	w.next = version
	w.repo.SetVersion("snapshot", version)
}

// note remembers what is published now.
func (w *world) note() {
	w.keys[w.repo.Version("root")] = [2]string{w.repo.Keys("timestamp")[0].ID(), w.repo.Keys("snapshot")[0].ID()}
	w.snapshots[w.repo.Version("snapshot")] = true
	now := w.repo.Metadata().Clone()
	for name, file := range now {
		if len(w.epochs) == 0 || !bytes.Equal(file, w.epochs[len(w.epochs)-1][name]) {
			w.signed[payloadOf(w.T, file)] = true
		}
	}
	w.epochs = append(w.epochs, now)
}

// history lets the repository change.
func (w *world) history() {
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

// mirror is the newest epoch, or an older one.
func (w *world) mirror() verifytest.Files {
	if w.n(3) == 1 {
		return w.epochs[w.n(len(w.epochs))]
	}
	return w.epochs[len(w.epochs)-1]
}

// session begins one for the store as it is, with all lookups.
func (w *world) session(store verifytest.Store) (*verify.Session, []*verify.Lookup) {
	s, err := verify.New(w.anchor, verify.LoadStored(store.Load), w.repo.Now(), w.options)
	require.NoError(w, err)
	var lookups []*verify.Lookup
	for _, path := range worldPaths {
		lookups = append(lookups, s.Lookup(path))
	}
	return s, lookups
}
