package main

import "hash/maphash"

// keySet is a set of keys, of which there may be millions: of each there are
// eight bytes. Two keys that share them are one, so that a file may stay for
// too long, and never goes too early.
type keySet struct {
	seed maphash.Seed
	set  map[uint64]struct{}
}

func newKeySet() *keySet { return &keySet{maphash.MakeSeed(), map[uint64]struct{}{}} }

func (k *keySet) add(key string)      { k.set[maphash.String(k.seed, key)] = struct{}{} }
func (k *keySet) has(key string) bool { _, ok := k.set[maphash.String(k.seed, key)]; return ok }
