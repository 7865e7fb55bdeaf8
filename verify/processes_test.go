package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/internal/model"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestProcesses plays random histories in which two or three processes share
// one store: they begin updates, new ones and renewed ones, are overtaken
// between any two saves, killed, and meet mirrors that are behind. What lies in
// the store never goes back, except where a process that saw it was allowed to
// by the rules between versions; and a process is superseded only if something
// newer lies there.
//
// R-5.0.2 (R16).
func TestProcesses(t *testing.T) {
	n := manyOr(fewHistories/20, 50)
	seen := map[string]int{}
	for seed := *firstHistory; seed < *firstHistory+uint64(n); seed++ {
		w := &sharedStore{T: t, w: histories.New(seed), seen: seen}
		w.store = [](func() verify.Store){
			func() verify.Store { return verifytest.Store{} },
			func() verify.Store { return &lockable{Store: verifytest.Store{}, t: t} },
			func() verify.Store { return bucket{} },
		}[seed%3]()
		w.play()
		if t.Failed() {
			t.Fatalf("history %d\n%s", seed, w.w.Story())
		}
	}
	requireOutcomes(t, n, seen, []string{
		"saved over", "superseded: root", "superseded: timestamp", "superseded: snapshot",
		"killed", "killed between saves", "renewed", "renewed after a failure", "succeeded", "failed",
		"as the model saves",
	})
}

// sharedStore is a store and the processes that share it.
type sharedStore struct {
	*testing.T
	w         *histories.World
	store     verify.Store
	processes []*process
	seen      map[string]int
}

// process is one of them, in the middle of something.
type process struct {
	name    string
	session *verify.Session
	model   *model.Client    // the same, as the model has it; nil once requests cannot be told apart
	began   verify.Stored    // what lay there when its update began
	mirror  verifytest.Files // that it asks in this update
	save    []verify.Record  // to be saved, one by one
	fetch   []verify.Request
}

func (w *sharedStore) play() {
	for i := range 2 + w.w.IntN(2) {
		w.processes = append(w.processes, &process{name: fmt.Sprintf("process %d", i+1)})
	}
	for range 40 + w.w.IntN(120) {
		p := w.processes[w.w.IntN(len(w.processes))]
		switch {
		case w.w.Chance(4):
			w.w.Happen()
		case w.w.Chance(3):
			w.kill(p)
		case p.session == nil || len(p.save)+len(p.fetch) == 0 && p.failed():
			w.begin(p)
		default:
			w.step(p)
		}
	}
}

// failed says that the update is over and did not succeed.
func (p *process) failed() bool {
	err := p.session.Err()
	return err != nil && !errors.Is(err, verify.ErrInProgress)
}

func (w *sharedStore) kill(p *process) {
	if p.session == nil {
		return
	}
	w.w.Note("%s is killed", p.name)
	w.seen["killed"]++
	if len(p.save) > 0 {
		w.seen["killed between saves"]++
	}
	*p = process{name: p.name}
}

// begin begins an update: the next one of a process that lives, or its first.
func (w *sharedStore) begin(p *process) {
	stored := verify.LoadStored(w.Context(), w.store)
	old := p.session
	var err, err2 error
	if old != nil {
		w.w.Note("%s begins its next update", p.name)
		w.seen["renewed"]++
		if old.Err() != nil {
			w.seen["renewed after a failure"]++
		}
		p.session, err = old.Renew(stored, w.w.Time())
		if err == nil && p.model != nil {
			p.model = p.model.Renew(asModel(stored), w.w.Time())
		}
	} else {
		w.w.Note("%s starts", p.name)
		p.session, err = verify.New(w.w.InitialRoot(), stored, w.w.Time(), verify.Options{})
		p.model, err2 = model.New(w.w.InitialRoot(), asModel(stored), w.w.Time(), defaultLimits, model.Plain())
		require.Equal(w, err == nil, err2 == nil)
	}
	if err != nil { // the clock was set back, or the initial root is none
		if old != nil || !errors.Is(err, verify.ErrTrustedRoot) {
			require.ErrorIs(w, err, verify.ErrTime)
		}
		p.session = nil
		return
	}
	p.began, p.mirror, p.save, p.fetch = stored, w.w.Mirror(), nil, nil
	path := w.w.Paths()[0]
	p.session.Lookup(path)
	if p.model != nil {
		p.model.Find(path)
	}
}

