package metadata

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
)

// Content is the content of one of the four types of files. The file of a
// delegated role has the content Targets.
type Content interface {
	Root | Timestamp | Snapshot | Targets
}

// Options are the options of Parse. The zero value gives the defaults.
type Options struct {
	// EnvelopeFormat is the format of the file. The default is Classic. The
	// caller chooses it, because a file must not decide what its signatures
	// cover. For a file of another format, Parse returns a *SyntaxError.
	EnvelopeFormat EnvelopeFormat
	// MaxDepth limits the levels of JSON nesting. The default is 64, and no
	// more than 1,000 are possible.
	MaxDepth int
	// MaxSignatures limits the signatures of a file. The default is 1,024.
	MaxSignatures int
}

const (
	defaultDepth      = 64
	maxDepth          = 1000
	defaultSignatures = 1024
)

// Signature is one signature of a file, not verified. Its key ID is not signed.
type Signature struct {
	// KeyID is the ID of the key that should have made the signature. It may be
	// absent from a DSSE envelope, and is empty then. Such a signature counts
	// for a key with the empty ID, and where key IDs do not matter.
	KeyID string
	// Hex is the signature as written in a classic file: hexadecimal digits, or
	// any other text.
	Hex string
	// Base64 is the signature as written in a DSSE envelope: base64 in either
	// alphabet, or any other text.
	Base64 string

	text string // the canonical form of the whole entry
}

// JSON returns the entry of the signature as JSON, with its other members, for
// schemes that need them: a keyless signature has a member "bundle" (TAP 18).
// Nobody has signed them. The values are those of the file. The members are
// sorted, and there is no white space. The caller owns the bytes. For a
// Signature that no file had, JSON returns nil.
func (s Signature) JSON() []byte {
	if s.text == "" {
		return nil
	}
	return standardJSON(s.text)
}

