package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var (
	interleavings     = flag.Int("interleavings", 0, "how many interleavings TestInterleavings tries; 0: some")
	firstInterleaving = flag.Uint64("first", 1, "the seed of the first interleaving")
)

// someInterleavings is how many the test tries by itself; under the race
// detector fewer.
var someInterleavings = 1000

// TestInterleavings has two to four replicas share one bucket. Each updates
// from mirrors of any age and sweeps, and after any call of the bucket another
// one goes on, or it is killed, before the call took effect or after it; or the
// call fails. The stored versions, as a fresh replica sees them, never fall,
// under any root that it may come to.
//
//	go test ./services/internal/bucket -run Inter -interleavings 100000
func TestInterleavings(t *testing.T) {
	past := newPast(t)
	n := *interleavings
	switch {
	case n > 0:
	case testing.Short():
		n = 100
	default:
		n = someInterleavings
	}
	seen := map[string]int{}
	var mu sync.Mutex
	t.Run("in parallel", func(t *testing.T) {
		parts := uint64(runtime.GOMAXPROCS(0))
		for part := range parts {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				mine := map[string]int{}
				for seed := *firstInterleaving + part; seed < *firstInterleaving+uint64(n); seed += parts {
					newPlay(t, past, seed, mine).play()
				}
				mu.Lock()
				defer mu.Unlock()
				for what, times := range mine {
					seen[what] += times
				}
			})
		}
	})
	t.Logf("%d interleavings, no stored version has fallen: %v", n, seen)
	for _, what := range []string{
		"succeeded", "superseded", "rolled back", "killed before", "killed after", "failed before", "failed after",
		"replaced removed", "unverified removed", "behind, not swept",
	} {
		require.NotZero(t, seen[what], "it never came to this: %s", what)
	}
}

// past is a repository's past: its states, and what each file counts for.
type past struct {
	root   []byte
	now    time.Time
	states []verifytest.Files
	counts map[[32]byte]counting
	roots  int64 // the last root's version
}

// counting says what a file is.
type counting struct {
	name    string // timestamp.json, snapshot.json or root.json
	version int64
	under   map[int64]bool // the roots under which it is valid
}

// newPast publishes states. Keys of timestamp and snapshot are rotated on the
// way, all at once and one after the other, and so is the root's.
func newPast(t *testing.T) *past {
	repo := verifytest.New(verifytest.Options{Compact: true})
	p := &past{counts: map[[32]byte]counting{}, now: repo.Now(), root: repo.TrustedRoot()}
	for i := range 8 {
		switch i {
		case 2:
			repo.Rotate("timestamp", 1, repo.Key("timestamp 2"))
			repo.Rotate("snapshot", 1, repo.Key("snapshot 2"))
		case 4:
			repo.Rotate("timestamp", 1, repo.Key("timestamp 2"), repo.Key("timestamp 3"))
			repo.Rotate("root", 1, repo.Key("root 2"))
		case 6:
			repo.Rotate("timestamp", 1, repo.Key("timestamp 3"))
		}
		repo.Publish()
		p.states = append(p.states, repo.Metadata().Clone())
	}
	p.roots = repo.Version("root")
	last := p.states[len(p.states)-1]
	for _, state := range p.states {
		for name, raw := range state {
			p.note(t, last, name, raw)
		}
	}
	return p
}

// note finds out what a file counts for, by sessions that begin with each root.
func (p *past) note(t *testing.T, last verifytest.Files, name string, raw []byte) {
	c := counting{under: map[int64]bool{}}
	for _, role := range []string{"root", "timestamp", "snapshot"} {
		if name == role+".json" || strings.HasSuffix(name, "."+role+".json") {
			c.name = role + ".json"
		}
	}
	if c.name == "" {
		return
	}
	r := &Records{}
	for v := int64(1); v <= p.roots; v++ {
		s, err := r.sessionOf(last[fmt.Sprintf("%d.root.json", v)])
		require.NoError(t, err)
		if c.name == "root.json" {
			c.version = max(c.version, r.rootVersion(raw))
			c.under[v] = true
			continue
		}
		role, err := s.Role(strings.TrimSuffix(c.name, ".json"))
		require.NoError(t, err)
		if version, err := r.verified(raw, role); err == nil {
			c.version, c.under[v] = version, true
		}
	}
	p.counts[sha256.Sum256(raw)] = c
}

// play is one interleaving.
type play struct {
	*testing.T
	*rand.Rand
	past     *past
	bucket   *fake
	replicas []*replica
	log      []string
	seen     map[string]int
	most     map[string]int64 // what was stored at most: by name and root
	compared int              // the bucket's changes that were compared
}

// replica is a process. It runs until its next call of the bucket.
type replica struct {
	name string
	next func() (struct{}, bool)
	stop func() // kills it
}

