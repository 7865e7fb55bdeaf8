package verify_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var recordDir = flag.String("record", "", "a folder to record sessions in, for hosts in other languages to play again")

// lineRecorder writes what is done with sessions, and what came of it, a line
// of JSON each. The bodies are in lines of their own before, by hash.
type lineRecorder struct {
	file     *os.File
	encoder  *json.Encoder
	written  map[string]bool
	sessions int
}

// newLineRecorder returns nil, which records nothing, unless a folder is given.
func newLineRecorder(name string) *lineRecorder {
	if *recordDir == "" {
		return nil
	}
	file, err := os.Create(filepath.Join(*recordDir, name+".jsonl"))
	if err != nil {
		panic(err)
	}
	e := json.NewEncoder(file)
	e.SetEscapeHTML(false)
	return &lineRecorder{file: file, encoder: e, written: map[string]bool{}}
}

func (r *lineRecorder) line(line object) {
	if err := r.encoder.Encode(line); err != nil {
		panic(err)
	}
}

func (r *lineRecorder) close() {
	if r != nil {
		if err := r.file.Close(); err != nil {
			panic(err)
		}
	}
}

func (r *lineRecorder) blob(data []byte) string {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	if !r.written[name] {
		r.written[name] = true
		r.line(object{"blob": name, "data": data})
	}
	return name
}

// blobs records stored files, as names and hashes.
func (r *lineRecorder) blobs(stored verify.Stored) (list [][2]string) {
	for name, files := range map[string][][]byte{
		"root.json": stored.Root, "timestamp.json": stored.Timestamp, "snapshot.json": stored.Snapshot,
	} {
		for _, data := range files {
			list = append(list, [2]string{name, r.blob(data)})
		}
	}
	return list
}

// recorded is a session whose calls are recorded.
type recorded struct {
	*verify.Session
	rec      *lineRecorder
	number   int
	rejected map[verify.RequestID][]*verify.RejectError
}

func (r *lineRecorder) open(root []byte, stored verify.Stored, now time.Time, o verify.Options) (*recorded, error) {
	s, err := verify.New(root, stored, now, o)
	if r != nil {
		r.sessions++
		r.line(object{
			"do": "open", "session": r.sessions, "root": r.blob(root), "time": now.Format(time.RFC3339Nano),
			"stored": r.blobs(stored), "options": optionsText(o), "want": []string{resultLine(err)},
		})
	}
	return r.session(s), err
}

func (r *lineRecorder) session(s *verify.Session) *recorded {
	n := 0
	if r != nil {
		n = r.sessions
	}
	return &recorded{s, r, n, map[verify.RequestID][]*verify.RejectError{}}
}

// optionsText returns the options as messages have them.
func optionsText(o verify.Options) object {
	l := object{}
	for name, n := range map[string]int64{
		"max_root_bytes": o.Limits.MaxRootBytes, "max_timestamp_bytes": o.Limits.MaxTimestampBytes,
		"max_snapshot_bytes": o.Limits.MaxSnapshotBytes, "max_targets_bytes": o.Limits.MaxTargetsBytes,
		"max_root_rotations": int64(o.Limits.MaxRootRotations), "max_delegations": int64(o.Limits.MaxDelegations),
	} {
		if n != 0 {
			l[name] = n
		}
	}
	format := "classic"
	if o.EnvelopeFormat == metadata.DSSE {
		format = "dsse"
	}
	return object{"limits": l, "lookahead": o.Lookahead, "envelope_format": format}
}

func resultLine(err error) string {
	if err == nil {
		return "ok"
	}
	return fmt.Sprintf("%v: %s", verify.KindOf(err), strings.ReplaceAll(err.Error(), "\n", "; "))
}

// write records what was done. More is what a call has besides.
func (s *recorded) write(do string, want []string, more object) {
	if s.rec == nil {
		return
	}
	line := object{"do": do, "session": s.number, "want": want}
	for name, value := range more {
		line[name] = value
	}
	s.rec.line(line)
}

func (s *recorded) Renew(stored verify.Stored, now time.Time) (*recorded, error) {
	next, err := s.Session.Renew(stored, now)
	if s.rec != nil {
		s.rec.sessions++
		s.write("renew", []string{resultLine(err)}, object{
			"next": s.rec.sessions, "time": now.Format(time.RFC3339Nano), "stored": s.rec.blobs(stored),
		})
	}
	return s.rec.session(next), err
}

func (s *recorded) Lookup(path string) *verify.Lookup {
	s.write("find", nil, object{"path": path})
	return s.Session.Lookup(path)
}

func (s *recorded) Next() (verify.Batch, bool) {
	b, ok := s.Session.Next()
	if s.rec == nil {
		return b, ok
	}
	want := []string{}
	for _, r := range b.Save {
		want = append(want, fmt.Sprintf("save %s %s %d %d bytes %x",
			r.StoreName, r.Role, r.Version, len(r.Data), sha256.Sum256(r.Data)))
	}
	for _, r := range b.Rejected {
		want = append(want, fmt.Sprintf("rejected %v %s", r.Request.ID, resultLine(r)))
	}
	for _, r := range b.Fetch {
		want = append(want, fmt.Sprintf("fetch %v %s %s %d for %s, at most %d bytes, store %q, optional %v, ahead %v",
			r.ID, r.Path, r.Role, r.Version, r.Delegator, r.MaxBytes, r.StoreName, r.Optional, r.Ahead))
	}
	for _, l := range b.Done {
		want = append(want, doneLine(l))
	}
	if !ok {
		want = append(want, "nothing")
	}
	s.write("next", want, nil)
	return b, ok
}

