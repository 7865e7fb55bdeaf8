// Package verify decides which files of a repository that follows The Update
// Framework (TUF) may be trusted. It does no I/O: no network, no files, no
// clock, no goroutines, no logs. A [Session] says which metadata files it
// needs, takes the bytes from wherever the caller got them, and answers which
// targets may be downloaded and how to check them.
//
// The simple caller leaves the loop to [Session.Run], and gives it a [Store]
// and at least one [Source]:
//
//	s, err := verify.New(anchor, verify.LoadStored(store.Load), time.Now(), verify.Options{})
//	if err != nil {
//		return err
//	}
//	app := s.Lookup("app.tar.gz")
//	if err := s.Run(store, mirror); err != nil {
//		return err
//	}
//	t, err := app.Target()
//	if err != nil {
//		return err
//	}
//	err = t.Copy(file, body) // file may be used only if err is nil
//
// Everything that Run does goes through calls that are open to any caller, who
// may then fetch in parallel, with another client, through a queue, or not at
// all:
//
//	for {
//		b, ok := s.Next()
//		if !ok {
//			break // nothing to do until an open request is answered
//		}
//		for _, rec := range b.Save {
//			// store it durably; if that fails, s.Abandon(err) and stop
//		}
//		for _, r := range b.Rejected {
//			// only with Options.Lookahead: whoever answered r.Request.ID was wrong
//		}
//		for _, req := range b.Fetch {
//			// if req.StoreName is not empty, offer the saved copy first: s.Provide(req.ID, saved);
//			// if there is none or it is rejected, fetch req.Path, at most req.MaxBytes, and
//			// call s.Provide(req.ID, body), s.NotFound(req.ID) or s.Fail(req.ID, err);
//			// if that body is rejected too, try another mirror, or s.Fail(req.ID, err) with the rejection
//		}
//		for _, l := range b.Done {
//			// l.Target() has its answer
//		}
//	}
//
// # The caller's duties
//
//  1. The anchor must come from a place that the network cannot write to: the
//     program itself, or its installation.
//  2. The time must be right: expiry is judged by it, and nothing else reveals
//     a mirror that stands still.
//  3. The fields of a [Batch] must be handled in their order; saves must be
//     durable, and end the session if they fail.
//  4. A body must be read to MaxBytes+1 bytes at most, and delivered as it is
//     signed: without a content encoding (what net/http unpacks by itself is
//     fine, as long as the limit is on the unpacked bytes). How long to wait
//     for it, in all and between two bytes, is the caller's to bound.
//  5. NotFound is for a live source's word that a file does not exist. A
//     timeout, a refusal or a cache miss is Fail.
//  6. Bytes of a target must not be used before [Target.Copy] or
//     [Verifier.Verify] returned nil.
//
// # The form of the files
//
// A session reads all files, the anchor and what is stored among them, in one
// form: the classic envelope, or DSSE if [Options.EnvelopeFormat] says so. It
// never tries the other. A repository that moves to the other form publishes
// both for a while, and its clients move with a new anchor and an empty store:
// floors of the old form are reported and do not count. Limits are on the bytes
// of files, of which DSSE needs a third more.
//
// # The cycle
//
// A session goes through cycles, each with one time for all its judgements;
// [New] begins the first, [Session.Refresh] the others. A cycle is in one of
// these phases (spec section 5; transitions.go has nothing else in it):
//
//	phase      open requests         a good answer leads to     NotFound leads to   Fail leads to
//	root       the next root         root, one version later    timestamp           failed
//	timestamp  the timestamp         snapshot                   failed              failed
//	snapshot   the snapshot          targets                    failed              failed
//	targets    the targets role      ready                      failed              failed
//	ready      delegated roles that  ready                      ready: the lookups  ready: the lookups
//	           lookups need                                     that need it fail   that need it fail
//	failed     none                  (Refresh begins another cycle)
//
// The root phase also ends at a limit of new roots. Between it and the
// timestamp the last root's expiry is judged, and which of the files trusted
// earlier still count. A rejected body changes nothing in any phase.
//
// # Waiting
//
// A caller who fetches together what a [Batch] asks for together waits once a
// round: four rounds for a cold start, and one more for each level of
// delegation; lookups share their rounds. With [Options.Lookahead] the
// timestamp is asked for together with the next root, and roots in growing
// steps: one round when nothing is new, three for a cold start, nine for a
// hundred new roots. A request that is [Request.Ahead] must be answered like
// any other, since it may become needed before the next Batch; what is kept for
// it is judged when its turn comes.
//
// # What is trusted
//
// A role's file is trusted for one edge, from a delegator to a role, and only
// for a cycle whose snapshot lists it. A lookup visits roles in the order of
// the delegations and keeps a [Lookup.Trail] of them: it is why the target is
// trusted.
//
// What happened earlier is remembered by the files that the caller stored: a
// newest root, timestamp and snapshot that the repository must not fall behind
// ([Stored]). They are offered back as bytes and verified again; a damaged or
// missing one is reported and otherwise harmless. Without them, an attacker in
// the network can show an old state of the repository until its timestamp
// expires.
//
// # What it costs
//
// The cost of a file is that of reading it once, and of its signatures. In a
// session, nothing is verified twice for the same keys: a refresh of an
// unchanged repository costs one timestamp. A new session on saved files spares
// the network and verifies everything again, since whoever can write to the
// cache must not decide what is trusted. So nothing is saved but the files
// themselves: no verdicts, no indexes or canonical forms (what they say could
// not be checked for less than making them costs), no keys. Nor are signatures
// left out for files whose hashes a signed file lists: thresholds are the
// roles', and a snapshot's keys may be safer than a timestamp's.
//
// Package verifytest, below this one, builds repositories for tests. IDs such
// as in comments are those of docs/conformance.md, and begin with the
// section of the TUF specification.
package verify
