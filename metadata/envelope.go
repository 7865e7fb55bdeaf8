package metadata

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
)

// Content is the content of one of the four types of files. A delegated role's file is a Targets.
type Content interface {
	Root | Timestamp | Snapshot | Targets
}

// Limits bound what Parse takes. Zero fields mean the defaults.
type Limits struct {
	Depth      int // levels of JSON nesting; default 64, at most 1,000
	Signatures int // signatures in a file; default 1,024
}

const (
	defaultDepth      = 64
	defaultSignatures = 1024
)

// Signature is one entry of a file's signatures. Nothing about it has been verified, and its key ID is not signed.
type Signature struct {
	KeyID string
	// Hex is the signature as written: hexadecimal digits, if it is any good.
	Hex string
}

// Bytes returns the signature, or nil if it is empty or not hexadecimal: then it counts for nothing,
// and the file stands or falls with its other signatures.
func (s Signature) Bytes() []byte {
	b, err := hex.DecodeString(s.Hex)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// Envelope is a file whose syntax has been checked, and nothing else (spec section 4.2.1).
// It keeps no part of the bytes that it was parsed from.
type Envelope[T Content] struct {
	payload    []byte
	signatures []Signature
}

// Parse reads a file: its syntax, the envelope, and that the type it names is T's. Errors are *SyntaxError.
//
// It takes time linear in the size of data, but for sorting the members of objects that are not in order.
func Parse[T Content](data []byte) (*Envelope[T], error) { return ParseWithin[T](data, Limits{}) }

// ParseWithin is Parse with other limits.
func ParseWithin[T Content](data []byte, l Limits) (*Envelope[T], error) {
	e, err := parse[T](data, l)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func parse[T Content](data []byte, l Limits) (*Envelope[T], *SyntaxError) {
	if l.Depth == 0 {
		l.Depth = defaultDepth
	}
	l.Depth = min(l.Depth, 1000)
	if l.Signatures == 0 {
		l.Signatures = defaultSignatures
	}
	if len(data) > math.MaxInt32 { // positions are kept in 32 bits
		return nil, &SyntaxError{Offset: math.MaxInt32, Reason: "the document is too long"}
	}
	doc, err := canonicalize(data, l.Depth)
	if err != nil {
		return nil, err
	}
	e := new(Envelope[T])
	if err := e.read(doc, l.Signatures); err != nil {
		return nil, err
	}
	return e, nil
}

// read takes the envelope's members from a document.
func (e *Envelope[T]) read(doc *scanner, most int) *SyntaxError {
	r := &reader{text: string(doc.out[:1])}
	r.expect('{', "an object")
	signed, signatures := false, false
	for i := range doc.top {
		name, at, value := doc.member(i)
		var err *SyntaxError
		switch string(name) {
		case "signed":
			signed, e.payload = true, value
			err = doc.checkType(value[:1], at, typeOf[T]())
		case "signatures":
			signatures = true
			r := &reader{text: string(value)}
			e.signatures = r.signatures(most)
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

// typeOf is the value of "_type" in a file whose content is T.
func typeOf[T Content]() string {
	switch any((*T)(nil)).(type) {
	case *Root:
		return "root"
	case *Timestamp:
		return "timestamp"
	case *Snapshot:
		return "snapshot"
	}
	return "targets"
}

// checkType refuses a "signed", which begins with the given byte at a position, that is not of the wanted type.
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

// after returns the reader's error, if there is one, for a text that stands at a position of the file.
func (r *reader) after(at int) *SyntaxError {
	if r.err != nil {
		r.err.Offset += int64(at)
	}
	return r.err
}

func (r *reader) signatures(most int) []Signature {
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
				sig, s.Hex = true, r.str()
			}
		}
		r.missing(at, "keyid", keyID)
		r.missing(at, "sig", sig)
		list = append(list, s)
	}
	// a key ID signs once.
	if id, ok := duplicate(list, func(s Signature) string { return s.KeyID }); ok {
		r.fail(r.pos, "two signatures with the key ID %q", shorten(id))
	}
	return list
}

// duplicate returns a name that two elements of a list share.
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

// Payload returns a copy of the canonical bytes that the signatures cover.
func (e *Envelope[T]) Payload() []byte { return bytes.Clone(e.payload) }

// CheckPayload returns what check makes of the canonical bytes. They are the envelope's own: check must neither change nor keep them.
func (e *Envelope[T]) CheckPayload(check func(payload []byte) error) error { return check(e.payload) }

// Signatures returns a copy of the list of signatures, in the order of the file.
func (e *Envelope[T]) Signatures() []Signature { return slices.Clone(e.signatures) }

// Unverified decodes the content without any trust in it: anybody may have written it.
// Errors are *SyntaxError, with offsets in Payload.
func (e *Envelope[T]) Unverified() (*T, error) {
	r := &reader{text: string(e.payload), plain: bytes.IndexByte(e.payload, '\\') < 0}
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
		return nil, r.err.within("signed")
	}
	return c, nil
}
