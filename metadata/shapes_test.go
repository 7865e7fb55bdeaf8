package metadata_test

import (
	"fmt"
	"strings"
)

// shape is an adversary's idea of a document, of about n bytes. Its signed
// part, if that is what matters, is made for one type of role.
type shape struct {
	name string
	of   func(n int) string
}

// fill repeats a piece, which is given its number, up to n bytes, with commas
// between.
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

// falling numbers pieces so that their names stand in reverse order.
func falling(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, 9_999_999-i) }
}

// shuffled numbers pieces in no order that a sort could make use of.
func shuffled(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i*7_368_787%9_999_991) }
}

// nested puts objects into one another, whose other members stand in reverse
// order.
func nested(n, depth int, piece func(int) string) string {
	inner := "0"
	for range depth {
		inner = `{"` + "\u007f" + `":` + inner + `,` + fill(n/depth, piece) + `}`
	}
	return inner
}

func shapedAs(role, members string) string {
	return `{"signatures":[],"signed":{"_type":"` + role + `",` + members + `,"expires":"2030-01-02T00:00:00Z","spec_version":"1.0","version":1}}`
}

const signersOf = `"keyids":[],"threshold":1`

// shapes are legal or not: most of their cost comes before the verdict.
var shapes = []shape{
	{"empty members", func(n int) string { return "{" + fill(n, same(`"":0`)) + "}" }},
	{"empty strings in an array", func(n int) string { return "[" + fill(n, same(`""`)) + "]" }},
	{"names in reverse order", func(n int) string { return "{" + fill(n, falling(`"%07d":0`)) + "}" }},
	{"escaped names in reverse order", func(n int) string { return "{" + fill(n, falling(`"\"%07d":0`)) + "}" }},
	{"names in no order", func(n int) string { return "{" + fill(n, shuffled(`"%07d":0`)) + "}" }},
	{"escaped names in no order", func(n int) string { return "{" + fill(n, shuffled(`"\"%07d`+strings.Repeat("x", 26)+`":0`)) + "}" }},
	{"names in no order, and one escape", func(n int) string { return `{"\"":0,` + fill(n, shuffled(`"%07d`+strings.Repeat("x", 27)+`":0`)) + "}" }},
	{"reverse order, nested 60 deep", func(n int) string { return nested(n, 60, falling(`"%07d":0`)) }},
	{"escapes in reverse order, nested 60 deep", func(n int) string { return nested(n, 60, falling(`"\\%07d":0`)) }},
	{"objects of 1,024 members in one another", func(n int) string {
		return nested(n, min(60, n/10_000), func(i int) string { return fmt.Sprintf(`"%05d":0`, i) })
	}},
	{"objects of 1,024 members after one another", func(n int) string {
		object := "{" + fill(10_000, func(i int) string { return fmt.Sprintf(`"%04d":0`, i) }) + "}"
		return "[" + fill(n, same(object)) + "]"
	}},
	{"arrays, too deep", func(n int) string { return strings.Repeat("[", n) }},
	{"arrays, just deep enough", func(n int) string {
		return "[" + fill(n, same(strings.Repeat("[", 60)+strings.Repeat("]", 60))) + "]"
	}},
	{"objects, too deep, with long names", func(n int) string { return strings.Repeat(`{"`+strings.Repeat("\u200b", 21)+`":`, n/68) }},
	{"a huge number", func(n int) string { return strings.Repeat("9", n) }},
	{"huge numbers in signed", func(n int) string {
		return shapedAs("targets", `"targets":{},"x":[`+fill(n, same(strings.Repeat("9", 100_000)))+`]`)
	}},
	{"a huge version", func(n int) string { return shapedAs("snapshot", `"meta":{},"version":`+strings.Repeat("9", n)) }},
	{"one long string", func(n int) string { return `"` + strings.Repeat("x", n) + `"` }},
	{"one long string of escapes", func(n int) string { return `"` + strings.Repeat(`\n`, n/2) + `"` }},
	{"one long string of quotes", func(n int) string { return shapedAs("targets", `"targets":{},"x":"`+strings.Repeat(`\"`, n/2)+`"`) }},
	{"one long name of quotes", func(n int) string { return shapedAs("targets", `"targets":{},"`+strings.Repeat(`\"`, n/2)+`":0`) }},
	{"one long string of spaces", func(n int) string { return `"` + strings.Repeat(" ", n) + `"` }},
	{"a payload of spaces", func(n int) string { return shapedAs("targets", `"targets":{},"x":"`+strings.Repeat(" ", n)+`"`) }},
	{"white space", func(n int) string { return strings.Repeat(" \n", n/2) }},
	{"a string that does not end", func(n int) string { return `"` + strings.Repeat("x", n) }},
	{"a long spec_version", func(n int) string {
		return shapedAs("targets", `"targets":{},"spec_version":"`+strings.Repeat("1.", n/2))
	}},
	{"a time with a long fraction", func(n int) string {
		return `{"signatures":[],"signed":{"_type":"timestamp","expires":"2030-01-02T00:00:00.` + strings.Repeat("0", n) + `Z"}}`
	}},
	{"signatures", func(n int) string {
		return `{"signatures":[` + fill(n, same(`{"keyid":"","sig":""}`)) + `],"signed":{}}`
	}},
	{"100,000 signatures", func(n int) string {
		return `{"signatures":[` + fill(n, func(i int) string { return fmt.Sprintf(`{"keyid":"%d","sig":"00"}`, i) }) + `],"signed":{"_type":"root"}}`
	}},
	{"members of the document", func(n int) string {
		return `{"signatures":[],"signed":{"_type":"root"},` + fill(n, func(i int) string { return fmt.Sprintf(`"x%07d":0`, i) }) + `}`
	}},
	{"unknown members in signed", func(n int) string {
		return shapedAs("targets", `"targets":{},`+fill(n, func(i int) string { return fmt.Sprintf(`"x%07d":0`, i) }))
	}},
	{"files of a snapshot", func(n int) string {
		return shapedAs("snapshot", `"meta":{"targets.json":{"version":1},`+fill(n, func(i int) string { return fmt.Sprintf(`"%06d":{"version":1}`, i) })+`}`)
	}},
	{"one short file, then long ones", func(n int) string {
		return shapedAs("snapshot", `"meta":{"":{"version":1},"targets.json":{"version":1},`+fill(n, func(i int) string { return fmt.Sprintf(`"u%s%06d":{"version":1}`, strings.Repeat("x", 5000), i) })+`}`)
	}},
	{"empty hashes", func(n int) string {
		return shapedAs("snapshot", `"meta":{"targets.json":{"version":1,"hashes":{`+fill(n, func(i int) string { return fmt.Sprintf(`"%06d":""`, i) })+`}}}`)
	}},
	{"targets", func(n int) string {
		return shapedAs("targets", `"targets":{`+fill(n, func(i int) string { return fmt.Sprintf(`"%06d":{"hashes":{"":""},"length":0}`, i) })+`}`)
	}},
	{"roles of minimal size", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"roles":[`+fill(n, func(i int) string { return fmt.Sprintf(`{"keyids":[],"name":"%06d","threshold":1}`, i) })+`]},"targets":{}`)
	}},
	{"roles of minimal size in reverse order", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"roles":[`+fill(n, falling(`{"keyids":[],"name":"%07d","threshold":1}`))+`]},"targets":{}`)
	}},
	{"one role's prefixes", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"roles":[{"keyids":[],"name":"a","path_hash_prefixes":[`+fill(n, same(`""`))+`],"threshold":1}]},"targets":{}`)
	}},
	{"a role with many prefixes, then many with none", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"roles":[{"keyids":[],"name":"0","path_hash_prefixes":[`+fill(1000, same(`""`))+`],"threshold":1},`+
			fill(n, func(i int) string { return fmt.Sprintf(`{"keyids":[],"name":"%06d","threshold":1}`, i) })+`]},"targets":{}`)
	}},
	{"prefixes in reverse order", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"roles":[`+fill(n, func(i int) string {
			return fmt.Sprintf(`{"keyids":[],"name":"%06d","path_hash_prefixes":["%07d"],"threshold":1}`, i, 9_999_999-i)
		})+`]},"targets":{}`)
	}},
	{"patterns", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"roles":[{"keyids":[],"name":"a","paths":[`+fill(n, same(`"*a*a*a*b"`))+`],"threshold":1}]},"targets":{}`)
	}},
	{"key IDs", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"roles":[{"keyids":[`+fill(n, same(`""`))+`],"name":"a","threshold":1}]},"targets":{}`)
	}},
	{"keys", func(n int) string {
		return shapedAs("root", `"keys":{`+fill(n, func(i int) string { return fmt.Sprintf(`"%06d":{"keytype":"","keyval":{},"scheme":""}`, i) })+`},"roles":{`+
			`"root":{`+signersOf+`},"timestamp":{`+signersOf+`},"snapshot":{`+signersOf+`},"targets":{`+signersOf+`}}`)
	}},
	{"roles of a root", func(n int) string {
		return shapedAs("root", `"keys":{},"roles":{`+fill(n, func(i int) string { return fmt.Sprintf(`"%06d":{}`, i) })+`}`)
	}},
	{"2^32 bins", func(n int) string {
		return shapedAs("targets", `"delegations":{"keys":{},"succinct_roles":{"bit_length":32,"keyids":[],"name_prefix":"`+strings.Repeat("x", n)+`","threshold":1}},"targets":{}`)
	}},
}
