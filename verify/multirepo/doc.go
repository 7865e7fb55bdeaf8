// Package multirepo verifies targets that come from several repositories, as
// TAP 4 describes it: a map says which repositories are asked for which target
// paths, and how many of them must agree.
//
// Like package verify it does no I/O. It fetches and saves nothing, and it
// does not read the map from a file. It does not implement TAP 3 (see below).
//
//	m, err := metadata.ParseMap(mapFile)
//	if err != nil {
//		return err
//	}
//	start := map[string]multirepo.Repository{
//		"private": {TrustedRoot: privateRoot},
//		"public":  {TrustedRoot: publicRoot},
//	}
//	for name, r := range start {
//		r.Stored = verify.LoadStored(ctx, stores[name])
//		start[name] = r
//	}
//	g, err := multirepo.New(m, start, time.Now(), multirepo.Options{})
//	if err != nil {
//		return err
//	}
//	app := g.Lookup("app.tar.gz")
//	if err := g.Run(ctx, stores, mirrors); err != nil {
//		return err
//	}
//	t, err := app.Target()
//	if err != nil {
//		return err
//	}
//	// The paths are below the targets URL of a.Repository.
//	a := t.Attestations[0]
//	paths, err := a.URLPaths()
//	if err != nil {
//		return err
//	}
//	// body is what a mirror sends for one of the paths.
//	err = t.Copy(file, body) // file may be used only if err is nil
//
// # The caller's duties
//
// They are those of package verify, and four more:
//
//  1. The map must come from a place that the network cannot write to, as the
//     initial trusted roots must. It ships with the program, for example.
//  2. Each repository must have its own initial trusted root and its own store.
//     [DirName] makes a safe name for a folder.
//  3. Names that belong to one repository must be in an entry of that
//     repository alone, before all others, and terminating.
//  4. A record must be saved in the store of its own repository
//     (Record.Repository), and a request answered by the mirrors of its own
//     (Request.Repository).
//
// # The map
//
// A map file names the repositories. Its mapping is a list of entries. An entry
// has patterns of target paths, the repositories to ask for them, and a
// threshold: how many of these repositories must agree.
//
//	{
//	  "repositories": {
//	    "private": ["https://repo.example.com"],
//	    "public":  ["https://pub.example.org"]
//	  },
//	  "mapping": [
//	    {"paths": ["acme/*", "acme/*/*"], "repositories": ["private"],
//	     "threshold": 1, "terminating": true},
//	    {"paths": ["*", "*/*"], "repositories": ["public"],
//	     "threshold": 1, "terminating": true}
//	  ]
//	}
//
// # Requests
//
// A [Group] has one [verify.Session] for each repository of the map, with a
// trusted root, stored files, limits and options of its own. Requests, records
// and batches are those of package verify. Requests and records name their
// repository, and so does the ID of each request, which no other request of the
// group has. So one loop serves all repositories; [Group.Run] has one that
// fetches one file after the other:
//
//	for {
//		b, ok := g.Next()
//		if !ok {
//			break // nothing to do until an open request is answered
//		}
//		for _, rec := range b.Save {
//			store := stores[rec.Repository]
//			if err := g.Save(ctx, store, []verify.Record{rec}); err != nil {
//				return err // the group has ended
//			}
//		}
//		for _, r := range b.Rejected {
//			// Only with verify.Options.Lookahead: the source that answered
//			// r.Request.ID sent a bad file.
//		}
//		for _, req := range b.Fetch {
//			// If req.StoreName is not empty, offer the copy in the store of
//			// req.Repository first: g.ProvideSaved(req.ID, saved). If there
//			// is none, or if it is rejected, fetch req.Path from a mirror of
//			// req.Repository, at most req.MaxBytes, and call
//			// g.Provide(req.ID, body), g.NotFound(req.ID) or
//			// g.Fail(req.ID, err).
//		}
//		for _, l := range g.Done() {
//			// l.Target() has the result, and l.Trail() all answers.
//		}
//	}
//
// [Group.Save] compares a record with what lies in the store, as
// [verify.Session.Save] does, since another process may use the same store. If
// that process has saved something newer, or if the store fails, the whole
// group ends. Begin again from the stores, with Renew or [New].
//
// # Renew
//
// A Group is one update of all repositories. [Group.Renew] returns the group of
// the next update:
//
//	next, err := g.Renew(stored, time.Now())
//
// What was verified is taken over, as [verify.Session.Renew] does. The old
// group stays as it is. It answers lookups from its own view, also in another
// goroutine, until the files of that view expire ([Target.Expires]). Begin new
// lookups in the new group. A group whose update failed can be renewed, and so
// can one that is not done.
//
// In the next update a repository can fail: its mirrors are down, or what they
// send is old, has expired or has a wrong signature. Then the repository
// answers from its earlier view: from the files of its last update that
// succeeded. A client that had not begun an update would trust the same files,
// and nothing is trusted for longer than its signers said. But anyone who can
// block a repository, or one file of it, can hold its clients at the earlier
// view until that expires, as a frozen mirror can:
//
//   - The earlier view counts until the first of the files expires that an
//     answer depends on, judged by the time of the new group. After that the
//     repository gives no answer.
//   - It counts as the repository's answer in every way. It can list a target,
//     and it can say that there is no such target.
//   - It is not used once a newer root of the repository is known, trusted or
//     stored: that root may have taken away the keys that the view rests on.
//   - It is the last view that succeeded, however many updates fail after it,
//     and all of it was handed out for saving. There is none after a save of
//     any repository has failed or was superseded.
//   - It is not stored as a view. After a restart of the program, a repository
//     that is down gives no answer.
//   - Roles that a lookup needs and that were not fetched before are requested,
//     in the versions that the earlier view lists. They are saved like others.
//   - [Answer.AsOf] is the time of the earlier view, and the text of the trail
//     has it: "private agrees as of 2030-01-01T00:00:00Z: ...". The reason why
//     the update failed is one of [Group.Warnings].
//
// A repository whose update succeeded never answers from an earlier view, even
// if a role that a lookup needs cannot be fetched.
//
// [Group.Err] is about the updates. If the updates of all repositories failed,
// it returns an error, although lookups may have results from earlier views.
//
// # Which repositories are asked
//
// A lookup goes through the entries of the map in order. It passes over entries
// that have no pattern for the path ([delegation.Match]; * does not match a
// slash).
//
// All repositories of an entry are asked together. The group decides when all
// of them have answered, so the order of the answers does not matter.
//
// The repositories of later entries are asked only if the search goes on, since
// a request tells a mirror what the client is looking for. All repositories are
// brought up to date together, but that tells no mirror the name of a target.
//
// # What a repository answers
//
// There are five answers:
//
//   - The repository lists the path.
//   - It lists the path without a strong hash. Such an answer does not count. A
//     hash is strong if the repository's session would check it: sha256,
//     sha512, and what its Policy adds.
//   - It has no such target: its search is complete, and found nothing.
//   - It seems to have no such target, but a mirror can have forged that
//     ([verify.NoTargetError]). This counts like no answer, unless no later
//     entry could answer instead.
//   - It gives no answer: it could not be brought up to date and has no earlier
//     view that counts, or its search did not come to an end. This does not
//     mean that it has no such target.
//
// # Which repositories agree
//
// Two repositories agree if they list the same length, if they have at least
// one strong hash in common, and if the digests of all strong hashes that they
// have in common are equal. Custom data is not compared; [Attestation.Custom]
// returns that of each repository.
//
// A target is trusted if enough of the entry's repositories agree, each of them
// with each other. It is not enough that all of them agree with one. Take three
// repositories that list these hashes:
//
//	A: sha256 1
//	B:           sha512 2
//	C: sha256 1, sha512 2
//
// C agrees with A and with B, but nothing shows that A and B list the same
// file. With a threshold of 2 the target is trusted; with 3 it is not.
//
// A file is good if it satisfies all that a threshold of the repositories in
// agreement list. Which of them, only the file can show:
//
//	A: sha256 1
//	B: sha256 1, sha512 2
//	C: sha256 1, sha512 3
//
// B and C contradict each other, and one of them lists a wrong hash. With a
// threshold of 2 the target is trusted. A file with the digests 1 and 2
// satisfies A and B, and one with 1 and 3 satisfies A and C. So no repository
// below the threshold can stop the others by a wrong hash next to the right
// one.
//
// There must be a digest that every good file has ([Target.Hashes]): then all
// good files are one file. If there is none, or if the lengths differ, two
// groups of repositories speak of different files, and the entry is a
// disagreement, even if one group is larger.
//
// # Repositories that are one voice
//
// Repositories whose roots list exactly the same keys count as one, whatever
// their names and mirrors are: anyone who has these keys controls all of them.
// In the same way, one key under two key IDs counts once. [New] returns an
// error for an entry whose threshold can therefore not be reached.
//
// Two answers count as one, too, if the same keys can have signed a file on the
// way to each of them, from the top-level targets role down, hash bins
// included. TUF does not sign the name of the repository: a mirror of the one
// could serve the files of the other, and both would agree
// ([Answer.OneVoiceWith]).
//
// Repositories that have only some root keys in common count as different ones.
// If the same keys can sign the timestamps or the snapshots of two repositories
// that must agree, [Group.Warnings] says so: anyone who has these keys can hold
// both at an old state. Share keys among repositories only for a good reason.
//
// # When the next entry is asked
//
// Step 5 of TAP 4's search says: if the repositories do not agree, or if none
// of them has signed for the target, then report that if the entry is
// terminating, and otherwise go on to the next entry. It does not say what to
// do if a repository gives no answer.
//
// Here the search goes on only if the entry is not terminating and it is
// certain that all its repositories have no such target. Otherwise:
//
//   - If the entry is the last one that could decide, or terminating, and all
//     its repositories have no such target, the search ends with
//     [verify.ErrNoTarget], certain or not.
//   - If it is uncertain for one of them, the others do not reach the
//     threshold, and a later entry could answer instead, the search ends with
//     [verify.ErrUndecided].
//   - If enough repositories agree, the target is trusted. The others may
//     disagree or give no answer; the trail names them. So with a threshold of
//     1 any one of the entry's repositories is enough while the others give no
//     answer.
//   - If a repository gives no answer and the others do not reach the
//     threshold, the search ends with [ErrNoAnswer]. The threshold is never
//     lowered. If the search went on, anyone who can block a private repository
//     could make a public one answer in its place.
//   - If the repositories disagree, the search ends with [ErrDisagreement]. It
//     is a disagreement too if some list the target, but too few. If the search
//     went on, anyone who has the keys of one repository of an entry with a
//     threshold of 2 could move it to an entry with a threshold of 1.
//
// [Options.FallThrough] makes the search go on after a disagreement, as the
// text of TAP 4 says. [Lookup.Trail] shows it. If no later entry has the
// target, the first disagreement is the result. A search still ends if a
// repository gives no answer, and if two different files both have enough
// repositories, which the TAP does not mention.
//
// # Private names
//
// An entry for private names protects only paths that its patterns match. In a
// pattern * does not match a slash, and case matters. "acme/*" matches neither
// acme/tools/hammer nor Acme/hammer; a later entry that matches them answers
// for them. So there must be a pattern for each depth that a later entry can
// match.
//
// # Not here: TAP 3
//
// With TAP 3 a delegation could name several roles of one repository that must
// agree. It is not implemented:
//
//   - It changes the file format. Keys and roles become members of their own.
//     Several roles may share a file and have different keys. Clients of one
//     format cannot read the files of the other, and no repository and no other
//     client is known to use it.
//   - It does not fit the search through delegations, which visits one role
//     after another and stops at the first that lists the path. A delegation to
//     several roles would continue the search below each of them at once, and
//     compare their results before it could return to the delegator.
//   - It protects against one role's key being stolen. Thresholds of keys do
//     that too. Where independent parties must agree, two repositories do what
//     TAP 3 does. They also protect when a root or targets role is compromised
//     that the parties would share under TAP 3.
package multirepo
