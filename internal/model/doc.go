// Package model is a second verifier of TUF metadata, for tests: slow, plain,
// and written from the specification, not from the library. It shares no code
// with it, so that a mistake would have to be made twice to go unnoticed.
//
// Documents are trees of maps. Nothing is indexed: every question is answered
// by looking through everything again, and every search starts from the
// beginning whenever there is news. Keys are Ed25519 only.
//
// Tests play histories (package histories) against it and against the library,
// and the two must agree on every body that is offered and on all that is
// trusted. Rules can be swapped for those of another client (Rules), which
// explains where that one differs.
package model
