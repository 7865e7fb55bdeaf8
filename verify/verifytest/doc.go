// Package verifytest builds signed TUF repositories in memory, good ones and
// bad ones. It is for tests of verifiers and of programs that use them, as
// net/http/httptest is for HTTP.
//
//	repo := verifytest.New(verifytest.Options{})
//	team := repo.Targets().Delegate(verifytest.Delegation{
//		Name: "team", Paths: []string{"team/*"},
//	})
//	team.AddTarget("team/app.txt", []byte("hello"))
//	repo.Publish()
//	mirror, store := repo.Metadata().Source(), verifytest.Store{}
//
// A client starts from [Repo.TrustedRoot] at the time [Repo.Now]. The mirror
// answers its requests, and the [Store], which is a map, has what it saves:
//
//	trustedRoot, stored := repo.TrustedRoot(), verify.LoadStored(ctx, store)
//	s, err := verify.New(trustedRoot, stored, repo.Now(), verify.Options{})
//	if err != nil {
//		return err
//	}
//	app := s.Lookup("team/app.txt")
//	if err := s.Run(ctx, store, mirror); err != nil {
//		return err
//	}
//	target, err := app.Target()
//
// # Attacks
//
// An attacker's repository is built with the same calls. [Repo.SignWith] has
// the wrong keys sign. [Repo.SetVersion] sets an older version. [Repo.Edit] and
// [Repo.EditEnvelope] change anything before and after it is signed.
// [Repo.Metadata] and [Repo.TargetFiles] are maps that a test may change. A
// clone of them is a frozen mirror. [NewWeakKey] makes keys for which anyone
// can sign.
//
// # Formats
//
// With Options{EnvelopeFormat: metadata.DSSE} the files are DSSE envelopes (TAP
// 17). [Repo.WriteDir] writes a repository to a folder, for clients and servers
// that need files.
//
// # Time and keys
//
// The same calls make the same bytes. No clock is read. The repository has a
// clock of its own, which starts in 2030: by default its files expire after
// that, and [Repo.Advance] moves it on. A client that takes its time as an
// argument is given [Repo.Now]. To a client that reads the real clock, no file
// expires before 2030; for tests of expiry it needs Options{Start: time.Now()}.
// Anyone can make the same keys, so they must not be used for anything but
// tests.
//
// Mistakes in the use of this package, such as the name of a role that does not
// exist, panic.
package verifytest
