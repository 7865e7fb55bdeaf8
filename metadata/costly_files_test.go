package metadata_test

import (
	"fmt"
	"strings"
)

// costlyFile is a document that an attacker could make to cost memory. Some of
// them are legal and some are not: most of the cost comes before a reader knows
// that.
type costlyFile struct {
	name string
	of   func(n int) string // of about n bytes
}

// fill repeats a piece up to n bytes, with commas between. The piece gets its
// number.
func fill(n int, piece func(i int) string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(piece(i))
	}
	return b.String()
}

func same(piece string) func(int) string { return func(int) string { return piece } }

// numbered formats pieces with their numbers.
func numbered(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i) }
}

// falling numbers pieces so that their names are in reverse order.
func falling(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, 9_999_999-i) }
}

// shuffled numbers pieces in an order that does not help a sort.
func shuffled(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i*7_368_787%9_999_991) }
}

// nested returns objects inside each other, with other members in reverse
// order.
func nested(n, depth int, piece func(int) string) string {
	inner := "0"
	for range depth {
		inner = `{"` + "\u007f" + `":` + inner + `,` + fill(n/depth, piece) + `}`
	}
	return inner
}

// fileOf returns a file of a type with the given members and all common ones.
func fileOf(role, members string) string {
	return `{"signatures":[],"signed":{"_type":"` + role + `",` + members +
		`,"expires":"2030-01-02T00:00:00Z","spec_version":"1.0","version":1}}`
}

func snapshotWith(meta string) string { return fileOf("snapshot", `"meta":{`+meta+`}`) }

func targetsWith(members string) string { return fileOf("targets", `"targets":{},`+members) }

func rolesWith(list string) string {
	return fileOf("targets", `"delegations":{"keys":{},"roles":[`+list+`]},"targets":{}`)
}

// Pieces of contents.
const (
	noKeys     = `"keyids":[],"threshold":1`
	oneVersion = `"targets.json":{"version":1}`
	smallRole  = `{"keyids":[],"name":"%06d","threshold":1}`
)

