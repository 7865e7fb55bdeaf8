package main

// reasons are why a client differs. The IDs are those of docs/attacks.md and
// docs/conformance.md.
var reasons = map[string]string{
	"spec-version":   "It does not look at `spec_version` (G15, R-4.3.1).",
	"null":           "It crashes on null, or on what is missing, in the place of an object (G1, G2).",
	"null-is-empty":  "It reads null as an empty list (R-4.2.1).",
	"root-lacks":     "It accepts a root that lacks a role or its key IDs, and fails later (R-4.3.6).",
	"rewritten":      "It verifies signatures over the file as it writes it, not as it came (G7, R-4.1.3).",
	"key-length":     "It crashes on an ed25519 key of another length (R-4.2.2.3).",
	"scheme":         "It does not look at the scheme of a key (G10, R-4.2.2.5).",
	"version-zero":   "It accepts a listed version 0, and fails later (G15, R-4.3.2).",
	"delegators":     "A role that was verified for one delegator is not verified for another (G3, R-5.6.7g).",
	"prefix-text":    "It compares `path_hash_prefixes` with base64 (R-4.6.5).",
	"key-ids":        "It counts key IDs, not keys: one key reaches a threshold of two (R-4.3.K3).",
	"never-expires":  "A time of expiry that it cannot read is one that never comes (R-4.3.3).",
	"consistent":     "It refuses a root without the optional `consistent_snapshot` (R-4.3.5).",
	"trailing-space": "It does not ask for the space at the end of a path.",
	"moment":         "A file is still valid at the moment of its expiry (G4, R-4.3.4).",
}
