package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// FuzzSession plays a random history of a repository against a client whose
// mirror is right, wrong, late, stale or silent, and checks after every step
// what must always hold:
//
//   - a rejected body leaves the session as it was, and so does overwriting a
//     body after Provide: a twin that never sees either of them does the same
//     all along;
//   - nothing is saved that the repository did not sign;
//   - floors never fall, except after a rotation of the keys they were signed
//     with (decision 7);
//   - every request settles once;
//   - answers in any order give the same records, and with lookahead the same
//     answers and no fewer records;
//   - a session that is abandoned and resumed from its records ends where an
//     uninterrupted one does.
func FuzzSession(f *testing.F) {
	f.Add([]byte{})
	for i := range byte(24) {
		seed := make([]byte, 160)
		x := uint32(i)*2654435761 + 1
		for j := range seed {
			x = x*1664525 + 1013904223
			seed[j] = byte(x >> 24)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		w := newWorld(t, &dice{data: choices})
		for range 2 + w.n(3) {
			w.history()
			w.cycle()
			w.anyOrder()
			w.abandoned()
		}
	})
}

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

// cycle drives a session and its twin with answers of all kinds, in any order.
func (w *world) cycle() {
	files := w.mirror()
	s, lookups := w.session(w.store)
	twin, twins := w.session(w.store)
	cached := w.n(2) == 1
	w.drive(s, twin, files, cached)
	w.compare(s, lookups, twin, twins)
	require.NoError(w, s.Refresh(w.repo.Now()))
	require.NoError(w, twin.Refresh(w.repo.Now()))
	lookups, twins = append(lookups, s.Lookup("ab/1")), append(twins, twin.Lookup("ab/1"))
	w.drive(s, twin, w.mirror(), cached)
	w.compare(s, lookups, twin, twins)
}

func (w *world) drive(s, twin *verify.Session, files verifytest.Files, cached bool) {
	var settled []verify.RequestID
	for steps := 0; steps < 400; steps++ {
		b, _ := s.Next()
		w.sameBatch(b, twin)
		for _, rec := range b.Save {
			w.save(rec)
		}
		open := s.Outstanding()
		require.Equal(w, open, twin.Outstanding())
		if len(open) == 0 {
			return
		}
		for _, id := range settled {
			require.ErrorIs(w, s.Provide(id, nil), verify.ErrRequest)
		}
		req := open[w.n(len(open))]
		body := w.answer(req, files, cached)
		switch kind := w.n(16); {
		case kind == 1:
			require.NoError(w, s.Fail(req.ID, errDisk))
			require.NoError(w, twin.Fail(req.ID, errDisk))
		case body == nil:
			require.NoError(w, s.NotFound(req.ID))
			require.NoError(w, twin.NotFound(req.ID))
		default:
			w.reject(s, req)
			buffer := bytes.Clone(body)
			err := s.Provide(req.ID, buffer)
			for i := range buffer {
				buffer[i] ^= 0x55
			}
			if err != nil {
				require.Equal(w, open, s.Outstanding())
				require.NoError(w, s.Fail(req.ID, errDisk))
				require.NoError(w, twin.Fail(req.ID, errDisk))
				break
			}
			require.NoError(w, twin.Provide(req.ID, body))
		}
		settled = append(settled, req.ID)
	}
	w.Fatal("a session without end")
}

// answer is what the store or the mirror has; nil if nothing.
func (w *world) answer(req verify.Request, files verifytest.Files, cached bool) []byte {
	if data, err := w.store.Load(req.StoreName); err == nil && cached && req.StoreName != "" {
		return data
	}
	data, err := files.Source()(req)
	if err != nil {
		return nil
	}
	return data
}

// reject offers bodies that are likely to be wrong. One that is right after
// all, an old or unneeded one, is not offered.
func (w *world) reject(s *verify.Session, req verify.Request) {
	if req.Ahead && (req.Role == "root" || req.Role == "timestamp") {
		return // it would be kept, and told of later
	}
	for range w.n(3) {
		files := w.epochs[w.n(len(w.epochs))]
		names := slices.Sorted(maps.Keys(files))
		body := bytes.Clone(files[names[w.n(len(names))]])
		switch w.n(4) {
		case 0:
			body = body[:w.n(256)%len(body)]
		case 1, 2:
			body[w.n(256)*len(body)/256] ^= 1 << w.n(8)
		case 3:
			if strings.HasSuffix(req.Path, req.Role+".json") {
				body = []byte("null")
			}
		}
		before := s.Outstanding()
		if w.wouldTake(req, body) {
			continue
		}
		require.Error(w, s.Provide(req.ID, body))
		require.Equal(w, before, s.Outstanding())
		_, more := s.Next()
		require.False(w, more)
	}
}

// wouldTake says whether a body may be right for the request: the repository
// signed it for that role.
func (w *world) wouldTake(req verify.Request, body []byte) bool {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) || !bytes.Contains(body, []byte("signatures")) {
		return false
	}
	tree, err := verifytest.Decode(body)
	if err != nil {
		return false
	}
	if w.options.EnvelopeFormat == metadata.DSSE {
		text, _ := tree.(map[string]any)["payload"].(string)
		payload, err := (&dsse.Envelope{Payload: text}).DecodeB64Payload()
		return err == nil && w.signed[string(dsse.PAE(metadata.PayloadType, payload))]
	}
	signed, err := verifytest.Canonical(tree.(map[string]any)["signed"])
	return err == nil && w.signed[string(signed)]
}

