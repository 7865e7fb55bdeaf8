// Package message is the session of package verify as messages, for hosts that
// are not written in Go. A message is a line of JSON and bytes after it, and so
// is its answer. docs/embedding.md describes them all.
//
// The package has no I/O, no clock and no state outside a Host. The WebAssembly
// module, the shared library and the web page are thin layers over Host.Call.
package message
