// Package roles decides who may sign what: keys, thresholds, and the rules
// between an old and a new version of a role. It does not know in which order
// files are fetched, and it fetches nothing; package verify does the one and
// its caller the other.
//
// A [Role] is made from trusted content that names it, [Open] gives the content
// of a file that enough of the role's keys have signed, and only this package
// can make the [Trusted] value that it returns. So content that nobody has
// signed cannot reach [TopLevel] or [Delegated]:
//
//	root, err := roles.VerifyInitialRoot(env, policy)              // the first root, received out of band
//	role, err := roles.TopLevel(root, "timestamp", policy)
//	timestamp, err := roles.Verify(timestampEnv, role)    // signed to the threshold, and nothing more
//	err = roles.CheckExpiry("timestamp", timestamp.Content().Header, now)
//
// The other functions are the rules between versions, each in one place with
// the ID of the requirement.
package roles
