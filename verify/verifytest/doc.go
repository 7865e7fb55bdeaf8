// Package verifytest builds signed TUF repositories in memory, good ones and
// bad ones, for tests of verifiers and of programs that use them. What
// net/http/httptest is for HTTP, this is for TUF.
//
//	repo := verifytest.New(verifytest.Options{})
//	team := repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
//	team.AddTarget("team/app.txt", []byte("hello"))
//	repo.Publish()
//	mirror := repo.Metadata().Source()
//
// A client then starts from repo.Anchor() at repo.Now(), and mirror answers its
// requests.
//
// To build what an attacker would: SignWith has the wrong keys sign, SetVersion
// goes back, Edit and EditEnvelope change anything before and after signing,
// and Metadata and TargetFiles are plain maps to be tampered with. A clone of
// them is a mirror that has stopped in time.
//
// Options{Envelope: metadata.DSSE} makes the same repository with DSSE
// envelopes (TAP 17). WriteDir writes a repository to a folder, for clients and
// servers that want files.
//
// Everything is deterministic: the same calls make the same bytes, except for
// signatures with RSA keys. No clock is read; the repository has its own, which
// starts in 2030: a client that takes its time as an argument is given
// repo.Now(), and one that reads the real clock needs Options{Start:
// time.Now()}. The keys are public knowledge, so use them for nothing else.
//
// As this is for tests, mistakes in its use, such as the name of a role that
// does not exist, panic.
package verifytest
