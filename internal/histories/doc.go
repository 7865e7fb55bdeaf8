// Package histories makes up repositories and what happens to them, for tests
// that compare one client with another: publications, rotations, revocations,
// roll-backs and fast-forwards, roles dropped, thresholds and delegations
// changed, expiry, lost files, mirrors that stand still or mix states, and
// single files spoiled in a byte, a member or a signature.
//
// The same seed makes the same history. It says nothing about which client is
// right.
package histories
