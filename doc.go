// Package tufwalk is the front page of a library that verifies updates by the
// rules of The Update Framework (TUF), without doing any I/O. It contains no
// code.
//
// TUF protects the users of an installer from a broken or stolen server: it
// cannot give them a wrong file, and cannot take them back to an old one. The
// library says which files to fetch, checks the bytes that the program brings,
// and says what may be trusted. It opens no connection and no file, reads no
// clock, starts no goroutine and writes no log. It signs nothing and makes no
// repositories, except in tests.
//
// The words of TUF, such as snapshot and hash bin, are explained in
// docs/README.md. The specification is at
// https://theupdateframework.github.io/specification/latest/.
//
// # The loop
//
// A program needs a root file that it ships with, a place to save files, and a
// function that fetches:
//
//	stored := verify.LoadStored(ctx, store)
//	s, err := verify.New(trustedRoot, stored, time.Now(), verify.Options{})
//	if err != nil {
//		return err
//	}
//	app := s.Lookup("app.tar.gz")
//	if err := s.Run(ctx, store, mirror); err != nil {
//		return err
//	}
//	target, err := app.Target()
//	if err != nil {
//		return err
//	}
//	err = target.Copy(file, body) // the file may be used only if err is nil
//
// # Packages
//
// In the order in which a reader needs them:
//
//   - [github.com/tufwalk/tufwalk/verify] is for every program: the session,
//     its loop, lookups and targets. Its documentation lists the duties of the
//     caller.
//   - [github.com/tufwalk/tufwalk/verify/verifytest] is for tests: it builds
//     signed repositories in memory, good ones and bad ones.
//   - [github.com/tufwalk/tufwalk/verify/multirepo] is for programs with
//     several repositories, some of which may have to agree (TAP 4).
//   - [github.com/tufwalk/tufwalk/delegation] is for tools that follow
//     delegations: which roles may decide on a path, and in which order.
//   - [github.com/tufwalk/tufwalk/roles] is for tools that verify single files:
//     keys, thresholds, and the rules between two versions of a role.
//   - [github.com/tufwalk/tufwalk/metadata] is for tools that only read files:
//     strict JSON, its canonical form, and the contents of the roles. It trusts
//     nothing.
//
// Imports run one way: each of metadata, roles, delegation, verify and
// multirepo imports only those named before it.
//
// The folder examples has programs to run and to copy; docs has the reasons,
// the requirements and the known attacks.
package tufwalk
