// Package metadata reads the wire format of The Update Framework (TUF) and
// knows no trust.
//
// It does not verify signatures, compare versions, look at a clock or read
// files. Package roles verifies signatures and holds the rules between
// versions.
//
// Reading a file takes two steps:
//
//	env, err := metadata.Parse[metadata.Timestamp](data, metadata.Options{})
//	if err != nil {
//		return err
//	}
//	timestamp, err := env.Unverified() // anyone may have written it
//
// [Parse] checks the syntax and the envelope, and computes the bytes that the
// signatures cover. The content is decoded afterwards: by package roles, once
// enough signatures are valid, or by [Envelope.Unverified].
//
// The caller must:
//
//   - limit the size of a file before it is parsed;
//   - choose the envelope format, and not guess it from the file;
//   - trust nothing that comes from [Envelope.Unverified] or
//     [Envelope.Signatures];
//   - use [FileName] to make a file name from the name of a role, and
//     [Printable] to show a name in a terminal.
//
// # JSON
//
// The reader accepts UTF-8 JSON and is stricter than encoding/json. It accepts
// exactly one value, no duplicate names (compared after unescaping), names in
// their exact case only, no unpaired surrogates, and only integers inside
// "signed".
//
// The canonical form is OLPC canonical JSON of the document as it was received.
// Unknown members, absent optional members and unusual spellings of a time
// therefore stay in the signed bytes. This is the POUF-1
// format of TAP 11.
//
// # DSSE envelopes
//
// With [DSSE] as the envelope format, the same contents come in Dead Simple
// Signing Envelopes (TAP 17). The signatures then cover the payload as it was
// received, and its type. So no signature is valid in both formats. The payload
// is read as strictly as "signed", and its content is decoded from its
// canonical form.
//
// The payload is base64 in the standard or the URL-safe alphabet, with padding,
// without white space and without stray bits. A signature may have no key ID.
// It then counts only where key IDs do not matter.
//
// A file in the other format is a [SyntaxError]. No file is valid in both.
//
// # Memory
//
// A content is a view of one immutable text. Names and digests are parts of
// that text, and the entries of long lists are decoded on each access.
//
// Parse and Unverified allocate at most 40 bytes for each byte of a file, plus
// 16 KB, whatever the file contains. An ordinary file needs less than three
// bytes for each of its own.
//
// # Concurrency
//
// Several goroutines may use everything in this package at once, except a
// [Checker].
package metadata
