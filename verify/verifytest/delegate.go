package verifytest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// A Delegation is an entry in a role's list of delegations.
type Delegation struct {
	// Name is the name of the delegated role.
	Name string
	// Paths are the patterns of the delegated paths. If nil, there is no such
	// member.
	Paths []string
	// PathHashPrefixes are the prefixes of the hashes of the delegated paths.
	// If nil, there is no such member.
	PathHashPrefixes []string
	// Terminating ends a search with this role.
	Terminating bool
	// Keys are the keys of the role. The default is one key, the repository's
	// Key(Name).
	Keys []*Key
	// Threshold is the number of keys that must sign. The default is 1.
	// Repo.Edit sets wrong ones.
	Threshold int
}

// delegation is a Delegation, or many bins, which differ in names and prefixes
// only.
type delegation struct {
	Delegation
	bins *bins
}

// bins are 1<<bits roles over which a delegator distributes its targets.
type bins struct {
	keys   []*Key
	prefix string
	bits   int
}

// delegator is a role that delegates to another one, and the keys that it lists
// for it.
type delegator struct {
	role *Role
	keys []*Key
}

// Delegate appends a delegation, or replaces the one of the same name in its
// place. It returns the delegated role, which it makes if there is none.
// Several roles may delegate to one role, with different keys: all of them sign
// it then, unless SignWith says otherwise. The name of a top-level role must
// not be delegated to: it is listed nevertheless, and the result is nil.
func (x *Role) Delegate(d Delegation) *Role {
	if len(d.Keys) == 0 {
		d.Keys = []*Key{x.repo.Key(d.Name)}
	}
	if d.Threshold == 0 {
		d.Threshold = 1
	}
	d.Keys = slices.Clone(d.Keys)
	d.Paths = slices.Clone(d.Paths)
	d.PathHashPrefixes = slices.Clone(d.PathHashPrefixes)
	x.changed = true
	if i := x.find(d.Name); i >= 0 {
		x.delegations[i].Delegation = d
	} else {
		x.delegations = append(x.delegations, &delegation{Delegation: d})
	}
	if slices.Contains(topLevel, d.Name) {
		return nil
	}
	return x.link(d.Name, d.Keys)
}

// Undelegate removes the delegation of that name. The snapshot still lists the
// role's file, as it must.
func (x *Role) Undelegate(name string) {
	i := x.find(name)
	if i < 0 {
		panic(fmt.Sprintf("verifytest: role %q does not delegate to %q", x.name, name))
	}
	x.delegations = slices.Delete(x.delegations, i, i+1)
	x.changed = true
	if y, ok := x.repo.byName[name]; ok {
		y.delegators = slices.DeleteFunc(y.delegators, func(d delegator) bool { return d.role == x })
	}
}

func (x *Role) find(name string) int {
	return slices.IndexFunc(x.delegations, func(d *delegation) bool { return d.bins == nil && d.Name == name })
}

// link notes that x lists these keys for the named role, which is signed again.
func (x *Role) link(name string, keys []*Key) *Role {
	y, ok := x.repo.byName[name]
	if !ok {
		y = x.repo.addRole(name)
	}
	y.changed = true
	for i, d := range y.delegators {
		if d.role == x {
			y.delegators[i].keys = keys
			return y
		}
	}
	y.delegators = append(y.delegators, delegator{x, keys})
	return y
}

func (x *Role) listedKeys() []*Key {
	if len(x.delegators) == 1 {
		return x.delegators[0].keys
	}
	var keys []*Key
	for _, d := range x.delegators {
		keys = append(keys, d.keys...)
	}
	return distinct(keys)
}

// DelegateBins appends delegations to n hash bins by path_hash_prefixes, as in
// PEP 458. n is a power of two up to 65536. The bins have names as those of
// DelegateSuccinct. They share keys, with threshold 1; the default is the
// repository's Key(prefix).
func (x *Role) DelegateBins(prefix string, n int, keys ...*Key) {
	if n < 1 || n > 1<<16 || n&(n-1) != 0 {
		panic(fmt.Sprintf("verifytest: DelegateBins: %d is not a power of two up to 65536", n))
	}
	b := x.addBins(prefix, bits.Len(uint(n))-1, keys)
	x.delegations = append(x.delegations, &delegation{bins: b})
}

