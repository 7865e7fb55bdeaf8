package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// served is a repository as its mirror has it, with the trusted root and the
// time that every client begins with.
//
// It is made here with encoding/json and the standard library's keys, and with
// nothing of verify/verifytest: what that package is too kind about must not be
// left out of the comparison as well.
type served struct {
	trustedRoot []byte
	now         time.Time
	metadata    map[string][]byte // by path
	needed      map[string]neededFile
}

// object is a JSON object.
type object = map[string]any

// layout is how a repository is made up.
type layout struct {
	hashes  bool   // timestamp and snapshot list the hashes of files
	key     newKey // default: ed25519Key
	roots   int    // so often one of three root keys was replaced; 0: there is one root and one key
	targets func(*maker) object
}

// maker makes up one repository.
type maker struct {
	layout
	*served
	meta object // what the snapshot lists
}

const (
	expires     = "2030-01-01T00:00:00Z"
	specVersion = "1.0.31"
)

func build(l layout) *served {
	if l.key == nil {
		l.key = ed25519Key
	}
	m := &maker{layout: l, meta: object{}, served: &served{
		now:      time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC),
		metadata: map[string][]byte{}, needed: map[string]neededFile{},
	}}
	m.addRoots()
	m.addTargets("targets", m.targets(m), "", m.key("targets"))
	snapshot := m.add("1.snapshot.json", header("snapshot", 1, object{"meta": m.meta}), m.hashes, m.key("snapshot"))
	meta := object{"snapshot.json": m.describe(snapshot)}
	m.add("timestamp.json", header("timestamp", 1, object{"meta": meta}), false, m.key("timestamp"))
	return m.served
}

// header adds what every file has.
func header(kind string, version int, content object) object {
	content["_type"], content["version"] = kind, version
	content["expires"], content["spec_version"] = expires, specVersion
	return content
}

// addRoots adds the first root, which is the trusted one, and those after it.
// Each is signed by all keys of the root before and by all of its own, as their
// holders do. The two that both have suffice.
func (m *maker) addRoots() {
	const first = "1.root.json"
	if m.roots == 0 {
		m.add(first, m.root(1, m.key("root")), false, m.key("root"))
	} else {
		keys := []*signer{m.key("root 1"), m.key("root 2"), m.key("root 3")}
		m.add(first, m.root(1, keys...), false, keys...)
		for version := 2; version <= m.roots+1; version++ {
			next := m.key(fmt.Sprint("root ", version+2))
			all := append([]*signer{}, keys[1:]...)
			all = append(all, keys[0], next)
			keys = append(keys[1:], next)
			m.add(fmt.Sprint(version, ".root.json"), m.root(version, keys...), false, all...)
		}
	}
	m.trustedRoot = m.metadata[first]
}

// root is the content of a root file. Of three keys two must sign.
func (m *maker) root(version int, keys ...*signer) object {
	all := append([]*signer{m.key("timestamp"), m.key("snapshot"), m.key("targets")}, keys...)
	roles := object{"root": roleOf((len(keys)+1)/2, keys...)}
	for _, k := range []string{"timestamp", "snapshot", "targets"} {
		roles[k] = roleOf(1, m.key(k))
	}
	return header("root", version, object{"consistent_snapshot": true, "keys": keysOf(all...), "roles": roles})
}

func roleOf(threshold int, keys ...*signer) object {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.id
	}
	return object{"threshold": threshold, "keyids": ids}
}

func keysOf(keys ...*signer) object {
	list := object{}
	for _, k := range keys {
		list[k.id] = k.listed
	}
	return list
}

// addTargets adds the file of a targets role. A file that only the path hashes
// of its targets tell from others has one that shows its place (R-5.6.8a).
func (m *maker) addTargets(role string, content object, shows string, keys ...*signer) {
	path := "1." + role + ".json"
	m.meta[role+".json"] = m.describe(m.add(path, header("targets", 1, content), m.hashes, keys...))
	if !m.hashes {
		file := m.needed[path]
		file.shows = shows
		m.needed[path] = file
	}
}

// list lists a role in the snapshot whose file nobody will ask for.
func (m *maker) list(role string) { m.meta[role+".json"] = m.describe([]byte(role)) }

func (m *maker) describe(data []byte) object {
	if !m.hashes {
		return object{"version": 1}
	}
	return object{"version": 1, "length": len(data), "hashes": object{"sha256": hashOf(data)}}
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// add signs a file with all of these keys. The first decide: half of them,
// rounded up, is the threshold of every role here.
func (m *maker) add(path string, signed object, hashed bool, keys ...*signer) []byte {
	text := encode(signed)
	file := neededFile{payload: canonical(text), hashed: hashed}
	signatures := make([]object, len(keys))
	for i, k := range keys {
		signature := k.sign(file.payload)
		signatures[i] = object{"keyid": k.id, "sig": hex.EncodeToString(signature)}
		if i < (len(keys)+1)/2 {
			file.deciding = append(file.deciding, decision{k, signature})
		}
	}
	file.data = encode(object{"signatures": signatures, "signed": json.RawMessage(text)})
	m.metadata[path], m.needed[path] = file.data, file
	return file.data
}

// encode writes JSON without white space, its members sorted.
func encode(value any) []byte { return must(json.Marshal(value)) }

// canonical is the canonical form of what encode wrote. Of all characters that
// it may escape, only the newlines of PEM occur here.
func canonical(text []byte) []byte { return bytes.ReplaceAll(text, []byte(`\n`), []byte("\n")) }