var costlyFiles = []costlyFile{
	{"empty members", func(n int) string { return "{" + fill(n, same(`"":0`)) + "}" }},
	{"empty strings in an array", func(n int) string { return "[" + fill(n, same(`""`)) + "]" }},
	{"names in reverse order", func(n int) string { return "{" + fill(n, falling(`"%07d":0`)) + "}" }},
	{"escaped names in reverse order", func(n int) string {
		return "{" + fill(n, falling(`"\"%07d":0`)) + "}"
	}},
	{"names in no order", func(n int) string { return "{" + fill(n, shuffled(`"%07d":0`)) + "}" }},
	{"escaped names in no order", func(n int) string {
		return "{" + fill(n, shuffled(`"\"%07d`+strings.Repeat("x", 26)+`":0`)) + "}"
	}},
	{"names in no order, and one escape", func(n int) string {
		return `{"\"":0,` + fill(n, shuffled(`"%07d`+strings.Repeat("x", 27)+`":0`)) + "}"
	}},
	{"reverse order, nested 60 deep", func(n int) string { return nested(n, 60, falling(`"%07d":0`)) }},
	{"escapes in reverse order, nested 60 deep", func(n int) string {
		return nested(n, 60, falling(`"\\%07d":0`))
	}},
	{"objects of 1,024 members in one another", func(n int) string {
		return nested(n, min(60, n/10_000), numbered(`"%05d":0`))
	}},
	{"objects of 1,024 members after one another", func(n int) string {
		return "[" + fill(n, same("{"+fill(10_000, numbered(`"%04d":0`))+"}")) + "]"
	}},
	{"arrays, too deep", func(n int) string { return strings.Repeat("[", n) }},
	{"arrays, just deep enough", func(n int) string {
		return "[" + fill(n, same(strings.Repeat("[", 60)+strings.Repeat("]", 60))) + "]"
	}},
	{"objects, too deep, with long names", func(n int) string {
		return strings.Repeat(`{"`+strings.Repeat("\u200b", 21)+`":`, n/68)
	}},
	{"a huge number", func(n int) string { return strings.Repeat("9", n) }},
	{"huge numbers in signed", func(n int) string {
		return targetsWith(`"x":[` + fill(n, same(strings.Repeat("9", 100_000))) + `]`)
	}},
	{"a huge version", func(n int) string {
		return fileOf("snapshot", `"meta":{},"version":`+strings.Repeat("9", n))
	}},
	{"one long string", func(n int) string { return `"` + strings.Repeat("x", n) + `"` }},
	{"one long string of escapes", func(n int) string { return `"` + strings.Repeat(`\n`, n/2) + `"` }},
	{"one long string of quotes", func(n int) string {
		return targetsWith(`"x":"` + strings.Repeat(`\"`, n/2) + `"`)
	}},
	{"one long name of quotes", func(n int) string {
		return targetsWith(`"` + strings.Repeat(`\"`, n/2) + `":0`)
	}},
	{"one long string of spaces", func(n int) string { return `"` + strings.Repeat(" ", n) + `"` }},
	{"a payload of spaces", func(n int) string { return targetsWith(`"x":"` + strings.Repeat(" ", n) + `"`) }},
	{"white space", func(n int) string { return strings.Repeat(" \n", n/2) }},
	{"a string that does not end", func(n int) string { return `"` + strings.Repeat("x", n) }},
	{"a long spec_version", func(n int) string {
		return targetsWith(`"spec_version":"` + strings.Repeat("1.", n/2))
	}},
	{"a time with a long fraction", func(n int) string {
		return `{"signatures":[],"signed":{"_type":"timestamp","expires":"2030-01-02T00:00:00.` +
			strings.Repeat("0", n) + `Z"}}`
	}},
	{"signatures", func(n int) string {
		return `{"signatures":[` + fill(n, same(`{"keyid":"","sig":""}`)) + `],"signed":{}}`
	}},
	{"100,000 signatures", func(n int) string {
		list := fill(n, numbered(`{"keyid":"%d","sig":"00"}`))
		return `{"signatures":[` + list + `],"signed":{"_type":"root"}}`
	}},
	{"members of the document", func(n int) string {
		return `{"signatures":[],"signed":{"_type":"root"},` + fill(n, numbered(`"x%07d":0`)) + `}`
	}},
	{"unknown members in signed", func(n int) string { return targetsWith(fill(n, numbered(`"x%07d":0`))) }},
	{"files of a snapshot", func(n int) string {
		return snapshotWith(oneVersion + `,` + fill(n, numbered(`"%06d":{"version":1}`)))
	}},
	{"one short file, then long ones", func(n int) string {
		long := numbered(`"u` + strings.Repeat("x", 5000) + `%06d":{"version":1}`)
		return snapshotWith(`"":{"version":1},` + oneVersion + `,` + fill(n, long))
	}},
	{"empty hashes", func(n int) string {
		return snapshotWith(`"targets.json":{"version":1,"hashes":{` + fill(n, numbered(`"%06d":""`)) + `}}`)
	}},
	{"targets", func(n int) string {
		list := fill(n, numbered(`"%06d":{"hashes":{"":""},"length":0}`))
		return fileOf("targets", `"targets":{`+list+`}`)
	}},
	{"roles of minimal size", func(n int) string { return rolesWith(fill(n, numbered(smallRole))) }},
	{"roles of minimal size in reverse order", func(n int) string {
		return rolesWith(fill(n, falling(`{"keyids":[],"name":"%07d","threshold":1}`)))
	}},
	{"one role's prefixes", func(n int) string {
		list := fill(n, same(`""`))
		return rolesWith(`{"keyids":[],"name":"a","path_hash_prefixes":[` + list + `],"threshold":1}`)
	}},
	{"a role with many prefixes, then many with none", func(n int) string {
		list := fill(1000, same(`""`))
		return rolesWith(`{"keyids":[],"name":"0","path_hash_prefixes":[` + list + `],"threshold":1},` +
			fill(n, numbered(smallRole)))
	}},
	{"prefixes in reverse order", func(n int) string {
		const role = `{"keyids":[],"name":"%06d","path_hash_prefixes":["%07d"],"threshold":1}`
		return rolesWith(fill(n, func(i int) string { return fmt.Sprintf(role, i, 9_999_999-i) }))
	}},
	{"patterns", func(n int) string {
		list := fill(n, same(`"*a*a*a*b"`))
		return rolesWith(`{"keyids":[],"name":"a","paths":[` + list + `],"threshold":1}`)
	}},
	{"patterns in no order", func(n int) string {
		list := fill(n, shuffled(`"%07d*"`))
		return rolesWith(`{"keyids":[],"name":"a","paths":[` + list + `],"threshold":1}`)
	}},
	{"empty patterns", func(n int) string {
		return rolesWith(`{"keyids":[],"name":"a","paths":[` + fill(n, same(`""`)) + `],"threshold":1}`)
	}},
	{"patterns that are beginnings of each other", func(n int) string {
		list := fill(n, func(i int) string { return `"` + strings.Repeat("a", i) + `"` })
		return rolesWith(`{"keyids":[],"name":"a","paths":[` + list + `],"threshold":1}`)
	}},
	{"a role with many patterns, then many with none", func(n int) string {
		return rolesWith(`{"keyids":[],"name":"0","paths":[` + fill(1000, same(`""`)) + `],"threshold":1},` +
			fill(n, numbered(smallRole)))
	}},
	{"key IDs", func(n int) string {
		return rolesWith(`{"keyids":[` + fill(n, same(`""`)) + `],"name":"a","threshold":1}`)
	}},
	{"keys", func(n int) string {
		keys := fill(n, numbered(`"%06d":{"keytype":"","keyval":{},"scheme":""}`))
		return fileOf("root", `"keys":{`+keys+`},"roles":{"root":{`+noKeys+`},"timestamp":{`+noKeys+
			`},"snapshot":{`+noKeys+`},"targets":{`+noKeys+`}}`)
	}},
	{"roles of a root", func(n int) string {
		return fileOf("root", `"keys":{},"roles":{`+fill(n, numbered(`"%06d":{}`))+`}`)
	}},
	{"2^32 bins", func(n int) string {
		return fileOf("targets", `"delegations":{"keys":{},"succinct_roles":{"bit_length":32,`+
			`"keyids":[],"name_prefix":"`+strings.Repeat("x", n)+`","threshold":1}},"targets":{}`)
	}},
}
