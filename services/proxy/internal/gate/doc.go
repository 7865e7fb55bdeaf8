// Package gate is the HTTP server of the proxy: it finds what a request needs
// in repositories that follow The Update Framework, has it downloaded and
// verified, and sends it, or refuses.
//
// It decides nothing about trust: package client finds and verifies.
//
// # A request
//
//	route → protocol.Plan → for each target path:
//	    answer    from the cache of answers, or client.Find
//	    file      verified, from Files, or downloaded by client.Mirrors
//	→ protocol's Render, or the bytes as they are → headers
//
// # Answers
//
//	200, 206, 304  verified: Tuf-Repository, Tuf-Role, Tuf-Version, Tuf-Expires
//	301            to the normalised name
//	403            refused: Tuf-Refused has the reason, and so has the status
//	               phrase (HTTP/1.1)
//	404            nobody could have it; Tuf-Uncertain: true if a mirror can
//	               have hidden it
//	503            nobody can be reached, and there is nothing good; Retry-After
//
// An answer of an upstream without TUF has Tuf-Unverified with its name, and
// none of the other headers.
//
// # Headers
//
//	Tuf-Repository  the repositories that list the file, with commas
//	Tuf-Role        the role that lists it, of each repository
//	Tuf-Version     the version of that role's file, of each repository
//	Tuf-Expires     until when the answer is good (RFC 3339)
//	Tuf-Uncertain   true: the 404 is not certain
//	Tuf-Refused     the reason of a refusal
//	Tuf-Unverified  the upstream without TUF that answered
package gate