func doneLine(l *verify.Lookup) string {
	t, err := l.Target()
	if err != nil {
		return fmt.Sprintf("done %s: %s", l.Path(), resultLine(err))
	}
	hashes := []string{}
	for name, digest := range t.Hashes.All() {
		hashes = append(hashes, name+":"+digest)
	}
	slices.Sort(hashes)
	urls, _ := t.URLPaths()
	return fmt.Sprintf("done %s: %s %d bytes %s until %d at %s",
		t.Path, t.Role, t.Length, strings.Join(hashes, " "), t.Expires.Unix(), strings.Join(urls, " "))
}

func (s *recorded) Save(ctx context.Context, store verify.Store, records []verify.Record) error {
	if s.rec == nil || store == nil {
		return s.Session.Save(ctx, store, records)
	}
	stored := s.rec.blobs(verify.LoadStored(ctx, store))
	w := &writes{Store: store}
	err := s.Session.Save(ctx, w, records)
	want := []string{"write " + strings.Join(w.names, " ")}
	if err != nil {
		want = []string{resultLine(err)}
	}
	s.write("save", want, object{"stored": stored})
	return err
}

// writes remembers the names of what is saved.
type writes struct {
	verify.Store
	names []string
}

func (w *writes) Save(ctx context.Context, rec verify.Record) error {
	w.names = append(w.names, rec.StoreName)
	return w.Store.Save(ctx, rec)
}

func (s *recorded) Provide(id verify.RequestID, body []byte) error {
	return s.answered("provide", id, body, s.Session.Provide(id, body))
}

func (s *recorded) ProvideSaved(id verify.RequestID, body []byte) error {
	return s.answered("provide_saved", id, body, s.Session.ProvideSaved(id, body))
}

func (s *recorded) answered(do string, id verify.RequestID, body []byte, err error) error {
	if reject := new(verify.RejectError); errors.As(err, &reject) {
		s.rejected[id] = append(s.rejected[id], reject)
	}
	if s.rec != nil {
		s.write(do, []string{resultLine(err)}, object{"id": id.String(), "body": s.rec.blob(body)})
	}
	return err
}

func (s *recorded) NotFound(id verify.RequestID, said ...error) error {
	err := s.Session.NotFound(id, said...)
	s.write("not_found", []string{resultLine(err)}, object{"id": id.String(), "said": s.said(id, said)})
	return err
}

func (s *recorded) Fail(id verify.RequestID, cause error) error {
	err := s.Session.Fail(id, cause)
	var said []error
	if many, ok := cause.(interface{ Unwrap() []error }); ok {
		said = many.Unwrap()
	}
	s.write("fail", []string{resultLine(err)}, object{"id": id.String(), "said": s.said(id, said)})
	return err
}

// said returns what sources said as messages have it.
func (s *recorded) said(id verify.RequestID, said []error) []object {
	list := []object{}
	for _, err := range said {
		reject := new(verify.RejectError)
		what := object{"absent": errors.Is(err, verify.ErrNotAtSource)}
		if errors.As(err, &reject) {
			same := func(r *verify.RejectError) bool { return r.Err == reject.Err }
			what["rejection"] = 1 + slices.IndexFunc(s.rejected[id], same)
		}
		list = append(list, what)
	}
	return list
}

func (s *recorded) Err() error {
	err := s.Session.Err()
	state := "succeeded"
	switch {
	case errors.Is(err, verify.ErrInProgress):
		state = "in progress"
	case err != nil:
		state = "failed: " + resultLine(err)
	}
	want := []string{state}
	for _, role := range topLevel {
		if v := s.Version(role); v > 0 {
			want = append(want, fmt.Sprintf("%s %d", role, v))
		}
	}
	for _, warning := range s.Warnings() {
		want = append(want, "warning: "+resultLine(warning))
	}
	s.write("status", want, nil)
	return err
}

// TestRecordCold records a first update from a repository of 16,384 hash bins,
// to be measured in other hosts.
func TestRecordCold(t *testing.T) {
	if *recordDir == "" {
		t.Skip("-record names no folder")
	}
	m := serve(t, verifytest.Options{MetaHashes: true}, classicBins, hundredPaths[0])
	rec := newLineRecorder("cold")
	defer rec.close()
	s, err := rec.open(m.root, verify.Stored{}, m.now, wide)
	require.NoError(t, err)
	s.Lookup(m.paths[0])
	none := func(string) verify.Store { return nil }
	require.NoError(t, verify.Drive(context.Background(), s, none, func(string) []verify.Source {
		return []verify.Source{m.source}
	}))
}
