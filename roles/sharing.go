package roles

// KeyMaterial returns what identifies each usable public key of the role, once
// each, in the order of the list. See Policy.Material.
func (r Role) KeyMaterial() []string {
	var list []string
	seen := make(map[string]bool, len(r.keys))
	for _, k := range r.keys {
		if !seen[k.material] { // .K3
			seen[k.material] = true
			list = append(list, k.material)
		}
	}
	return list
}

// shared returns how many public keys the role has, and how many of them the
// other role has, too.
func (r Role) shared(other Role) (all, shared int64) {
	of := make(map[string]bool, len(other.keys))
	for _, k := range other.keys {
		of[k.material] = true
	}
	for _, material := range r.KeyMaterial() {
		all++
		if of[material] {
			shared++
		}
	}
	return all, shared
}

// first returns the role with some of its keys before the others.
func (r Role) first(isFirst func(roleKey) bool) Role {
	var some, others []roleKey
	for _, k := range r.keys {
		if isFirst(k) {
			some = append(some, k)
		} else {
			others = append(others, k)
		}
	}
	r.keys = append(some, others...)
	return r
}

// CanPassFor reports whether a file of this role, signed by all of its keys,
// would be accepted as a file of the other: whether this role lists a threshold
// of the other's keys, by key material.
//
// R-5.6.8b: TUF does not sign the name of a role, so a mirror can serve one
// file in the place of the other.
func (r Role) CanPassFor(other Role) bool {
	_, shared := r.shared(other)
	return other.threshold > 0 && shared >= other.threshold
}

// OnlyWith reports whether nobody can sign a file of this role without a
// threshold of the other's keys. Anyone who can sign for this role could then
// have signed for the other, too. (R-5.6.8d)
func (r Role) OnlyWith(other Role) bool {
	all, shared := r.shared(other)
	return other.threshold > 0 && r.threshold-(all-shared) >= other.threshold
}