// sameBatch checks that the twin hands out the same.
func (w *world) sameBatch(b verify.Batch, twin *verify.Session) {
	o, _ := twin.Next()
	require.Equal(w, b.Save, o.Save)
	require.Equal(w, b.Fetch, o.Fetch)
	require.Equal(w, fmt.Sprint(b.Rejected), fmt.Sprint(o.Rejected))
	require.Len(w, o.Done, len(b.Done))
	for i := range b.Done {
		require.Equal(w, outcome(b.Done[i]), outcome(o.Done[i]))
	}
}

func (w *world) compare(s *verify.Session, lookups []*verify.Lookup, twin *verify.Session, twins []*verify.Lookup) {
	require.Equal(w, fmt.Sprint(s.Err()), fmt.Sprint(twin.Err()))
	require.Equal(w, fmt.Sprint(s.Warnings()), fmt.Sprint(twin.Warnings()))
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		require.Equal(w, s.Version(role), twin.Version(role))
	}
	for i := range lookups {
		require.Equal(w, outcome(lookups[i]), outcome(twins[i]))
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

// save stores a record, if it may be.
func (w *world) save(rec verify.Record) {
	require.True(w, w.signed[payloadOf(w.T, rec.Data)], "%s was never signed", rec.StoreName)
	require.Equal(w, rec.Version, savedVersion(w.T, verifytest.Store{"x.json": rec.Data}, "x"))
	if rec.Role == "root" {
		if rec.StoreName == "root.json" {
			require.GreaterOrEqual(w, rec.Version, savedVersion(w.T, w.store, "root"))
			if w.rootAt == 0 {
				w.rootAt = rec.Version
			}
		}
	}
	final := savedVersion(w.T, w.store, "root")
	same := func(i int) bool { return w.keys[w.rootAt][i] == w.keys[final][i] }
	switch rec.StoreName {
	case "timestamp.json":
		if same(0) && w.store[rec.StoreName] != nil {
			require.GreaterOrEqual(w, rec.Version, savedVersion(w.T, w.store, "timestamp"), "the timestamp went back")
		}
		w.rootAt = final
	case "snapshot.json":
		if same(1) && w.store[rec.StoreName] != nil && w.snapshotRoot() == w.keys[final][1] {
			old, new := versionsIn(w.T, w.store[rec.StoreName]), versionsIn(w.T, rec.Data)
			for name, v := range old {
				require.GreaterOrEqual(w, new[name], v, "%s went back", name)
			}
		}
	}
	require.NoError(w, w.store.Save(rec))
}

// snapshotRoot returns the ID of the key that the stored snapshot names as its
// signer.
func (w *world) snapshotRoot() string {
	tree, err := verifytest.Decode(w.store["snapshot.json"])
	require.NoError(w, err)
	return tree.(map[string]any)["signatures"].([]any)[0].(map[string]any)["keyid"].(string)
}

// versionsIn returns what a snapshot lists.
func versionsIn(t *testing.T, file []byte) map[string]int64 {
	list := map[string]int64{}
	for name, info := range contentOf(t, file)["meta"].(map[string]any) {
		v, err := info.(map[string]any)["version"].(interface{ Int64() (int64, error) }).Int64()
		require.NoError(t, err)
		list[name] = v
	}
	return list
}

// run drives a session to its end with right answers, each time choosing the
// request to answer by pick, and returns its records. After so many answers it
// is abandoned; -1: never.
func (w *world) run(s *verify.Session, store verifytest.Store, files verifytest.Files, pick func(n int) int, answers int) (records []string) {
	for ; ; answers-- {
		b, _ := s.Next()
		for _, rec := range b.Save {
			require.NoError(w, store.Save(rec))
			records = append(records, fmt.Sprintf("%s %d %s", rec.StoreName, rec.Version, rec.Data))
		}
		open := s.Outstanding()
		if len(open) == 0 || answers == 0 {
			slices.Sort(records)
			return slices.Compact(records) // a set: one file may come for two edges at a time
		}
		req := open[pick(len(open))]
		data, err := files.Source()(req)
		if err == nil {
			err = s.Provide(req.ID, data)
		} else {
			require.NoError(w, s.NotFound(req.ID))
			continue
		}
		if err != nil {
			require.NoError(w, s.Fail(req.ID, err))
		}
	}
}

func first(int) int  { return 0 }
func last(n int) int { return n - 1 }

// anyOrder gives the same answers in several orders.
func (w *world) anyOrder() {
	files := w.mirror()
	var want []string
	var outcomes string
	defer func(n int) { w.options.Lookahead = n }(w.options.Lookahead)
	for i, pick := range []func(int) int{first, last, w.n, first, last, w.n} {
		w.options.Lookahead = []int{0, 0, 0, 64, 64, 1}[i]
		s, lookups := w.session(w.store)
		got := w.run(s, maps.Clone(w.store), files, pick, -1)
		text := fmt.Sprint(s.Err())
		for _, l := range lookups {
			text += "\n" + outcome(l)
		}
		if i == 0 {
			want, outcomes = got, text
			continue
		}
		if w.options.Lookahead == 0 {
			require.Equal(w, want, got)
		}
		require.Subset(w, got, want)
		require.Equal(w, outcomes, text)
	}
}

// abandoned gives a session up somewhere in the middle.
func (w *world) abandoned() {
	files := w.mirror()
	finish := func(store verifytest.Store) string {
		s, lookups := w.session(store)
		err := s.Run(store, files.Source())
		text := fmt.Sprint(err)
		for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
			text += fmt.Sprint(" ", s.Version(role))
		}
		for _, l := range lookups {
			text += "\n" + outcome(l)
		}
		return text
	}
	want := finish(maps.Clone(w.store))
	store := maps.Clone(w.store)
	s, _ := w.session(store)
	w.run(s, store, files, w.n, 1+w.n(12))
	require.Equal(w, want, finish(store))
}
