// Package verify decides which files of a repository that follows The Update
// Framework (TUF) may be trusted.
//
// It does no I/O: no network, no files, no clock, no goroutines, no logs. A
// [Session] is one update: it says which metadata files it needs. The caller
// fetches them and hands over the bytes. The session verifies them, and answers
// which targets may be downloaded and how to check them.
//
// The simple way is to call [Session.Run] with a [Store] and at least one
// [Source]:
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
//	t, err := app.Target()
//	if err != nil {
//		return err
//	}
//	err = t.Copy(file, body) // file may be used only if err is nil
//
// A program that lives longer makes the session of its next update from this
// one, and begins its next lookups there:
//
//	next, err := s.Renew(verify.LoadStored(ctx, store), time.Now())
//	if err != nil {
//		return err
//	}
//	app = next.Lookup("app.tar.gz")
//	if err := next.Run(ctx, store, mirror); err != nil {
//		return err // s still answers lookups
//	}
//
// Run uses only exported methods. A caller may write the same loop, to fetch in
// parallel, with another client, or through a queue:
//
//	for {
//		b, ok := s.Next()
//		if !ok {
//			break // nothing to do until an open request is answered
//		}
//		if err := s.Save(ctx, store, b.Save); err != nil {
//			return err // ErrSave or ErrSuperseded; the session has ended
//		}
//		for _, r := range b.Rejected {
//			// Only with Options.Lookahead: the source that answered
//			// r.Request.ID sent a bad file.
//		}
//		for _, req := range b.Fetch {
//			// If req.StoreName is not empty, offer the stored copy first:
//			// s.ProvideSaved(req.ID, stored). If there is none, or if it is
//			// rejected, fetch req.Path, at most req.MaxBytes, and call
//			// s.Provide(req.ID, body), s.NotFound(req.ID, errs...) or
//			// s.Fail(req.ID, err). If that body is rejected too, try
//			// another mirror, or call s.Fail(req.ID, err) with the
//			// rejection.
//		}
//		for _, l := range b.Done {
//			// l.Target() has its answer.
//		}
//	}
//
// # The caller's duties
//
//  1. The initial trusted root must come from a place that the network cannot
//     write to: the program itself, or its installation.
//  2. The time must be right. Expiry is judged by it, and nothing else reveals
//     a frozen mirror.
//  3. The fields of a [Batch] must be handled in their order. What is to be
//     saved must be saved durably before anything else is done; if that fails,
//     the session must end. [Session.Save] sees to it, given a durable [Store].
//  4. A body must be read to MaxBytes+1 bytes at most, and passed on as it was
//     signed: without a content encoding. (What net/http decompresses by itself
//     is fine, if the limit is on the decompressed bytes.) The caller limits
//     how long it waits for a body, in all and between two bytes. A body is the
//     caller's again when Provide returns; Record.Data must not be changed, as
//     it may be the text that the session goes on with.
//  5. NotFound means that a live source said that the file does not exist. A
//     timeout, a refusal or a cache miss is Fail. Of several sources, pass what
//     each one said: the session decides whether that ends the chain of roots.
//  6. The bytes of a target must not be used before [Target.Copy] or
//     [Verifier.Verify] has returned nil.
//  7. Expiry must be watched after the update. A session goes on answering by
//     its own time, also after its view has expired: compare [Session.Expires]
//     and [Target.Expires] with the clock yourself.
//
// # Errors
//
// The variables of this package, such as [ErrExpired], [ErrRollback] and
// [ErrThreshold], say why a file was rejected or an update failed. Test for
// them with errors.Is. Only [ErrNoTarget] means that the repository does not
// have a target. After any other error of a lookup the question is open: a
// limit was reached ([ErrLimit]), for example, or a file was not available
// ([FetchError]).
//
// A program that asks another repository or index next must do so only if the
// answer is certain, which depends on the layout of the repository:
//
//	no := new(verify.NoTargetError)
//	if errors.As(err, &no) && no.Certain {
//		// ask the next one
//	}
//
// [KindOf] sorts all errors of this package and of package multirepo into a few
// kinds that a program can act on. Of an error of several kinds, the last one
// in this table counts:
//
//	kind         errors                       what to do
//	unknown      nil, and those of others     (a context that ended, say)
//	unreachable  FetchError ErrNotAtSource    try again later; ask another
//	             ErrUnconfirmed CopyError     source
//	limit        ErrLimit                     look at the file: it is too
//	                                          large, or Limits too low
//	expired      ErrExpired                   look at the clock; ask another
//	                                          source: this one may be frozen
//	rollback     ErrRollback                  ask another source: this one
//	                                          is behind
//	wrong bytes  ErrThreshold ErrVersion      ask another source, and tell
//	             ErrSyntax ErrLength ErrHash  the operator
//	             ErrPolicy ErrUnlisted
//	no target    ErrNoTarget                  nothing: it is certain
//	uncertain    NoTargetError ErrUndecided   ask another source, but no other
//	             ErrUncertain                 repository: it is not Certain
//	mistake      ErrTrustedRoot ErrTime       change the program
//	             ErrRequest ErrPath
//	             ErrPending ErrInProgress
//	             ErrUntrusted
//	store        ErrSave ErrStoredFile        look at the disk (also for a
//	                                          CopyError that is Writing)
//	superseded   ErrSuperseded                begin again from the store
//
// Good files look wrong under a wrong or old root. So an error that the last
// root causes also says how the chain of roots ended, and
// [Session.ChainEnd] has it with its fields: which file was asked for next, and
// what each source said.
//
// # Updates
//
// A session is one update. [New] begins the first, [Session.Renew] the next. An
// update has one time, by which all expiry is judged. It is in one of these
// phases (spec section 5):
//
//	phase      open requests       valid answer  NotFound   Fail
//	root       the next root       root          timestamp  failed
//	timestamp  the timestamp       snapshot      failed     failed
//	snapshot   the snapshot        targets       failed     failed
//	targets    the targets role    ready         failed     failed
//	ready      roles that lookups  ready         ready (*)  ready (*)
//	           need
//	failed     none
//
//	(*) the lookups that need the role fail
//
// The root phase also ends at the limit of new roots. After it, the session
// checks that the last root has not expired, and which of the files that were
// trusted earlier are still valid. A rejected body changes nothing in any
// phase. From failed, only a new session goes on.
//
// Renew takes over what was verified, and the old session does not change: it
// answers lookups from its own view, in another goroutine if need be. It goes
// on answering by its own time: compare [Session.Expires] and [Target.Expires]
// with the clock yourself. Lookups stay with the session that began them. So a
// long-lived program uses the last session that succeeded, and replaces it by
// the next one that does:
//
//	next, err := current.Renew(verify.LoadStored(ctx, store), time.Now())
//	if err == nil {
//		err = next.Run(ctx, store, mirror)
//	}
//	if err == nil {
//		current = next // begin new lookups here
//	}
//	if !current.Expires().After(time.Now()) {
//		return errors.Join(verify.ErrExpired, err) // current is out of date
//	}
//
// A newer root may have taken away the keys that current rests on. So if an
// update fails and its [Session.NewestRoot] is newer than current's root, use
// neither of the two, and try again.
//
// # Envelope format
//
// A session reads all files in one envelope format, the initial trusted root
// and the stored files included: the classic one, or DSSE if
// [Options.EnvelopeFormat] says so. It never tries the other. A repository that
// moves to the other format publishes both for a while. Its clients move with a
// new initial trusted root and an empty store; stored files in the old format
// are not used, and [Session.Warnings] says so. Limits are on the bytes of
// files; DSSE needs a third more.
//
// # Round trips
//
// A caller that fetches the requests of one [Batch] in parallel waits once for
// each batch: four times for a first update, and once more for each level of
// delegation. Lookups share these round trips. With [Options.Lookahead] the
// timestamp is requested together with the next root, and roots in growing
// steps: one round trip if nothing is new, three for a first update, nine for a
// hundred new roots. A request that is [Request.Ahead] must be answered like
// any other, since the file may become needed before the next Batch. The answer
// is held back, and judged when its turn comes.
//
// # What is trusted
//
// A role's file is trusted for one delegation, from a delegator to a role, and
// only in an update whose snapshot lists it. A lookup visits roles in the order
// of the delegations. Its [Lookup.Trail] lists them: it is the reason why the
// target is trusted.
//
// TUF does not sign the name of a role. Where roles share keys and the snapshot
// lists no hashes, a mirror can send the file of one role as that of another,
// and so hide a target ([Step.Bound], [NoTargetError]). A search does not go on
// behind such a file to a role with other keys ([ErrUndecided]). If the file is
// a saved copy, the session asks once more for it, with a request that only a
// live source may answer.
//
// # Lists
//
// [Session.List] lists every target that a lookup would find, for a mirror of a
// whole repository or for a search by name. A path is in the list if a role
// lists it and the lookup of the path ends there, so that the two cannot
// differ. A role that is not available is reported ([Listing.Roles]), what
// depends on it is left out, and the end says so ([ErrIncomplete]): no other
// role answers in its place.
//
// The caller alternates between the session's requests and [Listing.Targets],
// which asks for the files that come next. So there are never more files at a
// time than the caller allows. Those of hash bins are let go once they are
// listed, if no other delegation comes after the bins: a list of millions of
// targets needs a few tens of megabytes.
//
// [Session.Difference] compares two views, and says which targets have come,
// gone or changed. It costs the roles that the two snapshots list differently.
//
// # What is stored
//
// The newest root, timestamp and snapshot are saved, and passed to the next
// session ([Stored]). The repository must not fall behind them: that is the
// rollback protection. They are verified again. One that is damaged or missing
// causes a warning and is otherwise harmless. Without them, an attacker in the
// network can show an old state of the repository until its timestamp expires.
//
// The folders of go-tuf and python-tuf have these three files under the same
// names, so their versions count: a program that moves from one of them to this
// package can go on with its folder. Roles that were saved there are fetched
// again, since their files have other names.
//
// Without a network, [StoreSource] is the source: such an update is like any
// other, and succeeds until what is saved has expired. A single answer can be
// saved, too: a [Target] as JSON, which [TrustSavedTarget] reads again.
//
// Several processes may share a store. [Session.Save] compares each record with
// what is stored by the rules between versions, and writes nothing over
// something newer: it returns a [SupersededError], and the program begins again
// from the store. A store that can be locked is a [Locker]; one that cannot
// replace a file is a [CandidateStore]. Copies from the store are provided as
// such ([Session.ProvideSaved]) and are not saved again.
//
// # What it costs
//
// A file costs one reading, and the verification of its signatures. Nothing is
// verified twice for the same keys in a session and those renewed from it: the
// next update of an unchanged repository costs one timestamp. A session made by
// New with stored files saves downloads, but verifies every file again: anyone
// who can write to the store must not decide what is trusted. So only the files
// themselves are saved: no results, no indexes or canonical forms (to check
// them would cost as much as to make them), no keys. Nor are signatures skipped
// where a signed file lists the hashes of another: each role has its own
// threshold, and a snapshot's keys may be safer than a timestamp's.
//
// # Layers
//
// The files of this package call each other downwards only, and TestLayers
// makes sure of it:
//
//	session.go request.go save.go run.go      the public calls
//	storesource.go listing.go difference.go
//	update.go                                 one loop over the steps
//	root.go timestamp.go snapshot.go          the steps: what is wanted next,
//	targets.go                                check (pure), accept (changes)
//	lookup.go notarget.go                     the searches
//	edge.go bound.go                          the delegations that they follow
//	queue.go                                  requests, ahead or not
//	stored.go                                 what is stored
//	files.go names.go limits.go state.go      files, names, limits, states,
//	target.go sources.go kind.go aliases.go   targets, sources, and errors
//
// What has to go up is a returned value: a step returns the request that it
// waits for, and a check returns what is to be accepted.
//
// # Tests
//
// Package verifytest, in a subdirectory, builds repositories for tests. IDs
// such as in comments are those of docs/conformance.md. They begin with
// the section of the TUF specification.
package verify
