package histories

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// World is a repository with a past, and its mirror.
type World struct {
	*verifytest.Repo
	*rand.Rand

	root   []byte   // the client's trusted root
	roles  []string // targets roles, the top-level one first
	paths  []string
	keys   map[string][]*verifytest.Key // all that a role ever had
	past   []verifytest.Files           // what was served, the newest last
	mirror verifytest.Files
	now    time.Time
	log    []string
	fresh  int // keys made

	schemes []string   // of the keys; none: ed25519 alone
	kinds   *rand.Rand // chooses kinds of keys, and nothing else
}

// New makes a world: a repository with delegations of all kinds. In every third
// world keys are of the given schemes, in the others all are ed25519. What
// happens is chosen in the same way with schemes and without.
func New(seed uint64, schemes ...string) *World {
	w := &World{Rand: rand.New(rand.NewPCG(seed, 0x747566)), keys: map[string][]*verifytest.Key{}}
	if seed%3 == 0 {
		w.schemes, w.kinds = schemes, rand.New(rand.NewPCG(seed, 0x6b657973))
	}
	w.Repo = verifytest.New(verifytest.Options{
		NoConsistentSnapshot: w.Chance(30),
		MetaHashes:           w.Chance(40),
		Compact:              w.Chance(80),
		Hashes:               pick(w, [][]string{{"sha256"}, {"sha512"}, {"sha256", "sha512"}, {"sha256", "sha384"}}),
	})
	w.roles = []string{"targets"}
	w.paths = []string{"top", "a/1", "a/2", "a/x/1", "b/1", "b/2", "ab/1", "c", "d/é", "nowhere/1"}
	for range w.IntN(6) {
		w.delegate()
	}
	if w.Chance(40) {
		w.bins()
	}
	for range 3 + w.IntN(5) {
		w.list()
	}
	if w.Chance(50) {
		for range 1 + w.IntN(3) {
			w.rotate()
		}
	}
	w.partlyListed()
	w.Repo.Publish()
	w.root = w.Repo.TrustedRoot()
	if w.Chance(50) { // otherwise the chain begins with the first root
		w.root = w.Metadata()[w.FileName("root")]
	}
	w.now = w.Repo.Now()
	w.serve()
	return w
}

// partlyListed makes snapshot and timestamp list lengths without hashes, or
// hashes without lengths, in some worlds.
func (w *World) partlyListed() {
	if !w.Chance(30) {
		return
	}
	drop := pick(w, []string{"hashes", "length"})
	for _, role := range []string{"timestamp", "snapshot"} {
		w.Edit(role, func(signed map[string]any) {
			for _, info := range signed["meta"].(map[string]any) {
				delete(info.(map[string]any), drop)
			}
		})
	}
	w.Note("files are listed without %s", drop)
}

func pick[T any](w *World, list []T) T { return list[w.IntN(len(list))] }

// Chance returns true with that probability.
func (w *World) Chance(percent int) bool { return w.IntN(100) < percent }

// Note adds a line to the story.
func (w *World) Note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// Story is what has happened, a line for each event.
func (w *World) Story() string { return strings.Join(w.log, "\n") }

// InitialRoot is the root that the client trusts from the beginning.
func (w *World) InitialRoot() []byte { return w.root }

// Time is the time of the client's clock.
func (w *World) Time() time.Time { return w.now }

// Paths returns paths to look for. Some of them exist.
func (w *World) Paths() []string {
	list := []string{}
	for range 1 + w.IntN(5) {
		list = append(list, pick(w, w.paths))
	}
	return list
}

// Mirror is what the mirror serves now.
func (w *World) Mirror() verifytest.Files { return w.mirror }

// Other returns another file than the right one: an older one with that name,
// or any.
func (w *World) Other(name string) []byte {
	files := pick(w, w.past)
	if body, ok := files[name]; ok && w.Chance(60) {
		return body
	}
	return files[pick(w, slices.Sorted(maps.Keys(files)))]
}

// serve chooses what the mirror has: mostly what the repository has.
func (w *World) serve() {
	w.past = append(w.past, w.Metadata().Clone())
	w.mirror = w.Metadata().Clone()
	switch w.IntN(10) {
	case 0:
		w.mirror = pick(w, w.past).Clone()
		w.Note("the mirror is frozen")
	case 1:
		w.mix()
	case 2:
		w.lose()
	case 3, 4:
		w.swap()
	}
}

// swap makes the mirror serve the files of some targets roles as those of
// others. TUF does not sign the names of roles.
func (w *World) swap() {
	for range 1 + w.IntN(3) {
		from, to := pick(w, w.roles), pick(w, w.roles)
		if body, ok := w.mirror[w.FileName(from)]; ok && from != to {
			w.mirror[w.FileName(to)] = body
			w.Note("the mirror serves %s as %s", from, to)
		}
	}
}

// mix makes the mirror serve each file in its state of some time.
func (w *World) mix() {
	w.Note("the mirror mixes states")
	for _, name := range slices.Sorted(maps.Keys(w.mirror)) {
		if old, ok := pick(w, w.past)[name]; ok {
			w.mirror[name] = old
		}
	}
}

func (w *World) lose() {
	role := pick(w, append([]string{"root", "timestamp", "snapshot"}, w.roles...))
	w.Note("the mirror has lost %s", w.FileName(role))
	delete(w.mirror, w.FileName(role))
}
