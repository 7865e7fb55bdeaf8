package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// targetOf is what a file lists for a target.
func targetOf(content string) object {
	return object{"length": len(content), "hashes": object{"sha256": hashOf([]byte(content))}}
}

// wheel is the path of target i.
func wheel(i int) string { return fmt.Sprintf("packages/%04d.whl", i) }

func wheels(from, to int) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, wheel(i))
	}
	return list
}

// small is a targets role with some targets, and no delegations.
func small(m *maker) object { return flat(10)(m) }

// flat is a targets role with so many targets, and no delegations.
func flat(n int) func(*maker) object {
	return func(*maker) object {
		targets := object{}
		for _, path := range wheels(0, n) {
			targets[path] = targetOf(path)
		}
		return object{"targets": targets}
	}
}

// mixed makes RSA and ECDSA keys: RSA for root and targets, whose keys people
// hold.
func mixed() newKey {
	made := map[string]*signer{} // an RSA key takes long to make
	return func(name string) *signer {
		if made[name] == nil {
			switch name {
			case "timestamp", "snapshot":
				made[name] = ecdsaKey(name)
			default:
				made[name] = rsaKey(name)
			}
		}
		return made[name]
	}
}

// globs is a targets role that delegates to so many roles. Each has its own
// keys, of which half must sign and all do, and its own directory.
func globs(roles, keysEach int) func(*maker) object {
	return func(m *maker) object {
		keys, list := object{}, make([]object, roles)
		for i := range roles {
			name := fmt.Sprintf("role-%05d", i)
			own := make([]*signer, keysEach)
			for j := range own {
				own[j] = m.key(fmt.Sprint(name, " ", j))
				keys[own[j].id] = own[j].listed
			}
			list[i] = roleOf((keysEach+1)/2, own...)
			list[i]["name"], list[i]["terminating"] = name, false
			list[i]["paths"] = []string{fmt.Sprintf("dir-%05d/*", i)}
			if i%step(roles) == 0 {
				m.addTargets(name, object{"targets": object{inGlob(i): targetOf("hello")}}, "", own...)
			} else {
				m.list(name)
			}
		}
		return object{"targets": object{}, "delegations": object{"keys": keys, "roles": list}}
	}
}

// step says that one in so many roles lists a target that is looked up.
func step(roles int) int { return max(roles/101, 1) }

func inGlob(i int) string { return fmt.Sprintf("dir-%05d/x", i) }

// inGlobs are the paths of such targets, spread over all roles.
func inGlobs(roles, from, to int) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, inGlob(i*step(roles)))
	}
	return list
}

// bins is a repository with 1<<bits hash bins. It lists the first wheels. Each
// bin that lists one of them lists so many other targets too, to be as large as
// in a real repository.
type bins struct {
	bits, wheels, others int
}

// atPyPI has about the size of PyPI, with bins of 25 kB.
var atPyPI = bins{bits: 14, wheels: 101, others: 150}

// classic makes bins as in PEP 458: with path_hash_prefixes, below a role of
// their own.
func (b bins) classic(m *maker) object {
	bin, delegator := m.key("bin"), m.key("bins")
	roles := make([]object, 1<<b.bits)
	digits := (b.bits + 3) / 4
	each := 1 << (4*digits - b.bits) // prefixes for a bin
	for i := range roles {
		prefixes := make([]string, each)
		for j := range prefixes {
			prefixes[j] = fmt.Sprintf("%0*x", digits, i*each+j)
		}
		roles[i] = roleOf(1, bin)
		roles[i]["name"], roles[i]["terminating"], roles[i]["path_hash_prefixes"] = b.name(i), false, prefixes
	}
	m.addTargets("bins", object{"targets": object{}, "delegations": object{"keys": keysOf(bin), "roles": roles}},
		"", delegator)
	b.fill(m, bin)
	up := roleOf(1, delegator)
	up["name"], up["terminating"], up["path_hash_prefixes"] = "bins", false, []string{""}
	return object{"targets": object{}, "delegations": object{"keys": keysOf(delegator), "roles": []object{up}}}
}

// succinct makes bins as in TAP 15.
func (b bins) succinct(m *maker) object {
	bin := m.key("bin")
	b.fill(m, bin)
	roles := roleOf(1, bin)
	roles["bit_length"], roles["name_prefix"] = b.bits, "bin"
	return object{"targets": object{}, "delegations": object{"keys": keysOf(bin), "succinct_roles": roles}}
}

func (b bins) name(n int) string { return fmt.Sprintf("bin-%0*x", (b.bits+3)/4, n) }

// fill makes the files of the bins.
func (b bins) fill(m *maker, key *signer) {
	targets := make(map[int]object)
	missing := 0
	for _, path := range wheels(0, b.wheels) {
		n := b.number(path)
		if targets[n] == nil {
			targets[n] = object{}
			missing += b.others
		}
		targets[n][path] = targetOf("hello")
	}
	others := make(map[int]int)
	for i := 0; missing > 0; i++ {
		path := fmt.Sprintf("packages/other-%d.whl", i)
		if n := b.number(path); targets[n] != nil && others[n] < b.others {
			targets[n][path] = targetOf(path)
			others[n]++
			missing--
		}
	}
	for n := range 1 << b.bits {
		if targets[n] == nil {
			m.list(b.name(n))
			continue
		}
		m.addTargets(b.name(n), object{"targets": targets[n]}, wheel(0), key)
	}
}

// number is the number of the bin for a path.
func (b bins) number(path string) int {
	sum := sha256.Sum256([]byte(path))
	return int(binary.BigEndian.Uint32(sum[:]) >> (32 - b.bits))
}
