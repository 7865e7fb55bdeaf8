// Package gate is the HTTP server of the proxy: it finds what a request needs
// in repositories that follow The Update Framework, has it downloaded and
// verified, and sends it, or refuses.
//
// It decides nothing about trust: package client finds and verifies.
package gate
