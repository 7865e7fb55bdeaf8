package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// row is what the table shows of an attack.
type row struct {
	attack
	saw, said, left string
	tries, refused  int
	repairs         repairs  // of what the client did not refuse
	won             []string // how the attack succeeded
	broken          error    // why the attack could not be played
	story           string
}

// Outcomes of an attack.
const (
	wasRefused   = "refused"
	wasRepaired  = "repaired"
	wasHarmless  = "harmless"
	hasSucceeded = "SUCCEEDED"
	notPlayed    = "NOT PLAYED"
	// Outcomes of the honest mirror.
	hasUpdated, hasFailed = "updated", "FAILED"
)

// outcome depends on what the client did and what was on its disk, as legend
// tells the reader.
func (r row) outcome() string {
	switch {
	case r.broken != nil || r.tries == 0:
		return notPlayed
	case r.name == control && len(r.won) > 0:
		return hasFailed
	case r.name == control:
		return hasUpdated
	case len(r.won) > 0:
		return hasSucceeded
	case r.refused == r.tries:
		return wasRefused
	case r.repairs.any():
		return wasRepaired
	}
	return wasHarmless
}

// mostBytes is what a client may be sent in one run before it counts as a
// victim of endless data. The whole repository has less than a quarter of a
// megabyte; the rest is for what the system's sockets buffer, read or not.
const mostBytes = 16 << 20

// strike is an update under attack. The client must end by itself with an
// error, and leave everything as it was.
func (s *stage) strike(targets ...string) { s.underAttack(false, targets...) }

// tolerate is strike for attacks that the client may not notice, as long as it
// has the newest release afterwards, or what it had before.
func (s *stage) tolerate(targets ...string) { s.underAttack(true, targets...) }

func (s *stage) underAttack(mayPass bool, targets ...string) {
	if s.err != nil {
		return
	}
	s.published.note(s.repo.Metadata())
	before, foreign := readDisk(s.dir), s.published.foreign(s.dir)
	if slices.Contains(foreign, "root.json") { // the cache is another repository's: its versions protect nothing
		before.cached = map[string]int64{}
	}
	r := s.run(targets...)
	after, log := readDisk(s.dir), s.mirror.since()
	won := append(before.harm(after, s.newest(), mayPass), misbehaviour(r, mayPass)...)
	if sent := total(log); sent > mostBytes {
		won = append(won, fmt.Sprintf("the client was sent %d MiB", sent>>20))
	}
	if r.code == 0 {
		s.row.repairs.accepted(foreign, s.published.foreign(s.dir))
	} else {
		s.row.refused++
	}
	s.note(r, log, before.changes(after), won)
}

// note adds a try to the story. The table shows the first try, or the first
// that the attacker won.
func (s *stage) note(r result, log []*request, left string, won []string) {
	s.tell("The user updates: %s.", sawText(log))
	s.tell("The client ends after %d ms with exit code %d, saying:", r.took.Milliseconds(), r.code)
	for line := range strings.Lines(r.text) {
		s.tell("    %s", strings.TrimRight(line, "\n"))
	}
	s.tell("On the disk: %s.", left)
	for _, reason := range won {
		s.tell("THE ATTACK SUCCEEDED: %s.", reason)
	}
	s.row.tries++
	if s.row.tries == 1 || len(won) > 0 && len(s.row.won) == 0 {
		s.row.saw, s.row.said, s.row.left = sawText(log), said(r), left
	}
	for _, reason := range won {
		if !slices.Contains(s.row.won, reason) {
			s.row.won = append(s.row.won, reason)
		}
	}
}

// misbehaviour is how a client must not end.
func misbehaviour(r result, mayPass bool) []string {
	switch {
	case r.hung:
		return []string{"the client hung"}
	case r.code == 0 && !mayPass:
		return []string{"the client did not refuse"}
	case r.code != 0 && r.code != 1:
		return []string{fmt.Sprintf("the client crashed with exit code %d", r.code)}
	}
	return nil
}

func total(log []*request) (sum int64) {
	for _, r := range log {
		sum += r.bytes
	}
	return sum
}

// disk is what a client has on its disk.
type disk struct {
	installed map[string][]byte
	cached    map[string]int64 // versions in the cache, by role; they must not get lower
	// unfinished are what has come of downloads, hidden under names of the
	// client's own: the next run may go on with them. They are not installed.
	unfinished []string
}

// unfinished matches the names of files that only the client itself reads.
const unfinished = ".tufwalk-*.part"

