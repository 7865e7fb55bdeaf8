// Package histories makes up repositories and their histories, for tests that
// compare two clients: publications, rotations, revocations, rollbacks and
// fast-forwards, dropped roles, changed thresholds and delegations, expiry,
// lost files, mirrors that are frozen or mix states, and files that are corrupt
// in a byte, a member or a signature.
//
// The same seed makes the same history. The package does not say which client
// is right.
package histories
