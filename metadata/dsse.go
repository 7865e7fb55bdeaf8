package metadata

import (
	"bytes"
	"encoding/base64"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// EnvelopeFormat is the format of the envelope around a content. The caller
// chooses it, because a file must not decide what its signatures cover.
type EnvelopeFormat int

const (
	// Classic is the envelope of the specification (section 4.2.1). The content
	// is the member "signed", and the signatures cover its canonical form.
	Classic EnvelopeFormat = iota
	// DSSE is the Dead Simple Signing Envelope, version 1, which has the
	// properties that TAP 17 requires of an envelope. The content is the member
	// "payload" in base64. The signatures cover these bytes as they were
	// received, and their type, which must be PayloadType.
	DSSE
)

// PayloadType is the type of the payload in a DSSE envelope.
const PayloadType = "application/vnd.tuf+json"

// member returns the name of the member that holds the content.
func (f EnvelopeFormat) member() string {
	if f == DSSE {
		return "payload"
	}
	return "signed"
}

// readDSSE reads the members of a DSSE envelope from a document.
func (e *Envelope[T]) readDSSE(doc *scanner, o Options) *SyntaxError {
	r := &reader{text: string(doc.out[:1])}
	r.expect('{', "an object")
	var payload []byte
	var at int
	payloadType, signatures := false, false
	for i := range doc.top {
		name, where, value := doc.member(i)
		m := &reader{text: string(value[:1])}
		switch string(name) {
		case "payload":
			payload, at = value, where
			m.expect('"', "a string")
		case "payloadType":
			payloadType = true
			m.text = string(value)
			if got := m.str(); got != PayloadType { // R-T17.1
				m.fail(0, "found %q, want %q", shorten(got), PayloadType)
			}
		case "signatures":
			signatures = true
			m.text = string(value)
			e.signatures = m.signatures(o.MaxSignatures, DSSE)
		case "signed": // R-T17.5
			m.fail(0, "a member of the other envelope format")
		}
		if err := m.after(where); err != nil {
			return err.within(string(name))
		}
	}
	r.missing(0, "payload", payload != nil)
	r.missing(0, "payloadType", payloadType)
	r.missing(0, "signatures", signatures)
	if r.err != nil {
		return r.err
	}
	raw := fromBase64(payload[1 : len(payload)-1])
	if raw == nil {
		return (&SyntaxError{Offset: int64(at), Reason: "not base64, or empty"}).within("payload")
	}
	return e.readPayload(raw, o.MaxDepth)
}

// readPayload reads the content from the decoded payload. Its levels of nesting
// are counted as if it were "signed" in a classic envelope.
//
// R-T17.2: signatures cover the payload as it was received, and its type, so
// that no signature is valid in both formats. R-T17.4: the payload is read as
// strictly as "signed".
func (e *Envelope[T]) readPayload(raw []byte, depth int) *SyntaxError {
	e.payload = dsse.PAE(PayloadType, raw)
	doc, err := canonicalizeAt(2, e.payload[len(e.payload)-len(raw):], depth)
	if err == nil {
		e.content = doc.out
		err = doc.checkType(doc.out[:1], 0, typeOf[T]())
	}
	if err != nil {
		return err.within("payload")
	}
	return nil
}

// fromBase64 decodes base64 in the standard or the URL-safe alphabet. It
// returns nil for an empty text, and for one that is neither.
//
// R-T17.3: the whole text is in one alphabet, with padding, without white space
// and without stray bits. So no bytes have two spellings in one alphabet.
func fromBase64(text []byte) []byte {
	encoding := base64.StdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	out := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Strict().Decode(out, text)
	if err != nil || n == 0 || bytes.ContainsAny(text, "\r\n") { // the decoder skips line breaks
		return nil
	}
	return out[:n]
}