var (
	errKilled = errors.New("killed")
	errFault  = errors.New("the bucket fails")
)

func newPlay(t *testing.T, past *past, seed uint64, seen map[string]int) *play {
	w := &play{
		T: t, Rand: rand.New(rand.NewPCG(seed, 16)), past: past, bucket: newFake(), seen: seen,
		most: map[string]int64{},
	}
	w.note("interleaving %d", seed)
	if w.chance(70) {
		w.begin()
	}
	for i := range 2 + w.IntN(3) {
		w.replicas = append(w.replicas, &replica{name: fmt.Sprintf("replica %d", i+1)})
		w.start(w.replicas[i])
	}
	return w
}

func (w *play) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *play) chance(percent int) bool { return w.IntN(100) < percent }

func (w *play) play() {
	for range 60 + w.IntN(140) {
		r := w.replicas[w.IntN(len(w.replicas))]
		switch {
		case w.chance(1):
			w.junk()
		case w.IntN(150) == 0:
			w.note("%s is killed", r.name)
			r.stop()
			w.start(r)
		default:
			if _, ok := r.next(); !ok {
				w.start(r)
			}
		}
		w.bucket.clock = w.bucket.clock.Add(time.Duration(w.IntN(3)) * time.Second)
		w.compare()
	}
	for _, r := range w.replicas {
		r.stop()
		w.compare()
	}
	w.fresh()
}

// begin fills the bucket with what replicas have stored from some state.
func (w *play) begin() {
	n := w.IntN(len(w.past.states))
	w.note("state %d is stored", n)
	prefix := (&Bucket{}).Records("", verify.Options{}).prefix
	newest := int64(0)
	for name, raw := range w.past.states[n] {
		c := w.past.counts[sha256.Sum256(raw)]
		key := fmt.Sprintf("%d.%x", c.version, sha256.Sum256(raw))
		switch {
		case c.name == "root.json":
			w.bucket.put(prefix+name+"/"+key, raw)
			newest = max(newest, c.version)
		case c.name != "":
			w.bucket.put(prefix+c.name+"/"+key, raw)
		}
	}
	raw := w.past.states[n][fmt.Sprintf("%d.root.json", newest)]
	w.bucket.put(fmt.Sprintf("%sroot.json/%d.%x", prefix, newest, sha256.Sum256(raw)), raw)
}

// junk is what somebody else leaves in the bucket.
func (w *play) junk() {
	w.note("somebody writes junk")
	prefix := (&Bucket{}).Records("", verify.Options{}).prefix
	keys := []string{"timestamp.json/9.junk", "timestamp.json/999." + strings.Repeat("0", 64), "what/is/this"}
	w.bucket.put(prefix+keys[w.IntN(len(keys))], []byte("{}"))
}

// start starts a replica.
func (w *play) start(r *replica) {
	r.next, r.stop = iter.Pull(func(yield func(struct{}) bool) {
		alive := true
		view := w.bucket.with(func(op, key string, after bool) error {
			if !alive {
				return errKilled
			}
			when := map[bool]string{false: "before", true: "after"}[after]
			if !after || w.chance(30) {
				if alive = yield(struct{}{}); !alive {
					w.seen["killed "+when]++
					return errKilled
				}
			}
			if w.IntN(400) == 0 {
				w.note("%s: %s %s fails, %s", r.name, op, key, when)
				w.seen["failed "+when]++
				return errFault
			}
			w.note("%s: %s %s, %s", r.name, op, key, when)
			return nil
		})
		records := (&Bucket{objects: view}).Records("", verify.Options{})
		var s *verify.Session
		for alive {
			if s = w.update(r, records, s); alive && s != nil {
				w.sweep(r, records, s)
			}
			if alive {
				alive = yield(struct{}{})
			}
		}
	})
}

// update is an update from a mirror of some state.
func (w *play) update(r *replica, records *Records, s *verify.Session) *verify.Session {
	state := w.IntN(len(w.past.states))
	w.note("%s updates from state %d", r.name, state)
	before := w.stored()
	ctx := context.Background()
	stored := verify.LoadStored(ctx, records)
	var err error
	if s != nil && w.chance(50) {
		s, err = s.Renew(stored, w.past.now)
	} else {
		s, err = verify.New(w.past.root, stored, w.past.now, verify.Options{})
	}
	require.NoError(w, err, "%s", w.story())
	err = s.Run(ctx, records, w.past.states[state].Source())
	w.note("%s: root %d, timestamp %d, snapshot %d: %v", r.name,
		s.Version("root"), s.Version("timestamp"), s.Version("snapshot"), err)
	switch {
	case errors.Is(err, verify.ErrSuperseded):
		w.seen["superseded"]++
	case errors.Is(err, verify.ErrRollback):
		w.seen["rolled back"]++
	case err == nil && s.Err() == nil:
		w.seen["succeeded"]++
		w.requireNotBelow(r, s, before, stored)
	}
	return s
}

