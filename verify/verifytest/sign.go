package verifytest

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/tufwalk/tufwalk/metadata"
)

// Sign wraps a document in an envelope with a signature by each of the keys, in
// that order. It signs anything, also numbers that have no canonical form. The
// envelope has the document itself, not a copy.
func Sign(signed map[string]any, keys ...*Key) map[string]any {
	message := signedBytes(signed)
	return map[string]any{"signed": signed, "signatures": signatures(message, keys, hex.EncodeToString)}
}

func signatures(message []byte, keys []*Key, encode func([]byte) string) []any {
	list := make([]any, 0, len(keys))
	for _, k := range keys {
		list = append(list, map[string]any{"keyid": k.ID(), "sig": encode(k.Sign(message))})
	}
	return list
}

// SignDSSE wraps any payload in a DSSE envelope with a signature by each of the
// keys, in that order.
func SignDSSE(payload []byte, keys ...*Key) map[string]any {
	message := dsse.PAE(metadata.PayloadType, payload)
	return map[string]any{
		"payload":     base64.StdEncoding.EncodeToString(payload),
		"payloadType": metadata.PayloadType,
		"signatures":  signatures(message, keys, base64.StdEncoding.EncodeToString),
	}
}

// distinct returns the keys without those whose ID was there before.
func distinct(keys []*Key) []*Key {
	if len(keys) < 2 {
		return keys
	}
	var out []*Key
	seen := map[string]bool{}
	for _, k := range keys {
		if id := k.ID(); !seen[id] {
			seen[id] = true
			out = append(out, k)
		}
	}
	return out
}

func keyIDs(keys []*Key) []any {
	ids := make([]any, 0, len(keys))
	for _, k := range keys {
		ids = append(ids, k.ID())
	}
	return ids
}

func keyObjects(into map[string]any, keys []*Key) {
	for _, k := range keys {
		into[k.ID()] = k.Object()
	}
}
