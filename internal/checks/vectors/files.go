package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

func number(text string) json.Number { return json.Number(text) }

func replace(text string) func([]byte) []byte {
	return func([]byte) []byte { return []byte(text) }
}

// brokenFiles are not what the format allows. They are refused, and no client
// crashes.
func (b *book) brokenFiles() {
	const open = "the specification does not say what a client does with more than it asks for"
	const tolerant = "readers of JSON differ here, and the specification does not choose"
	b.refuseNext("broken", func(string) string { return "" }, []forgery{
		{name: "empty", requirements: "R-4.2.1", why: "an empty file", after: replace("")},
		{name: "page", requirements: "R-4.2.1", why: "a page of HTML",
			after: replace("<!doctype html><title>Log in</title>")},
		{name: "null", requirements: "R-4.2.1", why: "null in place of the file", after: replace("null")},
		{name: "array", requirements: "R-4.2.1", why: "an array in place of the file", after: replace("[]")},
		{name: "cut", requirements: "R-4.2.1", why: "the last byte is missing",
			after: func(data []byte) []byte { return data[:len(data)-1] }},
		{name: "trailing", requirements: "R-4.1.4", why: "a second value after the file",
			after: func(data []byte) []byte { return append(bytes.Clone(data), "{}"...) }},
		{name: "signed-missing", requirements: "R-4.2.1", why: "no content",
			before: envelope(func(e object) { delete(e, "signed") })},
		{name: "signed-null", requirements: "R-4.2.1", why: "null in place of the content",
			before: envelope(func(e object) { e["signed"] = nil })},
		{name: "signed-array", requirements: "R-4.2.1", why: "an array in place of the content",
			before: envelope(func(e object) { e["signed"] = []any{} })},
		{name: "signed-empty", requirements: "R-4.2.1", why: "an empty content",
			before: envelope(func(e object) { e["signed"] = object{} })},
		{name: "signatures-missing", requirements: "R-4.2.1", why: "no list of signatures",
			before: envelope(func(e object) { delete(e, "signatures") })},
		{name: "signatures-null", requirements: "R-4.2.1", why: "null in place of the signatures",
			before: envelope(func(e object) { e["signatures"] = nil })},
		{name: "signatures-object", requirements: "R-4.2.1", why: "an object in place of the signatures",
			before: envelope(func(e object) { e["signatures"] = object{} })},
		{name: "signature-null", requirements: "R-4.2.1", why: "null in place of the only signature",
			before: envelope(func(e object) { e["signatures"] = []any{nil} })},
		{name: "keyid-number", requirements: "R-4.2.1", why: "a number in place of the only key ID",
			before: editSignature(func(sig object) { sig["keyid"] = int64(7) })},
		{name: "sig-number", requirements: "R-4.2.1", why: "a number in place of the only signature's text",
			before: editSignature(func(sig object) { sig["sig"] = int64(7) })},
		{name: "sig-empty", requirements: "R-4.2.4", why: "the only signature is empty",
			before: editSignature(func(sig object) { sig["sig"] = "" })},
		{name: "sig-odd", requirements: "R-4.2.4", why: "the only signature lacks a digit",
			before: editSignature(func(sig object) { sig["sig"] = sig["sig"].(string)[1:] })},
		{name: "content-null", requirements: "R-4.2.1", why: "null in place of what the file lists",
			before: edit(func(signed object) { signed[listOf(signed)] = nil })},
		{name: "content-array", requirements: "R-4.2.1", why: "an array in place of what the file lists",
			before: edit(func(signed object) { signed[listOf(signed)] = []any{} })},
		{name: "content-missing", requirements: "R-4.2.1", why: "what the file lists is missing",
			before: edit(func(signed object) { delete(signed, listOf(signed)) })},
		{name: "entry-null", requirements: "R-4.2.1", why: "null in place of an entry of what the file lists",
			before: edit(func(signed object) {
				entries := signed[listOf(signed)].(object)
				for name := range entries {
					entries[name] = nil
				}
			})},
		{name: "bad-utf8", requirements: "R-4.1.4", why: "bytes that are not UTF-8, and signed as they are",
			before: set("x-note", "\xff\xfe")},
		{name: "deep", requirements: "R-4.1.4", why: "nine thousand arrays in each other, next to the signatures",
			before: func(s *story, role string) {
				s.EditEnvelope(role, func(e object) {
					e["x-deep"] = number(strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000))
				})
			}, choice: "a client may ignore what it does not know, or limit how deep a file is"},
		{name: "duplicate-member", requirements: "R-4.1.4", why: "a member twice, with the same value",
			after: func(data []byte) []byte {
				return bytes.Replace(data, []byte(`"spec_version": "1.0.34"`),
					[]byte(`"spec_version": "1.0.34", "spec_version": "1.0.34"`), 1)
			}, choice: tolerant},
		{name: "extra-null-signature", requirements: "R-4.2.1", why: "null next to a good signature",
			before: envelope(func(e object) { e["signatures"] = append(e["signatures"].([]any), nil) }), choice: open},
		{name: "bom", requirements: "R-4.1.4", why: "a byte order mark before the file",
			after:  func(data []byte) []byte { return append([]byte("\xef\xbb\xbf"), data...) },
			choice: "RFC 8259 allows a reader to ignore it"},
	})
}

