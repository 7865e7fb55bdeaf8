package histories

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func decode(body []byte) (map[string]any, error) {
	v, err := verifytest.Decode(body)
	if err != nil {
		return nil, err
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("no object")
	}
	return o, nil
}

// Corrupt returns a file with something wrong, or at least unusual: a byte,
// some text, a member, a signature. Most of those with a changed member in
// signed are signed again, by the right keys.
func (w *World) Corrupt(role string, body []byte) []byte {
	envelope, err := decode(body)
	signed, ok := envelope["signed"].(map[string]any)
	if err != nil || !ok || len(body) == 0 || w.Chance(25) {
		return w.bytes(body)
	}
	switch w.IntN(6) {
	case 0:
		return w.text(body)
	case 1:
		w.signatures(envelope)
	case 2:
		w.member(envelope)
	default:
		if w.Chance(50) {
			w.member(signed)
		} else {
			w.known(signed)
		}
		if w.Chance(80) {
			envelope = w.signAgain(role, signed)
		}
	}
	return verifytest.Encode(envelope, pick(w, []string{"", "", " ", "\t"}))
}

func (w *World) signAgain(role string, signed map[string]any) map[string]any {
	keys := slices.Clone(w.Keys(role))
	if role == "root" {
		keys = append(keys, w.keys["root"]...)
	}
	list := []*verifytest.Key{}
	for _, k := range keys {
		if !slices.ContainsFunc(list, func(l *verifytest.Key) bool { return l.ID() == k.ID() }) {
			list = append(list, k)
		}
	}
	return verifytest.Sign(signed, list...)
}

// bytes changes a byte or a few.
func (w *World) bytes(body []byte) []byte {
	b := slices.Clone(body)
	if len(b) == 0 {
		return []byte("{}")
	}
	at := w.IntN(len(b))
	switch w.IntN(8) {
	case 0, 1:
		b[at] ^= 1 << w.IntN(8)
	case 2:
		b[at] = pick(w, []byte("{}[]\":,\\0-.eEtfnu \x00\xff"))
	case 3:
		b = slices.Delete(b, at, at+1)
	case 4:
		b = slices.Insert(b, at, pick(w, []byte("{}[]\":,\\09-.e \n\x00\xc3")))
	case 5:
		b = b[:at]
	case 6:
		b = append(b, pick(w, []string{" ", "\n", "{}", "\x00", ","})...)
	case 7:
		b = append([]byte(pick(w, []string{" ", "\n\t", "\xef\xbb\xbf", "0"})), b...)
	}
	return b
}

// text replaces one text by another, once: duplicate and similar members,
// escapes, other spellings of numbers.
func (w *World) text(body []byte) []byte {
	c := pick(w, [][2]string{
		{`"version":`, `"version":7,"version":`},
		{`"version":`, `"Version":7,"version":`},
		{`"version":`, `"ver\u0073ion":`},
		{`"version":`, `"version":0`},
		{`"keyid":`, `"KeyID":"x","keyid":`},
		{`"signed":`, `"Signed":{},"signed":`},
		{`"signed":`, `"signed":{},"signed":`},
		{`"sig":"`, `"sig":"00`},
		{`"sig":"`, `"sig":"zz`},
		{`"_type":"`, `"_type":"\u00`},
		{`"_type"`, `"\ud83d\ude00":1,"_type"`},
		{`"_type"`, `"\ud83d":1,"_type"`},
		{`"spec_version":"1.0.34"`, `"spec_version":"1.0.\u00334"`},
		{`1`, `1.0`},
		{`1`, `1e0`},
		{`true`, `True`},
		{`/`, `\/`},
		{`{`, `{ `},
		{`"`, `\u0022`},
	})
	return bytes.Replace(body, []byte(c[0]), []byte(c[1]), 1)
}

func (w *World) signatures(envelope map[string]any) {
	list, ok := envelope["signatures"].([]any)
	if !ok || len(list) == 0 {
		return
	}
	i := w.IntN(len(list))
	s, ok := list[i].(map[string]any)
	if !ok {
		return
	}
	sig, _ := s["sig"].(string)
	switch w.IntN(9) {
	case 0:
		list = append(list, s)
	case 1:
		list = slices.Delete(list, i, i+1)
	case 2:
		s["sig"] = ""
	case 3:
		s["sig"] = strings.ToUpper(sig)
	case 4:
		s["keyid"] = "somebody"
	case 5:
		list = append(list, map[string]any{"keyid": "somebody", "sig": pick(w, []any{"", "00", "nonsense", sig})})
	case 6:
		slices.Reverse(list)
	case 7:
		s["sig"] = sig + "00"
	case 8:
		list = append(list, map[string]any{"keyid": "a copy", "sig": sig})
	}
	envelope["signatures"] = list
}