// requireNotBelow requires of an update that succeeded that it is not below
// what was stored when it began, if all of that could be loaded, and that what
// it trusts is stored.
func (w *play) requireNotBelow(r *replica, s *verify.Session, before map[string]int64, loaded verify.Stored) {
	root := s.Version("root")
	for _, role := range []string{"timestamp", "snapshot"} {
		if len(loaded.Timestamp) > 0 && len(loaded.Snapshot) > 0 {
			require.GreaterOrEqual(w, s.Version(role), before[at(role+".json", root)],
				"%s went below the stored %s\n%s", r.name, role, w.story())
		}
		if now := w.stored(); now["root.json"] <= root { // otherwise its view ended with that root
			require.GreaterOrEqual(w, now[at(role+".json", root)], s.Version(role),
				"%s trusts a %s that is not stored\n%s", r.name, role, w.story())
		}
	}
}

// sweep is a sweep by a session of its own, or that of the last update.
func (w *play) sweep(r *replica, records *Records, s *verify.Session) {
	ctx := context.Background()
	if w.chance(30) {
		var err error
		if s, err = records.Session(ctx, w.past.root, w.past.now); err != nil {
			return
		}
	}
	now := w.bucket.clock.Add([]time.Duration{0, SweepReplaced, 31 * 24 * time.Hour}[w.IntN(3)])
	w.note("%s sweeps by root %d", r.name, s.Version("root"))
	swept, _ := records.Sweep(ctx, s, now)
	removed := swept.Removed
	for _, u := range swept.Unverified {
		if u.Removed {
			w.seen["unverified removed"]++
			removed--
		}
	}
	w.seen["replaced removed"] += removed
	if swept.NewerRoot > 0 {
		w.seen["behind, not swept"]++
	}
}

func at(name string, root int64) string { return fmt.Sprintf("%s under root %d", name, root) }

// stored is what is stored, by name, and under each root that a replica may
// still come to.
func (w *play) stored() map[string]int64 {
	most := map[string]int64{}
	for key, o := range w.bucket.objects {
		c := w.past.counts[sha256.Sum256(o.data)]
		if c.name == "root.json" && strings.Contains(key, "/root.json/") { // not one under its version
			most[c.name] = max(most[c.name], c.version)
		}
	}
	for _, o := range w.bucket.objects {
		c := w.past.counts[sha256.Sum256(o.data)]
		for v := max(1, most["root.json"]); v <= w.past.roots && c.name != "root.json"; v++ {
			if c.under[v] {
				most[at(c.name, v)] = max(most[at(c.name, v)], c.version)
			}
		}
	}
	return most
}

// compare requires that nothing stored has fallen.
func (w *play) compare() {
	if w.compared == w.bucket.changes {
		return
	}
	w.compared = w.bucket.changes
	now := w.stored()
	for what, most := range w.most {
		if rooted := now["root.json"]; what != "root.json" && !w.reachable(what, rooted) {
			continue
		}
		if now[what] < most {
			require.FailNow(w, "a stored version has fallen", "%s: %d, was %d\n%s", what, now[what], most, w.story())
		}
	}
	for what, version := range now {
		w.most[what] = max(w.most[what], version)
	}
}

// reachable says that a replica may still judge by the root of an entry.
func (w *play) reachable(what string, root int64) bool {
	var v int64
	_, err := fmt.Sscanf(what[strings.LastIndexByte(what, ' ')+1:], "%d", &v)
	return err == nil && v >= root
}

// fresh has a new replica load what is stored, with the package's own means.
func (w *play) fresh() {
	records := (&Bucket{objects: w.bucket.with(quiet)}).Records("", verify.Options{})
	now := w.stored()
	if now["root.json"] == 0 {
		return
	}
	highest := func(files [][]byte, name string) (most int64) {
		for _, raw := range files {
			if c := w.past.counts[sha256.Sum256(raw)]; c.name == "root.json" || c.under[now["root.json"]] {
				most = max(most, c.version)
			}
		}
		return most
	}
	stored := verify.LoadStored(context.Background(), records)
	require.Equal(w, now["root.json"], highest(stored.Root, "root.json"), w.story())
	require.Equal(w, now[at("timestamp.json", now["root.json"])], highest(stored.Timestamp, "timestamp.json"), w.story())
	require.Equal(w, now[at("snapshot.json", now["root.json"])], highest(stored.Snapshot, "snapshot.json"), w.story())
}

func (w *play) story() string { return string(bytes.TrimSpace([]byte(strings.Join(w.log, "\n")))) }
