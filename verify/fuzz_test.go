package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
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

// FuzzSession changes a repository at random, and has a client update from
// mirrors that are right, wrong, late, old or silent. After every step it
// checks what must always hold:
//
//   - a rejected body leaves the session as it was, and so does overwriting a
//     body after Provide: a second session that sees neither does the same all
//     the time;
//   - no file is saved that the repository did not sign;
//   - the versions of stored files never go back, except after a rotation of
//     the keys that signed them;
//   - every request is done once;
//   - answers in any order give the same records, and with lookahead the same
//     results and no fewer records;
//   - a session that is abandoned, and one that goes on from its records, end
//     where a single session does.
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
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWorld(t, &choices{data: data})
		for range 2 + w.n(3) {
			w.change()
			w.update()
			w.anyOrder()
			w.abandoned()
		}
	})
}

// update gives a session and its twin answers of all kinds, in any order.
func (w *world) update() {
	files := w.mirror()
	s, lookups := w.session(w.store)
	twin, twins := w.session(w.store)
	cached := w.n(2) == 1
	w.drive(s, twin, files, cached)
	w.compare(s, lookups, twin, twins)
	stored := verify.LoadStored(w.Context(), w.store)
	s, err := s.Renew(stored, w.repo.Now())
	require.NoError(w, err)
	twin, err = twin.Renew(stored, w.repo.Now())
	require.NoError(w, err)
	lookups, twins = append(lookups, s.Lookup("ab/1")), append(twins, twin.Lookup("ab/1"))
	w.drive(s, twin, w.mirror(), cached)
	w.compare(s, lookups, twin, twins)
}

func (w *world) drive(s, twin *verify.Session, files verifytest.Files, cached bool) {
	var done []verify.RequestID
	for range 400 {
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
		for _, id := range done {
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
			w.provide(s, twin, req, body)
		}
		done = append(done, req.ID)
	}
	w.Fatal("a session without end")
}

// provide gives a session a body, which is overwritten afterwards, after some
// that are likely to be wrong. The twin gets the body only.
func (w *world) provide(s, twin *verify.Session, req verify.Request, body []byte) {
	w.reject(s, req)
	open := s.Outstanding()
	buffer := bytes.Clone(body)
	err := s.Provide(req.ID, buffer)
	for i := range buffer {
		buffer[i] ^= 0x55
	}
	if err != nil {
		require.Equal(w, open, s.Outstanding())
		require.NoError(w, s.Fail(req.ID, errDisk))
		require.NoError(w, twin.Fail(req.ID, errDisk))
		return
	}
	require.NoError(w, twin.Provide(req.ID, body))
}

// answer returns what the store or the mirror has; nil if nothing.
func (w *world) answer(req verify.Request, files verifytest.Files, cached bool) []byte {
	if data, ok := w.store[req.StoreName]; ok && cached && req.StoreName != "" {
		return data
	}
	return files[req.Path]
}

// reject offers bodies that are likely to be wrong. A body that may be right,
// an old or unneeded one, is not offered.
func (w *world) reject(s *verify.Session, req verify.Request) {
	if req.Ahead && (req.Role == "root" || req.Role == "timestamp") {
		return // it would be accepted, and rejected in its turn
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
		if w.mayBeRight(body) {
			continue
		}
		require.Error(w, s.Provide(req.ID, body))
		require.Equal(w, before, s.Outstanding())
		_, more := s.Next()
		require.False(w, more)
	}
}

// mayBeRight says whether the repository signed a body, for whatever role.
func (w *world) mayBeRight(body []byte) bool {
	isEnvelope := bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) &&
		bytes.Contains(body, []byte("signatures"))
	if !isEnvelope {
		return false
	}
	tree, err := verifytest.Decode(body)
	if err != nil {
		return false
	}
	if w.options.EnvelopeFormat == metadata.DSSE {
		text, _ := tree.(object)["payload"].(string)
		payload, err := (&dsse.Envelope{Payload: text}).DecodeB64Payload()
		return err == nil && w.signed[string(dsse.PAE(metadata.PayloadType, payload))]
	}
	signed, err := verifytest.Canonical(tree.(object)["signed"])
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

func (w *world) compare(
	s *verify.Session, lookups []*verify.Lookup, twin *verify.Session, twins []*verify.Lookup,
) {
	require.Equal(w, fmt.Sprint(s.Err()), fmt.Sprint(twin.Err()))
	require.Equal(w, fmt.Sprint(s.Warnings()), fmt.Sprint(twin.Warnings()))
	for _, role := range topLevel {
		require.Equal(w, s.Version(role), twin.Version(role))
	}
	for i := range lookups {
		require.Equal(w, outcome(lookups[i]), outcome(twins[i]))
	}
}

