// Package metadata reads the wire format of The Update Framework: strict JSON,
// its canonical form, and the contents of the four roles. It knows form and
// never trust: nothing here verifies a signature, compares versions or looks at
// a clock. Package roles does.
//
// A file goes through two steps. [Parse] checks syntax and the envelope of
// signatures, and makes the canonical bytes that the signatures cover. The
// typed contents are decoded from those bytes afterwards: by package roles once
// enough signatures hold, or by [Envelope.Unverified], whose name is the
// warning.
//
// # The format
//
// The reader takes UTF-8 JSON and is stricter than encoding/json: exactly one
// value, no duplicate names (compared after unescaping), names in their exact
// case, no unpaired surrogates, and only integers inside "signed" (R-4.1.2,
// The canonical form is OLPC canonical JSON of the tree as it was
// received, so unknown fields, absent optional fields and odd spellings of a
// time stay in the signed bytes. This is the POUF-1 format
// of TAP 11.
//
// With the format [DSSE], for [Parse], the same contents come in Dead Simple
// Signing Envelopes (TAP 17). Signatures then cover the payload as it came,
// with its type, so that none of them is good for both forms; the payload is
// read as strictly as "signed", and its contents are decoded from its canonical
// form. The caller says which form is right. A file is a SyntaxError in the
// other, and no file is of both. Its base64 is in the standard or the URL-safe
// alphabet, with padding, without white space or stray bits. A signature may
// come without a key ID, and then counts only where IDs do not matter.
//
// Contents are views on one immutable text: a name or a digest is a part of it,
// and entries of long lists are decoded when they are asked for. Everything in
// this package may be used from several goroutines at once.
//
// Parse and Unverified allocate at most 40 bytes for each byte of a file, and
// 16 KB to begin with, whatever is in it; an ordinary file takes less than
// three.
package metadata
