package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// stage is where one attack is played: a repository with its operators, the
// mirror, and a user's machine. Its methods do what their names say and add it
// to the story. After an error that no attack caused, they do nothing.
type stage struct {
	ctx    context.Context
	client client
	repo   *verifytest.Repo
	mirror *mirror
	dir    string
	limit  time.Duration // how long one update may take
	clock  time.Time     // of the user; zero: the machine's clock

	version   string // of the newest release
	published traces // all metadata that the operators ever published
	story     strings.Builder
	err       error // why the attack could not be played
	row       row
}

const (
	// The user wants app. The tools' team publishes hammer.
	app, hammer = "app.bin", "tools/hammer"
	// patience is how long the user waits after the installer's own limit.
	patience   = 5 * time.Second
	usualLimit = 30 * time.Second
	appSize    = 64 << 10
)

// newStage begins with a user who has installed release 1.0 from an honest
// mirror. The root and the targets role need two signatures by two keys.
func newStage(ctx context.Context, dir string, c client) *stage {
	s := &stage{ctx: ctx, client: c, dir: dir, limit: usualLimit, mirror: newMirror(), published: traces{}}
	s.repo = verifytest.New(verifytest.Options{Start: time.Now().UTC(), Seed: "attacks"})
	s.repo.Rotate("root", 2, s.repo.Key("root-a"), s.repo.Key("root-b"))
	s.repo.Rotate("targets", 2, s.repo.Key("targets-a"), s.repo.Key("targets-b"))
	team := s.repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"tools/*"}})
	team.AddTarget(hammer, content("hammer 1.0"))
	s.repo.Publish()
	s.err = os.WriteFile(filepath.Join(dir, "root.json"), s.repo.Metadata()["2.root.json"], 0o600)
	s.release("1.0")
	s.update()
	return s
}

// content returns a file whose first line says what it is.
func content(title string) []byte {
	return append([]byte(title+"\n"), strings.Repeat("x", appSize-len(title)-1)...)
}

// tell adds a sentence to the story.
func (s *stage) tell(format string, args ...any) {
	if s.err == nil {
		fmt.Fprintf(&s.story, "  "+format+"\n", args...)
	}
}

// release publishes a new version of the app. The mirror serves it until the
// attacker changes that.
func (s *stage) release(version string) {
	s.tell("The operators release app.bin %s.", version)
	s.version = version
	s.repo.Targets().AddTarget(app, s.newest())
	s.repo.Touch("targets")
	s.repo.Publish()
	s.published.note(s.repo.Metadata())
	s.mirror.serve(repository(s.repo))
}

// wait lets time pass, for the user and the operators.
func (s *stage) wait(d time.Duration) {
	s.tell("%d days pass.", d/(24*time.Hour))
	s.repo.Advance(d)
	s.clock = s.repo.Now()
}

// update is an update from an honest mirror, outside the attack. It must
// succeed.
func (s *stage) update() {
	if s.err != nil {
		return
	}
	r := s.run(app)
	has := readDisk(s.dir).installed[app]
	s.tell("The user updates from an honest mirror: exit code %d, and has %s.", r.code, title(has))
	if r.code != 0 || !bytes.Equal(has, s.newest()) {
		s.err = fmt.Errorf("update to %s %s from an honest mirror: exit code %d\n%s", app, s.version, r.code, r.text)
	}
}

// run runs the installer.
func (s *stage) run(targets ...string) result {
	s.mirror.since()
	args := []string{
		"--root", filepath.Join(s.dir, "root.json"),
		"--cache", filepath.Join(s.dir, "cache"),
		"--dest", filepath.Join(s.dir, "installed"),
		"--metadata-url", s.mirror.server.URL + "/metadata",
		"--targets-url", s.mirror.server.URL + "/targets",
		"--timeout", s.limit.String(),
	}
	if !s.clock.IsZero() {
		args = append(args, "--at", s.clock.Format(time.RFC3339))
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.limit+patience)
	defer cancel()
	return s.client(ctx, append(args, targets...))
}

// newest is the newest release of the app.
func (s *stage) newest() []byte { return content(app + " " + s.version) }

// appPath is its path on the mirror.
func (s *stage) appPath() string {
	return fmt.Sprintf("targets/%x.%s", sha256.Sum256(s.newest()), app)
}

// rotate replaces the keys of roles, because the old ones were stolen.
func (s *stage) rotate(roles ...string) {
	s.tell("The operators notice the theft, and replace the keys of %s with a new root.", strings.Join(roles, " and "))
	for _, role := range roles {
		keys := []*verifytest.Key{s.repo.Key("new-" + role)}
		s.repo.Rotate(role, len(keys), keys...)
	}
}

// recover ends every attack: the user must get the next release from an honest
// mirror. A client that refuses for ever has lost too.
func (s *stage) recover() {
	if s.err != nil {
		return
	}
	s.tell("The attack is over.")
	s.release("9.0")
	s.update()
	if s.err != nil {
		s.row.won = append(s.row.won, "the client cannot be updated any more")
		s.err = nil
		return
	}
	s.row.outlived(s.published.foreign(s.dir))
	for _, name := range readDisk(s.dir).unfinished {
		s.row.won = append(s.row.won, "the unfinished download "+name+" stays")
	}
}

// mustHaveNewest is for updates that have to succeed.
func (s *stage) mustHaveNewest() {
	if s.err == nil && !bytes.Equal(readDisk(s.dir).installed[app], s.newest()) {
		s.row.won = append(s.row.won, "the client refused an honest mirror")
	}
}
