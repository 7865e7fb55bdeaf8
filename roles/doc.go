// Package roles decides whose signatures count, and checks the rules between
// two versions of a file.
//
// It does not know in which order files are fetched, and it does not fetch
// them. Package verify knows the order, and its caller fetches.
//
// Checking the signatures of a file takes three steps:
//
//	// env is that of a root that came with the program.
//	root, err := roles.VerifyInitialRoot(env, policy)
//	...
//	role, err := roles.TopLevel(root, metadata.RoleTimestamp, policy)
//	...
//	timestamp, err := roles.Verify(timestampEnv, role)
//
// The caller must:
//
//   - get the initial trusted root in a way that it trusts, such as with the
//     program;
//   - compare the length and the hashes of a file before it is parsed
//     ([CheckFile]), if another file lists them;
//   - check the expiry ([CheckExpiry]) and the version ([NewerTimestamp],
//     [CheckSnapshot], [CheckTargets]), because [Verify] does neither;
//   - use the same [Policy] in all calls.
//
// # Trusted content
//
// Only this package makes a [Trusted] with content: [Verify] and its variants
// return one after the signatures have been verified. [TopLevel] and
// [Delegated] accept nothing else. So the keys of a [Role] always come from
// content that was signed.
//
// # Variants of Verify
//
//   - [Verify] counts a signature for the key whose ID it has.
//   - [VerifyAnyKeyID] counts a signature for any key of the role. It is for
//     files that were trusted before.
//   - [VerifyAs] verifies a trusted file again, for another role.
//   - [VerifyInitialRoot] verifies a root with its own keys.
//   - [VerifyNextRoot] verifies a root with the keys of the trusted root and
//     with its own.
//
// Each rule is in one function. Comments cite the requirement by its ID
// (docs/conformance.md).
//
// # Keys and schemes
//
// docs/schemes.md lists the signature schemes that are built in, and the keys
// that are unusable. A [Policy] may add schemes, or allow only some of all.
package roles