// value returns a value that is mostly wrong where it is put.
func (w *World) value() any {
	return pick(w, []any{
		nil, []any{}, map[string]any{}, "", "x", true, false,
		int64(0), int64(1), int64(-1), int64(2),
		json.Number("1.0"), json.Number("1e2"), json.Number("-0"),
		json.Number("9223372036854775807"), json.Number("9223372036854775808"),
		json.Number("1" + strings.Repeat("0", 400)),
		[]any{"x", "x"}, map[string]any{"": nil}, deep[w.IntN(len(deep))],
	})
}

// deep are values with nesting around the limit.
var deep = func() (list []any) {
	for depth := 55; depth < 67; depth++ {
		list = append(list, nested(depth))
	}
	return list
}()

func nested(depth int) any {
	v := any([]any{})
	for range depth {
		v = []any{v}
	}
	return v
}

// member changes one member or element, somewhere.
func (w *World) member(o map[string]any) {
	if len(o) == 0 {
		o["x"] = w.value()
		return
	}
	name := pick(w, slices.Sorted(maps.Keys(o)))
	if w.Chance(65) && w.inside(o[name], func(v any) { o[name] = v }) {
		return
	}
	switch w.IntN(5) {
	case 0:
		delete(o, name)
	case 1:
		o["x-"+name] = w.value()
	case 2:
		v := o[name]
		delete(o, name)
		o[strings.ToUpper(name)] = v
	default:
		o[name] = w.value()
	}
}

// inside changes something in an object or array, and reports whether it did.
func (w *World) inside(v any, set func(any)) bool {
	switch v := v.(type) {
	case map[string]any:
		w.member(v)
		return true
	case []any:
		if len(v) == 0 {
			set([]any{w.value()})
			return true
		}
		i := w.IntN(len(v))
		if w.inside(v[i], func(e any) { v[i] = e }) {
			return true
		}
		switch w.IntN(4) {
		case 0:
			set(append(v, v[i]))
		case 1:
			set(slices.Delete(v, i, i+1))
		case 2:
			slices.Reverse(v)
		default:
			v[i] = w.value()
		}
		return true
	}
	return false
}

// known changes a member that has a meaning to a value that may be valid.
func (w *World) known(signed map[string]any) {
	switch w.IntN(12) {
	case 0:
		signed["spec_version"] = pick(w, []any{"1.0", "1.0.0", "1.99.1", "2.0.0", "1", "v1.0.0", "1.0.0.0", "1.", "01.0"})
	case 1:
		signed["version"] = pick(w, []any{int64(1), int64(2), int64(3), int64(4), int64(0), int64(-1), json.Number("01")})
	case 2:
		soon := w.now.Add(pick(w, []time.Duration{-time.Second, 0, time.Second, time.Hour})).UTC()
		signed["expires"] = pick(w, []string{
			soon.Format(time.RFC3339),
			soon.Format("2006-01-02T15:04:05.000Z"),
			soon.Format("2006-01-02T15:04:05") + "+00:00",
			soon.Format("2006-01-02t15:04:05Z"),
			soon.Format("2006-01-02 15:04:05Z"),
			soon.Format("2006-01-02T15:04:05,5Z"),
			soon.Format("2006-01-02T15:04:05"),
			"2030-02-30T00:00:00Z",
			soon.In(time.FixedZone("", 3600)).Format(time.RFC3339),
			"9999-12-31T23:59:59Z",
		})
	case 3:
		signed["_type"] = pick(w, []any{"root", "timestamp", "snapshot", "targets", "Targets"})
	case 4:
		delete(signed, pick(w, []string{"consistent_snapshot", "delegations", "targets", "meta", "keys", "expires"}))
	case 5, 6:
		w.signersIn(signed)
	case 7, 8, 9:
		w.filesIn(signed)
	default:
		w.delegationsIn(signed)
	}
}

// collect returns the objects that have a member with that name.
func collect(v any, name string) (list []map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v[name]; ok {
			list = append(list, v)
		}
		for _, n := range slices.Sorted(maps.Keys(v)) {
			list = append(list, collect(v[n], name)...)
		}
	case []any:
		for _, e := range v {
			list = append(list, collect(e, name)...)
		}
	}
	return list
}