// DelegateSuccinct delegates to 1<<bits hash bins by succinct_roles (TAP 15),
// for bits from 1 to 32. The name of a bin is the prefix, a hyphen and its
// number in hexadecimal. The bins share keys, with threshold 1; the default is
// the repository's Key(prefix). With more than 16 bits, a bin is made when Bin
// or AddToBin first asks for it. A role with succinct and other delegations
// lists both, which TAP 15 does not allow.
func (x *Role) DelegateSuccinct(prefix string, bits int, keys ...*Key) {
	if bits < 1 || bits > 32 {
		panic(fmt.Sprintf("verifytest: DelegateSuccinct: %d bits; must be 1 to 32", bits))
	}
	b := x.addBins(prefix, bits, keys)
	x.succinct = b
}

func (x *Role) addBins(prefix string, bits int, keys []*Key) *bins {
	if x.bins != nil {
		panic(fmt.Sprintf("verifytest: role %q has bins already", x.name))
	}
	if len(keys) == 0 {
		keys = []*Key{x.repo.Key(prefix)}
	}
	x.bins = &bins{keys: slices.Clone(keys), prefix: prefix, bits: bits}
	x.changed = true
	if bits <= 16 {
		for i := range uint64(1) << bits {
			x.link(x.bins.name(i), x.bins.keys)
		}
	}
	return x.bins
}

func (b *bins) name(i uint64) string {
	return fmt.Sprintf("%s-%0*x", b.prefix, b.width(), i)
}

// width is the number of hexadecimal digits of the last bin's number.
func (b *bins) width() int { return max(1, (b.bits+3)/4) }

// prefixes returns the prefixes of all hashes that go to bin i. They have as
// many digits as the bins' numbers.
func (b *bins) prefixes(i uint64) []any {
	each := uint64(1) << (4*b.width() - b.bits)
	list := make([]any, 0, each)
	for p := i * each; p < (i+1)*each; p++ {
		list = append(list, fmt.Sprintf("%0*x", b.width(), p))
	}
	return list
}

// Bin returns the one of x's bins that the target path belongs to.
func (x *Role) Bin(path string) *Role {
	if x.bins == nil {
		panic(fmt.Sprintf("verifytest: role %q has no bins", x.name))
	}
	sum := sha256.Sum256([]byte(path))
	i := uint64(binary.BigEndian.Uint32(sum[:])) >> (32 - x.bins.bits)
	name := x.bins.name(i)
	isX := func(d delegator) bool { return d.role == x }
	if y, ok := x.repo.byName[name]; ok && slices.ContainsFunc(y.delegators, isX) {
		return y
	}
	return x.link(name, x.bins.keys)
}

// AddToBin adds the target to the one of x's bins that it belongs to.
func (x *Role) AddToBin(path string, content []byte) { x.Bin(path).AddTarget(path, content) }

// document returns x's delegations as metadata lists them; nil if it has none.
func (x *Role) document() map[string]any {
	if len(x.delegations) == 0 && x.succinct == nil {
		return nil
	}
	keys := map[string]any{}
	doc := map[string]any{"keys": keys}
	if x.succinct != nil {
		keyObjects(keys, x.succinct.keys)
		doc["succinct_roles"] = map[string]any{
			"keyids":      keyIDs(x.succinct.keys),
			"threshold":   int64(1),
			"bit_length":  int64(x.succinct.bits),
			"name_prefix": x.succinct.prefix,
		}
	}
	if len(x.delegations) == 0 {
		return doc
	}
	var list []any
	for _, d := range x.delegations {
		if d.bins != nil {
			keyObjects(keys, d.bins.keys)
			list = append(list, d.bins.entries()...)
		} else {
			keyObjects(keys, d.Keys)
			list = append(list, d.entry())
		}
	}
	doc["roles"] = list
	return doc
}

// entry returns the delegation as metadata lists it.
func (d *Delegation) entry() map[string]any {
	entry := map[string]any{
		"name":        d.Name,
		"keyids":      keyIDs(d.Keys),
		"threshold":   int64(d.Threshold),
		"terminating": d.Terminating,
	}
	if d.Paths != nil {
		entry["paths"] = stringList(d.Paths)
	}
	if d.PathHashPrefixes != nil {
		entry["path_hash_prefixes"] = stringList(d.PathHashPrefixes)
	}
	return entry
}

// entries returns the bins as metadata lists them.
func (b *bins) entries() []any {
	ids := keyIDs(b.keys)
	var list []any
	for i := range uint64(1) << b.bits {
		list = append(list, map[string]any{
			"name":               b.name(i),
			"keyids":             slices.Clone(ids),
			"threshold":          int64(1),
			"terminating":        false,
			"path_hash_prefixes": b.prefixes(i),
		})
	}
	return list
}

func stringList(s []string) []any {
	list := make([]any, len(s))
	for i, v := range s {
		list[i] = v
	}
	return list
}