// save stores a record, and checks that it may be stored.
func (w *world) save(rec verify.Record) {
	require.True(w, w.signed[payloadOf(w.T, rec.Data)], "%s was never signed", rec.StoreName)
	require.Equal(w, rec.Version, versionOf(w.T, rec.Data))
	if rec.StoreName == "root.json" {
		require.GreaterOrEqual(w, rec.Version, versionOf(w.T, w.store["root.json"]))
		if w.rootAt == 0 {
			w.rootAt = rec.Version
		}
	}
	final := versionOf(w.T, w.store["root.json"])
	same := func(i int) bool { return w.keys[w.rootAt][i] == w.keys[final][i] }
	stored := w.store[rec.StoreName]
	switch rec.StoreName {
	case "timestamp.json":
		if same(0) {
			require.GreaterOrEqual(w, rec.Version, versionOf(w.T, stored), "a rollback of the timestamp")
		}
		w.rootAt = final
	case "snapshot.json":
		if same(1) && stored != nil && signerOf(w.T, stored) == w.keys[final][1] {
			newer := versionsIn(w.T, rec.Data)
			for name, v := range versionsIn(w.T, stored) {
				require.GreaterOrEqual(w, newer[name], v, "a rollback of %s", name)
			}
		}
	}
	require.NoError(w, w.store.Save(context.Background(), rec))
}

// signerOf returns the key ID of a file's first signature.
func signerOf(t *testing.T, file []byte) string {
	tree, err := verifytest.Decode(file)
	require.NoError(t, err)
	return tree.(object)["signatures"].([]any)[0].(object)["keyid"].(string)
}

// versionsIn returns the versions that a snapshot lists.
func versionsIn(t *testing.T, file []byte) map[string]int64 {
	list := map[string]int64{}
	for name, info := range contentOf(t, file)["meta"].(object) {
		v, err := info.(object)["version"].(json.Number).Int64()
		require.NoError(t, err)
		list[name] = v
	}
	return list
}

// run drives a session to its end with right answers. Of the open requests,
// pick says which to answer. After so many answers the session is abandoned;
// -1: never. It returns the records, sorted and each one once: a file may come
// for two delegations.
func (w *world) run(
	s *verify.Session, store verifytest.Store, files verifytest.Files, pick func(n int) int, answers int,
) (records []string) {
	for ; ; answers-- {
		b, _ := s.Next()
		for _, rec := range b.Save {
			require.NoError(w, store.Save(context.Background(), rec))
			records = append(records, fmt.Sprintf("%s %d %s", rec.StoreName, rec.Version, rec.Data))
		}
		open := s.Outstanding()
		if len(open) == 0 || answers == 0 {
			slices.Sort(records)
			return slices.Compact(records)
		}
		req := open[pick(len(open))]
		data, ok := files[req.Path]
		if !ok {
			require.NoError(w, s.NotFound(req.ID))
		} else if err := s.Provide(req.ID, data); err != nil {
			require.NoError(w, s.Fail(req.ID, err))
		}
	}
}

func first(int) int  { return 0 }
func last(n int) int { return n - 1 }

// results describes the end of an update.
func results(err error, lookups []*verify.Lookup) string {
	text := fmt.Sprint(err)
	for _, l := range lookups {
		text += "\n" + outcome(l)
	}
	return text
}

// anyOrder gives the same answers in several orders.
func (w *world) anyOrder() {
	files := w.mirror()
	var records []string
	var want string
	defer func(n int) { w.options.Lookahead = n }(w.options.Lookahead)
	for i, pick := range []func(int) int{first, last, w.n, first, last, w.n} {
		w.options.Lookahead = []int{0, 0, 0, 64, 64, 1}[i]
		s, lookups := w.session(w.store)
		got := w.run(s, maps.Clone(w.store), files, pick, -1)
		if i == 0 {
			records, want = got, results(s.Err(), lookups)
			continue
		}
		if w.options.Lookahead == 0 {
			require.Equal(w, records, got)
		}
		require.Subset(w, got, records)
		require.Equal(w, want, results(s.Err(), lookups))
	}
}

// abandoned abandons a session somewhere in the middle.
func (w *world) abandoned() {
	files := w.mirror()
	finish := func(store verifytest.Store) string {
		s, lookups := w.session(store)
		text := results(s.Run(context.Background(), store, files.Source()), lookups)
		for _, role := range topLevel {
			text += fmt.Sprint(" ", s.Version(role))
		}
		return text
	}
	want := finish(maps.Clone(w.store))
	store := maps.Clone(w.store)
	s, _ := w.session(store)
	w.run(s, store, files, w.n, 1+w.n(12))
	require.Equal(w, want, finish(store))
}