// step has a process do the next thing: save one record, answer one request, or
// ask what there is to do.
func (w *sharedStore) step(p *process) {
	switch {
	case len(p.save) > 0:
		rec := p.save[0]
		p.save = p.save[1:]
		w.saveOne(p, rec)
	case len(p.fetch) > 0:
		req := p.fetch[0]
		p.fetch = p.fetch[1:]
		w.answer(p, req)
	default:
		b, ok := p.session.Next()
		p.save, p.fetch = b.Save, b.Fetch
		if !ok && p.session.Err() == nil {
			w.seen["succeeded"]++
			w.begin(p)
		}
	}
	if p.failed() {
		w.ended(p, p.session.Err())
	}
}

// answer answers a request, from the store or from the process's mirror, to the
// session and to the model.
func (w *sharedStore) answer(p *process, req verify.Request) {
	if !p.session.Wanted(req.ID) {
		return
	}
	want := w.want(p, req)
	data, err := w.store.Load(w.Context(), req.StoreName)
	if err == nil && req.StoreName != "" {
		err := p.session.ProvideSaved(req.ID, data)
		if want != nil {
			require.Equal(w, err == nil, p.model.OfferSaved(want, data) == nil, "%v\n%s", err, w.w.Story())
		}
		if err == nil {
			return
		}
	}
	body, ok := p.mirror[req.Path]
	if !ok {
		require.NoError(w, p.session.NotFound(req.ID))
		if want != nil {
			p.model.Absent(want)
		}
		return
	}
	err = p.session.Provide(req.ID, body)
	if want != nil {
		require.Equal(w, err == nil, p.model.Offer(want, body) == nil, "%v\n%s", err, w.w.Story())
	}
	if err != nil {
		require.NoError(w, p.session.Fail(req.ID, err))
		if want != nil {
			p.model.GiveUp(want)
		}
	}
}

// want finds what the model wants for a request. Where two files of one
// delegator are asked for, the process goes on without the model.
func (w *sharedStore) want(p *process, req verify.Request) (found *model.Want) {
	if p.model == nil {
		return nil
	}
	for _, want := range p.model.Wants() {
		if want.Role != req.Role || want.Delegator != req.Delegator {
			continue
		}
		if found != nil {
			p.model = nil
			return nil
		}
		found = want
	}
	require.NotNil(w, found, "the model does not want %s\n%s", req.Path, w.w.Story())
	return found
}

func asModel(stored verify.Stored) model.Stored {
	return model.Stored{"root.json": stored.Root, "timestamp.json": stored.Timestamp, "snapshot.json": stored.Snapshot}
}

