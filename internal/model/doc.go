// Package model is a second verifier of TUF metadata, for tests. It is slow and
// simple, was written from the specification, and shares no code with the
// library: a mistake would have to be made twice to go unnoticed.
//
// Documents are trees of maps. Nothing is indexed: every question searches all
// documents again, and every lookup starts from the beginning after each new
// file.
//
// Tests play histories (package histories) to the model and to the library. The
// two must agree on every body that is offered and on everything that is
// trusted. With the Rules of another client, the model shows why that client
// differs.
package model