func (w *World) signersIn(signed map[string]any) {
	found := collect(signed, "keyids")
	if len(found) == 0 {
		return
	}
	role := pick(w, found)
	ids, _ := role["keyids"].([]any)
	switch w.IntN(5) {
	case 0:
		role["threshold"] = pick(w, []any{int64(0), int64(-1), int64(1), int64(2), int64(3), "1", json.Number("1.0"), nil})
	case 1:
		role["keyids"] = append(ids, "missing")
	case 2:
		if len(ids) > 0 {
			role["keyids"] = append(ids, ids[0])
		}
	case 3:
		role["keyids"] = []any{}
	case 4:
		if keys := collect(signed, "keyval"); len(keys) > 0 {
			key := pick(w, keys)
			switch w.IntN(4) {
			case 0:
				key["scheme"] = pick(w, []any{"rsassa-pss-sha256", "new"})
			case 1:
				key["keyval"] = map[string]any{"public": pick(w, []any{"", "00", "nonsense", nil})}
			case 2:
				key["x"] = w.value()
			case 3:
				if value, ok := key["keyval"].(map[string]any); ok {
					if public, ok := value["public"].(string); ok {
						value["public"] = strings.ToUpper(public)
					}
				}
			}
		}
	}
}

// filesIn changes what is listed about a file.
func (w *World) filesIn(signed map[string]any) {
	found := collect(signed, pick(w, []string{"version", "hashes", "hashes", "length"}))
	if len(found) == 0 {
		return
	}
	info := pick(w, found)
	switch w.IntN(8) {
	case 0:
		info["length"] = pick(w, []any{
			int64(0), int64(-1), int64(5), int64(100_000_000), json.Number("9223372036854775807"), nil,
		})
	case 1:
		delete(info, pick(w, []string{"length", "hashes", "version"}))
	case 2:
		info["hashes"] = pick(w, []any{
			map[string]any{}, nil,
			map[string]any{"md5": "00"}, map[string]any{"sha256": "00"}, map[string]any{"sha256": nil},
		})
	case 3:
		if hashes, ok := info["hashes"].(map[string]any); ok {
			hashes["blake3"] = "00"
		}
	case 4:
		if hashes, ok := info["hashes"].(map[string]any); ok {
			for name, digest := range hashes {
				if s, ok := digest.(string); ok {
					hashes[name] = strings.ToUpper(s)
				}
			}
		}
	case 5:
		info["custom"] = w.value()
	case 6:
		info["version"] = pick(w, []any{int64(1), int64(2), int64(3)})
	case 7:
		info["hashes"] = map[string]any{}
	}
}

func (w *World) delegationsIn(signed map[string]any) {
	d, ok := signed["delegations"].(map[string]any)
	if !ok {
		signed["delegations"] = pick(w, []any{
			nil, map[string]any{}, map[string]any{"keys": map[string]any{}, "roles": []any{}},
		})
		return
	}
	roles, _ := d["roles"].([]any)
	if len(roles) == 0 {
		if s, ok := d["succinct_roles"].(map[string]any); ok {
			s["bit_length"] = pick(w, []any{int64(0), int64(1), int64(2), int64(8), int64(32), int64(33)})
		}
		return
	}
	i := w.IntN(len(roles))
	role, ok := roles[i].(map[string]any)
	if !ok {
		return
	}
	switch w.IntN(8) {
	case 0:
		role["terminating"] = pick(w, []any{true, true, false, nil, "true"})
	case 1:
		delete(role, "terminating")
	case 2:
		slices.Reverse(roles)
	case 3:
		d["roles"] = append(roles, role)
	case 4:
		role["name"] = pick(w, []any{"", "root", "targets", "snapshot", "mirrors", "a", "b", "../x"})
	case 5:
		delete(role, "path_hash_prefixes")
		role["paths"] = pick(w, []any{[]any{"*", "*/*"}, []any{}, []any{""}, nil, "*", []any{"[!b]*/*", "[a-"}})
	case 6:
		role["path_hash_prefixes"] = pick(w, []any{
			[]any{""},
			[]any{"0", "1", "2", "3", "4", "5", "6", "7"},
			[]any{"A"},
			[]any{strings.Repeat("0", 65)},
			[]any{},
		})
		if w.Chance(70) {
			delete(role, "paths")
		}
	case 7:
		d["succinct_roles"] = map[string]any{
			"keyids": []any{}, "threshold": int64(1), "bit_length": int64(2), "name_prefix": "a",
		}
		if w.Chance(30) {
			delete(d, "roles")
		}
	}
}
