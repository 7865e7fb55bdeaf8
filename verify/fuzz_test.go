package verify_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
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

func first(int) int { return 0 }

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