// listOf is the member in which a file lists most.
func listOf(signed object) string {
	switch signed["_type"] {
	case "root":
		return "roles"
	case "targets":
		return "targets"
	}
	return "meta"
}

func editSignature(f func(sig object)) func(*story, string) {
	return envelope(func(e object) { f(e["signatures"].([]any)[0].(object)) })
}

// toleratedFiles are unusual, and good.
func (b *book) toleratedFiles() {
	const hex = "the specification does not say what a signature that is not hexadecimal does to the others"
	extra := func(sig string) func(*story, string) {
		return func(s *story, role string) {
			s.EditEnvelope(role, func(e object) {
				e["signatures"] = append(e["signatures"].([]any), object{"keyid": s.Key("other").ID(), "sig": sig})
			})
		}
	}
	b.acceptNext("unusual", []forgery{
		{name: "unknown-member", requirements: "R-4.0.1", why: "a member that no client knows is signed too",
			before: set("x-note", object{"a": []any{int64(1), "two", true}, "b": object{}})},
		{name: "unknown-member-outside", requirements: "R-4.0.1",
			why:    "a member that no client knows, next to the signatures",
			before: envelope(func(e object) { e["x-note"] = "not signed" })},
		{name: "escapes", requirements: "R-4.1.1", why: "line breaks, quotes, backslashes and controls in a string, " +
			"which the canonical form has as they are", before: set("x-note",
			"a\n\t\"b\" \\c \x01 \x7f </script> é \u2028 😀")},
		{name: "sorted-members", requirements: "R-4.1.1",
			why: "members that sort by their bytes: with upper case, marks and accents",
			before: set("x-note", object{"b": int64(1), "B": int64(2), "a!": int64(3), "a": int64(4), "é": int64(5),
				"": int64(6)})},
		{name: "sorted-beyond", requirements: "R-4.1.1", why: "two members that sort differently in UTF-8 and in UTF-16",
			before: set("x-note", object{"\uff5e": int64(1), "😀": int64(2)}),
			choice: "OLPC's canonical form does not say by what members are sorted"},
		{name: "other-case", requirements: "R-4.1.4", why: "an unknown member that differs from a known one in case only",
			before: set("Version", int64(9))},
		{name: "large-number", requirements: "R-4.1.3", why: "an integer above 2^53 in an unknown member",
			before: set("x-note", number("9007199254740993")),
			choice: "RFC 8259 promises nothing for integers above 2^53"},
		{name: "unknown-signature", requirements: "R-4.2.5",
			why:    "a good signature by a key that is not listed, next to a good one",
			before: func(s *story, role string) { s.SignWith(role, append(s.Keys(role), s.Key("other"))...) }},
		{name: "wrong-signature", requirements: "R-4.2.4",
			why: "a wrong signature by a key that is listed, next to a good one",
			before: func(s *story, role string) {
				wrong := *s.Key("other")
				wrong.KeyID = s.Key("b").ID()
				s.keysOf(role, 1, s.Key("b"), s.Key("a"))
				s.SignWith(role, append(s.oldRootKey(role), &wrong, s.Key("a"))...)
			}},
		{name: "empty-signature", requirements: "R-4.2.4", why: "an empty signature next to a good one",
			before: extra(""), choice: hex},
		{name: "junk-signature", requirements: "R-4.2.4", why: "a signature that is not hexadecimal next to a good one",
			before: extra("zz"), choice: hex},
		{name: "upper-case", requirements: "R-4.2.6", why: "a signature in upper case",
			before: editSignature(func(sig object) { sig["sig"] = strings.ToUpper(sig["sig"].(string)) }),
			choice: "the specification does not say in which case the digits are"},
		{name: "two-of-three", requirements: "R-4.3.7", why: "two of three keys signed, which is enough",
			before: func(s *story, role string) {
				s.keysOf(role, 2, s.Key("a"), s.Key("b"), s.Key("c"))
				s.SignWith(role, append(s.oldRootKey(role), s.Key("a"), s.Key("c"))...)
			}},
		{name: "spec-1.0", requirements: "R-4.3.1", why: "a version of the specification in two parts",
			before: set("spec_version", "1.0"), choice: "which versions match is free, and this one is not semantic " +
				"versioning"},
		{name: "spec-1.9", requirements: "R-4.3.1", why: "a later minor version of the specification",
			before: set("spec_version", "1.9.0"), choice: "which versions match is free"},
		{name: "expires-fraction", requirements: "R-4.3.3", why: "a time of expiry with a fraction",
			before: set("expires", "2150-01-01T00:00:00.500Z"),
			choice: "the specification has one notation, and deployed files have others"},
		{name: "expires-offset", requirements: "R-4.3.3", why: "a time of expiry with an offset",
			before: set("expires", "2150-01-01T00:00:00+02:00"),
			choice: "the specification has one notation, and deployed files have others"},
	})
}