// Bytes returns the decoded signature. It returns nil for a signature that is
// empty or not in the encoding of its envelope format. Such a signature does
// not count, and does not make the other signatures of the file invalid
//
func (s Signature) Bytes() []byte {
	if s.Base64 != "" {
		return fromBase64([]byte(s.Base64))
	}
	// either case
	b, err := hex.DecodeString(s.Hex)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// Envelope is a file of which only the syntax has been checked (spec section
// 4.2.1). It retains no part of the bytes that it was parsed from.
type Envelope[T Content] struct {
	format     EnvelopeFormat
	file       []byte // the whole file as it was received; nil if the payload is no part of that
	payload    []byte // what the signatures cover
	content    []byte // canonical text of the content; the payload in a classic file
	signatures []Signature
}

// Parse reads a file. It checks the syntax, the envelope, and that the file has
// the type of T. It does not check the content, and verifies nothing. Errors
// are *SyntaxError. Parse retains no part of data.
//
// It takes time linear in the size of data, except to sort the members of
// objects that are not in canonical order.
func Parse[T Content](data []byte, o Options) (*Envelope[T], error) {
	e, err := parse[T](data, o)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func parse[T Content](data []byte, o Options) (*Envelope[T], *SyntaxError) {
	if o.MaxDepth == 0 {
		o.MaxDepth = defaultDepth
	}
	o.MaxDepth = min(o.MaxDepth, maxDepth)
	if o.MaxSignatures == 0 {
		o.MaxSignatures = defaultSignatures
	}
	if len(data) > math.MaxInt32 { // positions have 32 bits
		return nil, &SyntaxError{Offset: math.MaxInt32, Reason: "the document is too long"}
	}
	doc, err := canonicalize(data, o.MaxDepth)
	if err != nil {
		return nil, err
	}
	e := &Envelope[T]{format: o.EnvelopeFormat}
	// R-T17.5: the caller chooses the format.
	switch o.EnvelopeFormat {
	case Classic:
		err = e.read(doc, o.MaxSignatures)
	case DSSE:
		err = e.readDSSE(doc, o)
	default:
		err = &SyntaxError{Reason: fmt.Sprintf("there is no envelope format number %d", o.EnvelopeFormat)}
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// read reads the members of a classic envelope from a document.
func (e *Envelope[T]) read(doc *scanner, most int) *SyntaxError {
	if doc.whole {
		e.file = doc.out
	}
	r := &reader{text: string(doc.out[:1])}
	r.expect('{', "an object")
	signed, signatures := false, false
	for i := range doc.top {
		name, at, value := doc.member(i)
		var err *SyntaxError
		switch string(name) {
		case "signed":
			signed, e.payload, e.content = true, value, value
			err = doc.checkType(value[:1], at, typeOf[T]())
		case "signatures":
			signatures = true
			r := &reader{text: string(value)}
			e.signatures = r.signatures(most, Classic)
			err = r.after(at)
		}
		if err != nil {
			return err.within(string(name))
		}
	}
	r.missing(0, "signed", signed)
	r.missing(0, "signatures", signatures)
	return r.err
}

// typeOf returns the value of "_type" in a file with the content T.
func typeOf[T Content]() string {
	switch any((*T)(nil)).(type) {
	case *Root:
		return RoleRoot
	case *Timestamp:
		return RoleTimestamp
	case *Snapshot:
		return RoleSnapshot
	}
	return RoleTargets
}

// checkType refuses a content that is not an object of the wanted type. The
// content begins with the given byte at a position of the file.
func (s *scanner) checkType(first []byte, at int, want string) *SyntaxError {
	r := &reader{text: string(first)}
	switch r.expect('{', "an object"); {
	case r.err != nil:
	case s.kind == "":
		r.missing(0, "_type", false)
	default:
		at = s.kindAt
		r = &reader{text: s.kind}
		if got := r.str(); got != want {
			r.fail(0, "found %q, want %q: not a TUF 1.x %s file", shorten(got), want, want)
		}
		if r.err != nil {
			r.err.within("_type")
		}
	}
	return r.after(at)
}

// after returns the reader's error, if any, for a text that begins at a
// position of the file.
func (r *reader) after(at int) *SyntaxError {
	if r.err != nil {
		r.err.Offset += int64(at)
	}
	return r.err
}

func (r *reader) signatures(most int, f EnvelopeFormat) []Signature {
	var list []Signature
	e := r.array()
	for e.next() {
		at := r.pos
		if e.i >= most {
			r.fail(at, "more than %d signatures", most)
			break
		}
		var s Signature
		keyID, sig := false, false
		m := r.object()
		for m.next() {
			switch m.name {
			case "keyid":
				keyID, s.KeyID = true, r.str()
			case "sig":
				sig = true
				if f == DSSE {
					s.Base64 = r.str()
				} else {
					s.Hex = r.str()
				}
			}
		}
		r.missing(at, "keyid", keyID || f == DSSE) // R-T17.6
		r.missing(at, "sig", sig)
		s.text = r.text[at:r.pos]
		list = append(list, s)
	}
	named := list
	if f == DSSE {
		named = slices.DeleteFunc(slices.Clone(list), func(s Signature) bool { return s.KeyID == "" })
	}
	// one signature for a key ID.
	if id, ok := duplicate(named, func(s Signature) string { return s.KeyID }); ok {
		r.fail(r.pos, "two signatures with the key ID %q", shorten(id))
	}
	return list
}

// duplicate returns a name that two elements of a list have.
func duplicate[E any](list []E, name func(E) string) (string, bool) {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = name(e)
	}
	if !slices.IsSorted(names) {
		slices.Sort(names)
	}
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return names[i], true
		}
	}
	return "", false
}

// Format returns the format that the envelope was parsed as.
func (e *Envelope[T]) Format() EnvelopeFormat { return e.format }

// Payload returns a copy of the bytes that the signatures cover. For a classic
// file they are the canonical form of "signed". For a DSSE envelope
// they are the pre-authentication encoding of its payload, which ends with the
// payload as it was received (R-T17.2).
func (e *Envelope[T]) Payload() []byte { return bytes.Clone(e.payload) }

// CheckPayload calls check with the bytes that the signatures cover, and
// returns its error. It does not copy them: check must not change or retain
// them.
func (e *Envelope[T]) CheckPayload(check func(payload []byte) error) error { return check(e.payload) }

// File returns the bytes of the file as they were parsed, if the envelope has
// them, and otherwise nil. It has them for a classic file in canonical form,
// whose payload is part of them. They are not a copy, and must not be changed.
func (e *Envelope[T]) File() []byte { return e.file }

// Signatures returns a copy of the list of signatures, in the order of the
// file.
func (e *Envelope[T]) Signatures() []Signature { return slices.Clone(e.signatures) }

// Unverified decodes the content without verifying a signature: anyone may have
// written it. Errors are *SyntaxError, with offsets in the canonical form of
// the content.
func (e *Envelope[T]) Unverified() (*T, error) {
	r := &reader{text: string(e.content), plain: bytes.IndexByte(e.content, '\\') < 0}
	c := new(T)
	switch c := any(c).(type) {
	case *Root:
		r.root(c)
	case *Timestamp:
		r.timestamp(c)
	case *Snapshot:
		r.snapshot(c)
	case *Targets:
		r.targets(c)
	}
	if r.err != nil {
		return nil, r.err.within(e.format.member())
	}
	return c, nil
}
