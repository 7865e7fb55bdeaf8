package main

// attack is one way to harm the user.
type attack struct {
	name string // the specification's
	by   string // the mirror alone, or a thief who holds the mirror and some keys
	how  string // what the attacker does
	play func(*stage)
}

// control is the row in which nobody attacks.
const control = "honest mirror"

// highestVersions is the one attack that a client cannot refuse: the keys are
// the right ones.
const highestVersions = "signs the highest versions there are, until the keys are replaced"

// attacks lists all rows in the order of the table.
var attacks = []attack{
	{control, "nobody", "a new root, and release 2.0", honest},
	{"arbitrary software", "mirror", "serves its own bytes as the app", swapBytes},
	{"arbitrary software", "mirror", "lists its own app, and signs all metadata with its own keys", ownKeys},
	{"arbitrary software", "thief: timestamp and snapshot keys", "lists its own app; has no targets key", onlineKeys},
	{"rollback", "mirror", "shows last week's metadata", replay},
	{"rollback", "thief: timestamp key", "signs a timestamp that names an old snapshot", oldSnapshot},
	{"rollback", "thief: timestamp and snapshot keys", "signs a snapshot that names old targets", oldTargets},
	{"fast-forward", "mirror", "raises the version of the timestamp, and cannot sign it", raiseUnsigned},
	{"fast-forward", "thief: timestamp and snapshot keys", highestVersions, raiseSigned},
	{"freeze", "mirror", "serves the same files for 8 days", freeze},
	{"freeze", "mirror", "answers 503 for the root that replaces stolen keys", hideRoot},
	{"freeze", "thief: timestamp key", "signs a fresh timestamp for the same old snapshot every day", freshTimestamp},
	{"endless data", "mirror", "sends a timestamp without end", endlessTimestamp},
	{"endless data", "mirror", "sends an app without end", endlessApp},
	{"endless data", "mirror", "sends a small timestamp that unpacks to 256 MiB", bomb},
	{"mix-and-match", "mirror", "serves old targets under the new ones' name", mixTargets},
	{"mix-and-match", "mirror", "serves an old snapshot under the new one's name", mixSnapshot},
	{"wrong software", "mirror", "serves the hammer as the app", serveHammer},
	{"wrong software", "thief: the tools' team's key", "lists a file that is not below tools/", outOfBounds},
	{"extraneous dependencies", "mirror", "says that the app needs the hammer too, and cannot sign it", requireHammer},
	{"extraneous dependencies", "thief: the tools' team's key", "lists the app, as one that needs malware", requireMiner},
	{"slow retrieval", "mirror", "sends the timestamp a byte at a time", slowTimestamp},
	{"slow retrieval", "mirror", "sends the app a byte at a time", slowApp},
	{"key compromise", "thief: all online keys, 1 of 2 targets keys", "signs targets of its own", oneOfTwoTargets},
	{"key compromise", "thief: all online keys, 1 of 2 targets keys", "signs twice with the same key", oneKeyTwice},
	{"key compromise", "thief: 1 of 2 root keys", "signs a root with keys of its own", oneOfTwoRoots},
	{"key compromise", "thief: every key but root's, revoked", "signs a release after the new root is out", revokedKeys},
	{"malicious mirror", "mirror", "answers everything with a page of HTML", pages},
	{"malicious mirror", "mirror", "cuts a file in half, each in turn", cutFiles},
	{"malicious mirror", "mirror", "flips a bit of a file, each in turn", flipBits},
	{"cache poisoning", "intruder, with a mirror", "puts its own root, metadata and app into it", foreignCache},
	{"cache poisoning", "intruder, with a mirror", "lists its own app in the saved targets", editedCache},
	{"crash before signature", "mirror", "sends what breaks parsers, as each role's file", breakParsers},
}

// honest shows that the client does not refuse everything.
func honest(s *stage) {
	s.release("1.1")
	s.rotate("root")
	s.release("2.0")
	s.mirror.since()
	s.tolerate(app)
	if s.err == nil && readDisk(s.dir).cached["root"] != s.repo.Version("root") {
		s.row.won = append(s.row.won, "the new root is not in the cache")
	}
	s.mustHaveNewest()
}
