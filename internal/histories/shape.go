package histories

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// key makes a new key for a role.
func (w *World) key(role string) *verifytest.Key {
	w.fresh++
	k := w.ofSomeKind(fmt.Sprintf("%s-%d", role, w.fresh))
	w.keys[role] = append(w.keys[role], k)
	return k
}

// ofSomeKind makes a key of any scheme. In one of four cases it is ed25519
// whatever the schemes are. It is so too where it would be an RSA key that the
// world has already: there are only a few.
func (w *World) ofSomeKind(name string) *verifytest.Key {
	if len(w.schemes) == 0 || w.kinds.IntN(4) == 0 {
		return w.Key(name)
	}
	k := verifytest.NewKey(w.schemes[w.kinds.IntN(len(w.schemes))], name)
	for _, keys := range w.keys {
		if slices.ContainsFunc(keys, func(had *verifytest.Key) bool { return had.ID() == k.ID() }) {
			return w.Key(name)
		}
	}
	if k.KeyType == "ecdsa" && w.kinds.IntN(3) == 0 { // as old repositories list it
		k.KeyType, k.Public = k.Scheme, k.HexPoint()
	}
	return k
}

// signers chooses keys and a threshold for a role: from one of one to three of
// four, sometimes too many. Some of the keys are old ones of the role, one may
// have two IDs, one may be of an unknown kind, and anyone may be able to sign
// for one.
func (w *World) signers(role string) ([]*verifytest.Key, int) {
	keys := []*verifytest.Key{}
	for range 1 + w.IntN(3) {
		if had := w.keys[role]; len(had) > 0 && w.Chance(30) {
			if k := pick(w, had); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
			continue
		}
		keys = append(keys, w.key(role))
	}
	if len(keys) == 0 {
		keys = append(keys, w.key(role))
	}
	threshold := 1 + w.IntN(len(keys))
	if w.Chance(12) {
		keys = append(keys, w.twin(pick(w, keys)))
		threshold += w.IntN(2)
	}
	if w.Chance(8) {
		strange := *w.key(role)
		strange.KeyType, strange.Scheme = "post-quantum", "ml-dsa-65"
		keys = append(keys, &strange)
	}
	if w.Chance(3) {
		threshold = len(keys) + 1
	}
	if len(w.schemes) > 0 && w.kinds.IntN(8) == 0 {
		keys = append(keys, verifytest.NewWeakKey(w.kinds.IntN(4)))
		threshold += w.kinds.IntN(2)
	}
	return keys, threshold
}

// twin returns a key under another ID. An RSA key may have another scheme too.
func (w *World) twin(k *verifytest.Key) *verifytest.Key {
	twin := *k
	if k.KeyType == "rsa" && w.kinds.IntN(2) == 0 {
		for _, name := range []string{"0", "1", "2", "3"} {
			if other := verifytest.NewKey("rsassa-pss-sha512", name); other.Public == k.Public {
				twin = *other
			}
		}
	}
	twin.KeyID = "twin of " + k.ID()[:8]
	return &twin
}

var patterns = []string{
	"*", "*/*", "*/*", "a/*", "a/*", "b/?", "[ab]/*", "[!a]/*", "[a-c]*/1", "a*/1", "a/x/*", "*/x/1",
	"d/*", "d/?", "c", "?", "**", "A/*", "a?1", "b?[12]", "?*", "[", "a/[12",
}

// delegate adds or replaces a delegation somewhere. Siblings, grandchildren,
// diamonds and loops come by chance.
func (w *World) delegate() {
	from := pick(w, w.roles)
	name := pick(w, []string{"a", "b", "c", "d", "team/e", "1.x"})
	d := verifytest.Delegation{Name: name, Terminating: w.Chance(25)}
	switch {
	case w.Chance(30): // those of another role
		if d.Keys = w.Keys(pick(w, w.roles)); len(d.Keys) > 0 {
			d.Threshold = 1 + w.IntN(len(d.Keys))
			w.keys[name] = append(w.keys[name], d.Keys...)
		}
	case w.Chance(60):
		d.Keys, d.Threshold = w.signers(name)
	}
	switch {
	case w.Chance(12):
		for range w.IntN(14) {
			d.PathHashPrefixes = append(d.PathHashPrefixes, fmt.Sprintf("%x", w.IntN(40)))
		}
	case w.Chance(96):
		for range 1 + w.IntN(3) {
			d.Paths = append(d.Paths, pick(w, patterns))
		}
	}
	if from == name || w.hasSuccinct(from) {
		return
	}
	w.Role(from).Delegate(d)
	w.Note("%s delegates to %s: %q %q, threshold %d of %d, terminating %v", from, name,
		d.Paths, d.PathHashPrefixes, max(1, d.Threshold), max(1, len(d.Keys)), d.Terminating)
	if !slices.Contains(w.roles, name) {
		w.roles = append(w.roles, name)
	}
}

// hasSuccinct tells a role with succinct bins by its name.
func (w *World) hasSuccinct(role string) bool { return strings.HasPrefix(role, "succinct") }

// bins adds a role with hash bins, classic or succinct.
func (w *World) bins() {
	from := pick(w, w.roles)
	name := pick(w, []string{"classic", "succinct"})
	d := verifytest.Delegation{Name: name, Paths: []string{"*", "*/*"}, Terminating: w.Chance(30)}
	x := w.Role(from).Delegate(d)
	w.roles = append(w.roles, name)
	bits := 1 + w.IntN(3)
	var keys []*verifytest.Key
	if w.Chance(30) {
		keys = w.Keys(pick(w, w.roles))
	}
	if name == "classic" {
		x.DelegateBins("classic-bin", 1<<bits, keys...)
	} else {
		x.DelegateSuccinct("succinct-bin", bits, keys...)
	}
	w.Note("%s delegates to %s: %d bins", from, name, 1<<bits)
	for range w.IntN(8) {
		path := pick(w, w.paths)
		x.AddToBin(path, w.content())
		if bin := x.Bin(path).Name(); !slices.Contains(w.roles, bin) {
			w.roles = append(w.roles, bin)
		}
		w.Note("%s lists %s", x.Bin(path).Name(), path)
	}
}

func (w *World) content() []byte { return []byte(strings.Repeat("x", w.IntN(40))) }

// list makes a role list a target, or list it no longer.
func (w *World) list() {
	role, path := pick(w, w.roles), pick(w, w.paths[:len(w.paths)-1])
	if w.Chance(15) {
		w.Role(role).RemoveTarget(path)
		w.Note("%s no longer lists %s", role, path)
		return
	}
	w.Role(role).AddTarget(path, w.content())
	w.Note("%s lists %s", role, path)
}

// rotate replaces the keys of a top-level role.
func (w *World) rotate() {
	role := pick(w, []string{"root", "timestamp", "snapshot", "targets"})
	if len(w.keys[role]) == 0 {
		w.keys[role] = w.Keys(role)
	}
	keys, threshold := w.signers(role)
	w.Rotate(role, threshold, keys...)
	w.Note("%s is to be signed by %d of %d keys", role, threshold, len(keys))
}
