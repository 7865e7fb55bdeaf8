// Package client is a ready TUF client: it finds target files in a repository
// that follows The Update Framework, downloads them from mirrors, verifies them
// and puts them in place.
//
// It decides nothing about trust. Package verify does, and this package uses
// only what verify exports: it is the I/O around it. It does not make or sign
// repositories, does not choose which target a program needs, does not run or
// unpack what it has installed, and does not log.
//
//	c, err := client.Open(client.Config{
//		TrustedRoot: rootJSON, // go:embed
//		Metadata: []string{
//			"https://updates.example.com/metadata",
//			"https://mirror.example.net/metadata",
//		},
//		Targets: []string{
//			"https://updates.example.com/targets",
//			"https://mirror.example.net/targets",
//		},
//		Folder: filepath.Join(cacheDir, "updates"),
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	// Find brings the client up to date if its view is old.
//	app, err := c.Find(ctx, "app-1.2.tar.gz")
//	if err != nil {
//		return err
//	}
//	// Install resumes, verifies while it streams, and renames at the end.
//	err = app.Install(ctx, "/opt/app/app.tar.gz")
//
// # The caller's duties
//
//  1. [Config.TrustedRoot] must come from a place that the network cannot write
//     to: the program itself, or its installation. So must a map.
//  2. The clock must be right. Expiry is judged by it, and nothing else reveals
//     a frozen mirror.
//  3. Each repository needs a folder of its own, whose name does not change
//     when the list of mirrors does.
//  4. Only a [verify.NoTargetError] that is Certain means that the repository
//     has no such target, so that the program may look elsewhere.
//  5. A [File] is used soon after it was found, and found again for each use:
//     an answer expires ([File.Expires]).
//  6. Nobody else may be able to write to the directory of [File.Install].
//
// # Its parts
//
// Each part is of use alone, with the others or with one's own:
//
//	Folder, Memory     a verify.Store: durable files with a lock, or memory
//	Mirrors            a Source for each base URL of metadata, and downloads
//	                   of targets from several base URLs
//	Drive              the loop that fetches for a verify.Session or a
//	                   multirepo.Group, in parallel
//	Client             all of it, for many goroutines
//	Client.Watch       for programs that run long
//	clienttest         a network for tests that cuts, stalls and lies
//
// # Views
//
// A client answers from one [View] at a time: the state of the repository at
// one update. A view does not change. [Client.Find] begins an update if the
// view is older than [Config.MaxAge], or has expired; all that wait at the same
// time wait for one update. If it fails, the last good view answers until it
// expires, and a [Warning] is observed; the next try comes [RetryAfter] later.
// The last good view is not used once a newer root is known, since that may
// have revoked the keys that the view rests on.
//
// Find begins again where that helps, and only there: at most [MaxAgain] times
// if another process has saved something newer; and once if a file that is
// listed is gone or another one now, since the repository may have published
// meanwhile. Every answer is compared with the clock before it is returned, a
// "no such target" too. [File.Install], [File.Download] and [File.Open] do the
// same for the target file: they follow its path.
//
// A clock that was set back begins a new session from the store, which has the
// rollback protection. One that is far ahead makes everything look expired
// (verify.KindExpired); when it is right again, so is the client.
//
// # No newer root
//
// All sources are asked for the next root at once. It does not exist if one
// says so, and no other sends one that is accepted within [DefaultRootGrace].
// Those that could not be asked, came too late, or sent something else are
// reported by name (verify.ErrUnconfirmed). So hiding a root works until the
// old one expires, for anyone who holds keys that the hidden root revokes and
// can keep the honest mirrors from being heard. On the other side, a list of
// mirrors is not less available than each of them. [Config.EveryMirror] wants
// every source to say that there is none.
//
// # Store
//
// With [Config.Folder], what was trusted is saved, and older versions are
// refused also after a restart; several processes may share the folder. A
// folder that has the store of another repository is set aside, not deleted,
// and reported ([SetAsideError]). If the roots from the network contradict a
// saved root, the update ends with a [ContradictionError]: it is the best sign
// there is that old root keys were stolen. [Client.Forget] begins a new store,
// for a repository that was founded anew.
//
// # Offline
//
// With [Config.Offline] the store is the only source, and no request is sent.
// No check is off: it works until what is saved expires.
//
// # Several repositories
//
// With [Config.Map] a client has several repositories that must agree (TAP 4):
// see package multirepo. A lookup waits only for the repositories that it
// needs. One that is down answers from its earlier view, until that expires.
//
// # Errors
//
// verify.KindOf sorts all errors into a few kinds that a program can act on.
// Each error keeps its cause, with the file and the name of the mirror:
// errors.As finds [verify.SourceError], [verify.RejectError],
// [verify.FetchError], [DownloadError], [FolderError]. Names of mirrors are
// hosts and paths, without secrets.
//
//	kind         here also                       what to do
//	unreachable  DownloadError                   try again later
//	rollback     ContradictionError              ask the operators, see Store
//	wrong bytes  DownloadError                   tell the operators
//	expired      ExpiredError                    look at the clock
//	mistake      ConfigError ErrClosed           change the program
//	             ErrOffline
//	store        FolderError SetAsideError       look at the disk; see Store
//	             ContradictionError
//
// # Events
//
// [Config.Observe] is told what happens, as small typed values ([Event]):
// enough for a log, a progress bar and metrics. There is an example of each.
package client