// saveOne saves one record and compares what lay there with what lies there
// now.
func (w *sharedStore) saveOne(p *process, rec verify.Record) {
	before := verify.LoadStored(w.Context(), w.store)
	modelWrites, modelErr := false, error(nil)
	if p.model != nil {
		modelWrites, modelErr = p.model.Save(rec.StoreName, rec.Data, asModel(before))
	}
	err := p.session.Save(w.Context(), w.store, []verify.Record{rec})
	after := verify.LoadStored(w.Context(), w.store)
	if p.model != nil {
		require.Equal(w, modelErr == nil, err == nil, "%v, and in the model %v\n%s", err, modelErr, w.w.Story())
		if fixed := asModel(after)[rec.StoreName]; fixed != nil && err == nil {
			written := !slices.EqualFunc(fixed, asModel(before)[rec.StoreName], bytes.Equal)
			require.Equal(w, modelWrites, written, "%s is written\n%s", rec.StoreName, w.w.Story())
			w.seen["as the model saves"]++
		}
	}
	w.w.Note("%s saves %s version %d: %v", p.name, rec.StoreName, rec.Version, err)
	if err != nil {
		require.ErrorIs(w, err, verify.ErrSuperseded)
		require.Equal(w, before, after, "it was superseded, and wrote something\n%s", w.w.Story())
		return
	}
	root := w.trustedBy(p)
	notBack(w, p, "root", before.Root, after.Root, p.began.Root, func(raw []byte) int64 { return w.rootVersion(raw) })
	notBack(w, p, "timestamp", before.Timestamp, after.Timestamp, p.began.Timestamp, func(raw []byte) int64 {
		return countedVersion[metadata.Timestamp](root, "timestamp", raw)
	})
	notBack(w, p, "snapshot", before.Snapshot, after.Snapshot, p.began.Snapshot, func(raw []byte) int64 {
		return countedVersion[metadata.Snapshot](root, "snapshot", raw)
	})
}

// notBack requires that the stored version of a role does not fall, unless the
// files that had it lay there when the update began: then the rules between
// versions have judged them.
func notBack(w *sharedStore, p *process, role string, before, after, began [][]byte, version func([]byte) int64) {
	highest := func(files [][]byte) (most int64) {
		for _, raw := range files {
			most = max(most, version(raw))
		}
		return most
	}
	if highest(after) > highest(before) && highest(before) > 0 {
		w.seen["saved over"]++
	}
	if highest(before) > highest(began) {
		require.GreaterOrEqual(w, highest(after), highest(before),
			"%s took the stored %s back\n%s", p.name, role, w.w.Story())
	}
}

// ended notes how an update ended. A process that was superseded saw something
// newer than it has.
func (w *sharedStore) ended(p *process, err error) {
	superseded := new(verify.SupersededError)
	if !errors.As(err, &superseded) {
		w.seen["failed"]++
		return
	}
	w.seen["superseded: "+superseded.Role]++
	if superseded.Err == nil { // otherwise a listed version would have gone back
		require.Greater(w, superseded.Stored, superseded.Own, w.w.Story())
	}
	p.save, p.fetch = nil, nil
}

// trustedBy is the root that a process trusts, read by package roles alone.
func (w *sharedStore) trustedBy(p *process) roles.Trusted[metadata.Root] {
	for _, files := range append([]verifytest.Files{w.w.Metadata(), p.mirror}, verifytest.Files{"": w.w.InitialRoot()}) {
		for _, raw := range files {
			env, err := metadata.Parse[metadata.Root](raw, metadata.Options{})
			if err != nil {
				continue
			}
			root, err := roles.VerifyInitialRoot(env, roles.Policy{})
			if err == nil && root.Header().Version == p.session.Version("root") {
				return root
			}
		}
	}
	require.FailNow(w, "the trusted root is not among the repository's files")
	return roles.Trusted[metadata.Root]{}
}

func (w *sharedStore) rootVersion(raw []byte) int64 {
	env, err := metadata.Parse[metadata.Root](raw, metadata.Options{})
	if err != nil {
		return 0
	}
	root, err := roles.VerifyInitialRoot(env, roles.Policy{})
	if err != nil {
		return 0
	}
	return root.Header().Version
}

// countedVersion is the version of a file if it counts under a root.
func countedVersion[T metadata.Content](root roles.Trusted[metadata.Root], name string, raw []byte) int64 {
	env, err := metadata.Parse[T](raw, metadata.Options{})
	if err != nil {
		return 0
	}
	role, err := roles.TopLevel(root, name, roles.Policy{})
	if err != nil {
		return 0
	}
	file, err := roles.VerifyAnyKeyID(env, role)
	if err != nil {
		return 0
	}
	return file.Header().Version
}
