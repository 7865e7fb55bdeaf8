package histories

import (
	"math"
	"slices"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Happen makes a few things happen, and publishes.
func (w *World) Happen() {
	w.Note("---")
	if w.Chance(85) {
		w.Advance(pick(w, []time.Duration{time.Minute, time.Hour, 20 * time.Hour, 3 * 24 * time.Hour}))
	}
	if w.Chance(15) {
		w.fix()
	}
	for range w.IntN(4) {
		w.event()
	}
	w.publish()
	w.clock()
	w.serve()
}

func (w *World) event() {
	switch w.IntN(14) {
	case 0, 1:
		w.list()
	case 2, 3:
		w.rotate()
	case 4:
		w.delegate()
	case 5:
		w.revoke()
	case 6:
		w.sign()
	case 7:
		w.version()
	case 8:
		w.snapshotLists()
	case 9:
		consistent := !w.Chance(50)
		w.SetConsistentSnapshot(consistent)
		w.Note("consistent_snapshot becomes %v", consistent)
	case 10:
		w.lifetime()
	case 11:
		w.Touch(pick(w, w.roles))
	case 12:
		w.fix()
	case 13:
		w.signPartly()
	}
}

// AnyRole returns the name of a role.
func (w *World) AnyRole() string {
	return pick(w, append([]string{"root", "timestamp", "snapshot", "targets", "timestamp", "snapshot"}, w.roles...))
}

// revoke removes a delegation.
func (w *World) revoke() {
	from, name := pick(w, w.roles), pick(w, w.roles)
	defer func() {
		if recover() == nil { // it panics if there is no such delegation
			w.Note("%s no longer delegates to %s", from, name)
		}
	}()
	w.Role(from).Undelegate(name)
}

// sign makes a role have other signatures than it should.
func (w *World) sign() {
	role := w.AnyRole()
	should := w.Keys(role)
	if len(should) == 0 {
		return
	}
	var signers []*verifytest.Key
	switch w.IntN(4) {
	case 0:
		signers = should[:w.IntN(len(should)+1)]
	case 1:
		signers = []*verifytest.Key{w.key(role)}
	case 2:
		signers = append(should[:1:1], should[0])
	case 3:
		if had := w.keys[role]; len(had) > 0 {
			signers = []*verifytest.Key{pick(w, had)}
		}
	}
	w.SignWith(role, signers...)
	w.Note("%s is signed by %d keys, of which it has %d", role, len(signers), len(should))
}

// signPartly makes a delegated role signed by some of its keys: enough for all
// of its delegators, for some, or for none.
func (w *World) signPartly() {
	role := pick(w, w.roles)
	signers := []*verifytest.Key{}
	for _, k := range w.Keys(role) {
		if w.Chance(60) {
			signers = append(signers, k)
		}
	}
	w.SignWith(role, signers...)
	w.Note("%s is signed by %d of its keys", role, len(signers))
}

// version makes a role's next version something else than the next number.
func (w *World) version() {
	role, at := w.AnyRole(), int64(0)
	v := w.Version(role)
	switch w.IntN(8) {
	case 0, 1:
		at = max(1, v-int64(w.IntN(3)))
	case 2:
		at = 1
	case 3:
		at = math.MaxInt64 - 1
	case 4:
		at = v + 2
	default:
		at = v + int64(w.IntN(1000))
	}
	w.SetVersion(role, max(1, at))
	w.Note("%s goes from version %d to %d", role, v, at)
}

// snapshotLists makes the snapshot list something wrong.
func (w *World) snapshotLists() {
	role, wrong := pick(w, w.roles), w.IntN(3)
	w.Edit("snapshot", func(signed map[string]any) {
		meta := signed["meta"].(map[string]any)
		info, ok := meta[role+".json"].(map[string]any)
		if !ok {
			return
		}
		switch wrong {
		case 0:
			delete(meta, role+".json")
		case 1:
			info["version"] = max(1, info["version"].(int64)-1)
		case 2:
			meta["gone.json"] = map[string]any{"version": int64(1)}
		}
	})
	w.Note("the snapshot is wrong about %s (%d)", role, wrong)
}

func (w *World) lifetime() {
	role := w.AnyRole()
	d := pick(w, []time.Duration{-time.Hour, 0, time.Hour, 30 * time.Hour, 24 * 365 * time.Hour})
	w.SetLifetime(role, d)
	w.Note("%s lives for %v", role, d)
}

// fix ends much of what was made wrong on purpose.
func (w *World) fix() {
	for _, role := range append([]string{"root", "timestamp", "snapshot"}, w.roles...) {
		if w.Chance(80) {
			w.SignWith(role)
			w.Edit(role, nil)
			w.SetLifetime(role, 24*365*time.Hour)
		}
		if v := w.Version(role); v < 0 || v > math.MaxInt64-10 {
			w.SetVersion(role, 5)
		}
	}
	w.Note("much is fixed")
}

func (w *World) publish() {
	if w.Chance(85) {
		w.Publish()
		return
	}
	list := []string{}
	for _, role := range append([]string{"root"}, append(slices.Clone(w.roles), "snapshot", "timestamp")...) {
		if w.Chance(40) {
			list = append(list, role)
		}
	}
	w.PublishOnly(list...)
	w.Note("only %q are published", list)
}

// clock sets the client's clock: to the repository's, or to the moment at which
// something expires.
func (w *World) clock() {
	next := w.Now()
	if w.Chance(30) {
		roles := append([]string{"root", "timestamp", "timestamp", "snapshot", "snapshot"}, w.roles...)
		name := w.FileName(pick(w, roles))
		if expires, ok := expiry(w.Metadata()[name]); ok {
			next = expires.Add(pick(w, []time.Duration{-time.Second, 0, 0, time.Second}))
			w.Note("%s expires at %v", name, expires)
		}
	}
	if next.Before(w.now) || next.Year() > 2039 {
		next = w.now
	}
	w.now = next
	if w.now.After(w.Now()) {
		w.Advance(w.now.Sub(w.Now()))
	}
	w.Note("it is %v", w.now.Format(time.RFC3339))
}

func expiry(body []byte) (time.Time, bool) {
	envelope, err := decode(body)
	if err != nil {
		return time.Time{}, false
	}
	signed, _ := envelope["signed"].(map[string]any)
	text, _ := signed["expires"].(string)
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}