func readDisk(dir string) disk {
	d := disk{installed: map[string][]byte{}, cached: map[string]int64{}}
	installed := filepath.Join(dir, "installed")
	_ = filepath.WalkDir(installed, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(installed, path)
			if own, _ := filepath.Match(unfinished, filepath.Base(name)); own {
				d.unfinished = append(d.unfinished, name)
				return nil
			}
			d.installed[filepath.ToSlash(name)], _ = os.ReadFile(path)
		}
		return nil // the folder may not exist yet
	})
	for _, role := range cachedRoles {
		var file struct{ Signed struct{ Version int64 } }
		data, err := os.ReadFile(filepath.Join(dir, "cache", role+".json"))
		if err == nil && json.Unmarshal(data, &file) == nil {
			d.cached[role] = file.Signed.Version
		}
	}
	return d
}

// cachedRoles are the roles whose versions protect against rollback.
var cachedRoles = []string{"root", "timestamp", "snapshot"}

// harm returns what is worse than before. A new release may be installed only
// if the attack may pass.
func (d disk) harm(after disk, newest []byte, mayPass bool) (reasons []string) {
	for _, name := range slices.Sorted(maps.Keys(after.installed)) {
		data := after.installed[name]
		if bytes.Equal(data, d.installed[name]) || mayPass && name == app && bytes.Equal(data, newest) {
			continue
		}
		reasons = append(reasons, fmt.Sprintf("%s is %s now", name, title(data)))
	}
	for _, name := range slices.Sorted(maps.Keys(d.installed)) {
		if _, there := after.installed[name]; !there {
			reasons = append(reasons, name+" is gone")
		}
	}
	for _, role := range cachedRoles {
		if before, now := d.cached[role], after.cached[role]; now < before {
			reasons = append(reasons, fmt.Sprintf("the %s in the cache fell from version %d to %d", role, before, now))
		}
	}
	return reasons
}

// changes describes what is installed now, and what changed in the cache.
func (d disk) changes(after disk) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(after.installed)) {
		parts = append(parts, title(after.installed[name]))
	}
	cache := "cache unchanged"
	var changed []string
	for _, role := range cachedRoles {
		if before, now := d.cached[role], after.cached[role]; before != now {
			changed = append(changed, role+" "+version(now))
		}
	}
	if len(changed) > 0 {
		cache = "cache: " + strings.Join(changed, ", ")
	}
	return strings.Join(append(parts, cache), "; ")
}

func version(n int64) string {
	if n == math.MaxInt64 {
		return "2^63-1"
	}
	return strconv.FormatInt(n, 10)
}

// title is the first line of a file.
func title(data []byte) string {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if len(line) == 0 || len(line) > 30 {
		return fmt.Sprintf("%d unknown bytes", len(data))
	}
	return string(line)
}

// sawText says what a client asked for last, and what it was sent.
func sawText(log []*request) string {
	if len(log) == 0 {
		return "it asked for nothing"
	}
	last := log[len(log)-1]
	name := last.path[strings.LastIndex(last.path, "/")+1:]
	name = strings.TrimPrefix(name, strconv.FormatInt(math.MaxInt64, 10)+".")
	if strings.HasPrefix(last.path, "targets/") {
		_, name, _ = strings.Cut(name, ".") // the digest
	}
	what := size(last.bytes) + " sent"
	if last.status != 200 {
		what = fmt.Sprintf("status %d", last.status)
	}
	return fmt.Sprintf("%s; last %s, %s", count(len(log), "request"), name, what)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func size(n int64) string {
	if n < 10<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	if n < 10<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// said is the core of a client's message: the line after "installer: ...", or
// that line itself, without what every such line has.
func said(r result) string {
	if r.code == 0 {
		return "none"
	}
	lines := strings.Split(r.text, "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "installer: ") })
	if at+1 < len(lines) {
		at++
	}
	line := strings.TrimSpace(lines[max(at, 0)])
	for _, unwanted := range unwantedInTable {
		line = unwanted.ReplaceAllString(line, "${1}")
	}
	return line
}

// unwantedInTable is left out of the table, which has no room for it.
var unwantedInTable = []*regexp.Regexp{
	regexp.MustCompile(`^\S+ could not be fetched: `),
	regexp.MustCompile(`^rejected: `),
	regexp.MustCompile(`http://\S+: `),
	regexp.MustCompile(` \(to give it up on purpose[^)]*\)`),
	regexp.MustCompile(`(\d-\d\d)T\d\d:\d\d:\d\dZ`),               // the time of a date
	regexp.MustCompile(`\b([0-9a-f]{8})[0-9a-f]{20,}(?:\.\.\.)?`), // digests, key IDs
}
