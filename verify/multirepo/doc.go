// Package multirepo decides which files may be trusted where there are several
// repositories, as TAP 4 has it: a map says whose word counts for which target
// paths, and how many have to agree. Like package verify it does no I/O.
//
//	m, err := metadata.ParseMap(mapFile) // which ships with the program, as the anchors do
//	if err != nil {
//		return err
//	}
//	g, err := multirepo.New(m, map[string]multirepo.Repository{
//		"private": {Anchor: privateRoot, Stored: verify.LoadStored(private.Load)},
//		"public":  {Anchor: publicRoot, Stored: verify.LoadStored(public.Load)},
//	}, time.Now(), nil)
//	if err != nil {
//		return err
//	}
//	app := g.Lookup("app.tar.gz")
//	if err := g.Run(stores, mirrors); err != nil {
//		return err
//	}
//	t, err := app.Target()
//	if err != nil {
//		return err
//	}
//	paths, err := t.Attestations[0].URLPaths() // below the targets URL of the repository t.Attestations[0].Repository
//	if err != nil {
//		return err
//	}
//	// body is what one of them is
//	err = t.Copy(file, body) // file may be used only if err is nil
//
// A map file says which repositories there are, and for which paths, in which
// order, how many of them have to agree:
//
//	{
//	  "repositories": {
//	    "private": ["https://repo.example.com"],
//	    "public":  ["https://pub.example.org"]
//	  },
//	  "mapping": [
//	    {"paths": ["acme/*", "acme/*/*"], "repositories": ["private"], "threshold": 1, "terminating": true},
//	    {"paths": ["*", "*/*"],           "repositories": ["public"],  "threshold": 1, "terminating": true}
//	  ]
//	}
//
// A [Group] has one [verify.Session] for each repository of the map, with an
// anchor, floors, limits and options of its own. All of them speak through one
// stream of requests, whose IDs are unique in the group, so that the loop for
// one repository drives them all:
//
//	for {
//		b, ok := g.Next()
//		if !ok {
//			break // nothing to do until an open request is answered
//		}
//		for _, rec := range b.Save {
//			// store it durably, in rec.Repository's store; if that fails, g.Abandon(err) and stop
//		}
//		for _, req := range b.Fetch {
//			// if req.StoreName is not empty, offer the copy in req.Repository's store first: g.Provide(req.ID, saved);
//			// if there is none or it is rejected, fetch req.Path from a mirror of req.Repository, at most req.MaxBytes,
//			// and call g.Provide(req.ID, body), g.NotFound(req.ID) or g.Fail(req.ID, err)
//		}
//		for _, l := range b.Done {
//			// l.Target() has its answer, and l.Trail() says who said what
//		}
//	}
//
// The caller's duties are those of package verify. Two more: a store belongs to
// one repository ([DirName] makes a safe name for a folder of it), and the map
// must come from a place that the network cannot write to, as the anchors do.
//
// # How a lookup is decided
//
// A lookup goes through the entries of the map in order, past those none of
// whose patterns matches the path ([delegation.Match]: no * stands for a
// slash). All repositories of an entry are asked together, and all have to be
// heard before it is decided, so that the order of answers does not matter.
// Those of later entries are asked only if it comes to that, because to ask is
// to tell their mirrors what one is looking for. (All repositories are kept up
// to date together, which tells nobody any name.) Each repository's answer is
// one of four:
//
//   - it lists the path,
//   - it has no such target: its search is complete and found nothing,
//   - it is silent: it could not be brought up to date, or could not say. That
//     is not the same as no,
//   - or it lists the path without a strong hash: then its word counts for
//     nothing. A hash is strong if the repository's session would check it:
//     sha256, sha512, and what its Policy adds.
//
// Two repositories agree if they list the same length, have at least one strong
// hash in common, and the same digest for each that they have in common. Custom
// data is not compared: [Attestation.Custom] returns each one's. The target is
// trusted if at least the threshold of the entry's repositories agree, each of
// them with each other. That is not the same as all of them agreeing with one:
// of A, which lists a sha256, B, which lists a sha512, and C, which lists these
// same two, A agrees with C and so does B, but nothing shows that A and B speak
// of one file. With a threshold of 2 they are trusted, with 3 they are not.
// Were A and B to list different digests that C does not list, C's word would
// be the bridge between two files. Several groups may reach the threshold. If
// two repositories in them contradict each other, the entry is a disagreement,
// whichever group is larger. If none do, the file is held to all that is listed
// in all of these groups: in the example, to both digests.
//
// Repositories whose roots list the very same keys have one voice between them,
// whatever they are called and wherever they are served, as one public key
// under two key IDs has one. [New] refuses an entry whose threshold cannot be
// reached so. That some keys are shared is allowed: who shares keys among
// repositories should know why.
//
// # When the next entry is asked
//
// TAP 4 says (step 5 of its search): if the repositories do not agree, or none
// of them has signed for the target, then report that if the entry is
// terminating, and otherwise go on to the next one. It says nothing of
// repositories that cannot be heard. Here the search goes on only if every
// repository of a non-terminating entry has said that it has no such target.
// Then:
//
//   - A repository that is silent while the others do not reach the threshold
//     ends the search with [ErrNoAnswer]. Otherwise, whoever can keep a private
//     repository from being heard could have a public one answer for it. The
//     threshold is never lowered.
//   - A disagreement, of which too few that list the target is one, ends the
//     search with [ErrDisagreement]. Otherwise, whoever holds one key of an
//     entry that wants two could push the search on to an entry that wants one.
//     [Options.FallThrough] goes on instead, as the text of TAP 4 has it;
//     [Lookup.Trail] shows it, and if nobody further down has the target, the
//     first disagreement is the answer. Silence ends the search all the same,
//     and so do two files that have enough voices each, of which the TAP does
//     not speak.
//
// Where the threshold is reached, those who disagree or are silent do not
// matter; the trail names them. With a threshold of 1 that means that the word
// of any one of the entry's repositories is enough while the others are silent:
// names that belong to one repository must be in an entry of that repository
// alone, before the others and terminating.
//
// Such an entry protects only the paths that its patterns match. No * stands
// for a slash, and case counts: "acme/*" matches neither acme/tools/hammer nor
// Acme/hammer, and an entry further down whose patterns do, answers for these.
// A private name needs a pattern for each depth that any later entry reaches.
//
// # Not here: TAP 3
//
// TAP 3 would have a delegation name several roles that must agree, within one
// repository. It is not implemented. It is another file format: keys and roles
// become members of their own, several roles may share a file and differ in
// keys, and files in either format cannot be read by clients of the other; no
// repository and no other client is known to use it. And it does not fit the
// walk, which goes to one role after another and stops at the first that lists
// the path: a delegation to several roles has the walk go on below each of them
// at once, with delegations of their own, and bring their answers together
// before it may go back to the delegator. What it protects against, one role's
// key that is lost, is what thresholds of keys are for; where whole parties
// have to agree, two repositories do what TAP 3 does, and do it when a common
// root or targets role is lost too.
package multirepo
