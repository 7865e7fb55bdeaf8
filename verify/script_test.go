package verify_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata/script")

// TestScripts plays testdata/script/*.txt. A line that begins with "> " is a
// command, one that begins with "#" is a comment, and the indented lines after
// a command are what it must print. With -update they are rewritten, to be
// reviewed as a diff. The commands are the cases of (*script).command.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			text := strings.ReplaceAll(string(data), "\r\n", "\n")
			got := playScript(t, text, "plain", verify.Options{})
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, text, got)
			want := outcomesIn(text)
			ahead := outcomesIn(playScript(t, text, "ahead", verify.Options{Lookahead: 64}))
			require.Equal(t, want, ahead, "lookahead changes when files are fetched, and nothing else")
			dsse := outcomesIn(playScript(t, text, "dsse", verify.Options{EnvelopeFormat: metadata.DSSE}))
			require.Equal(t, withoutBytes(want), withoutBytes(dsse),
				"the envelope format changes the bytes of files, and nothing else")
		})
	}
}

// outcomesIn removes from a transcript what is fetched and saved, and the order
// in which lookups are done.
func outcomesIn(transcript string) string {
	var b strings.Builder
	var found []string
	for line := range strings.Lines(transcript) {
		switch word, _, _ := strings.Cut(strings.TrimSpace(line), " "); {
		case !strings.HasPrefix(line, "  "):
			slices.Sort(found)
			b.WriteString(strings.Join(found, "") + line)
			found = nil
		case !slices.Contains([]string{"fetch", "from", "save", "rejected"}, word):
			found = append(found, line)
		}
	}
	return b.String() + strings.Join(found, "")
}

var bytesOfFiles = regexp.MustCompile(
	`(limit reached|wrong length|hash mismatch|not well-formed TUF metadata): .*`)

// withoutBytes removes from a transcript what depends on the bytes of a file:
// how many there are, their hash, and where they end too early.
func withoutBytes(transcript string) string {
	return bytesOfFiles.ReplaceAllString(transcript, "$1")
}

// playScript plays a script, and records it under the test's name and this one.
func playScript(t *testing.T, text, name string, options verify.Options) string {
	record := newLineRecorder(strings.ReplaceAll(t.Name(), "/", "-") + "-" + name)
	defer record.close()
	s := &script{
		record:  record,
		T:       t,
		options: options,
		repo:    verifytest.New(verifytest.Options{EnvelopeFormat: options.EnvelopeFormat}),
		store:   verifytest.Store{},
		mirrors: map[string]verifytest.Files{},
		lookups: map[string]*verify.Lookup{},
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line)
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "> "); ok {
			s.out = &out
			s.command(strings.Fields(command))
		}
	}
	return out.String()
}

// script is a repository, its client, and the mirrors between them.
type script struct {
	*testing.T
	out     *strings.Builder
	repo    *verifytest.Repo
	store   verifytest.Store
	session *recorded
	record  *lineRecorder
	options verify.Options
	lookups map[string]*verify.Lookup
	mirrors map[string]verifytest.Files // frozen states of the repository
	live    []string                    // the mirrors to ask, in turn; none: the repository itself
}

func (s *script) print(format string, args ...any) { fmt.Fprintf(s.out, "  "+format+"\n", args...) }

func (s *script) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(s, err)
	return n
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	require.NoError(s, err)
	return d
}

func (s *script) keys(names []string) (keys []*verifytest.Key) {
	for _, name := range names {
		keys = append(keys, s.repo.Key(name))
	}
	return keys
}

func (s *script) command(f []string) {
	switch name, args := f[0], f[1:]; name {
	// the repository
	case "repo": // repo [plain] [hashes]: begin with another repository
		s.repo = verifytest.New(verifytest.Options{
			NoConsistentSnapshot: slices.Contains(args, "plain"),
			MetaHashes:           slices.Contains(args, "hashes"),
			EnvelopeFormat:       s.options.EnvelopeFormat,
		})
	case "target": // target ROLE PATH CONTENT
		s.repo.Role(args[0]).AddTarget(args[1], []byte(args[2]))
	case "delegate": // delegate ROLE NAME [terminating] PATTERN...
		d := verifytest.Delegation{Name: args[1], Paths: args[2:]}
		if args[2] == "terminating" {
			d.Terminating, d.Paths = true, args[3:]
		}
		s.repo.Role(args[0]).Delegate(d)
	case "delegate-keys": // delegate-keys ROLE NAME PATTERN KEY...
		delegate(s.repo.Role(args[0]), args[1], args[2], s.keys(args[3:])...)
	case "undelegate": // undelegate ROLE NAME
		s.repo.Role(args[0]).Undelegate(args[1])
	case "bins": // bins ROLE PREFIX NUMBER
		bins := s.repo.Role(args[0]).Delegate(verifytest.Delegation{
			Name: "bins", PathHashPrefixes: []string{""},
		})
		bins.DelegateBins(args[1], int(s.number(args[2])))
	case "succinct": // succinct ROLE PREFIX BITS
		s.repo.Role(args[0]).DelegateSuccinct(args[1], int(s.number(args[2])))
	case "bin-target": // bin-target ROLE PATH CONTENT
		s.repo.Role(args[0]).AddToBin(args[1], []byte(args[2]))
	case "rotate": // rotate ROLE THRESHOLD KEY...
		s.repo.Rotate(args[0], int(s.number(args[1])), s.keys(args[2:])...)
	case "rename-key": // rename-key ROLE ID: the next root lists the role's key under another ID
		renameKey(s.repo, args[0], args[1])
	case "sign": // sign ROLE [KEY...]
		s.repo.SignWith(args[0], s.keys(args[1:])...)
	case "lifetime": // lifetime ROLE DURATION
		s.repo.SetLifetime(args[0], s.duration(args[1]))
	case "version": // version ROLE NUMBER
		s.repo.SetVersion(args[0], s.number(args[1]))
	case "touch": // touch ROLE: a new version, although nothing has changed
		s.repo.Touch(args[0])
	case "unlist": // unlist NAME: the snapshot no longer lists it
		s.repo.Edit("snapshot", func(signed object) { delete(signed["meta"].(object), args[0]) })
	case "list-length": // list-length ROLE MORE: the snapshot lists the file's length plus so many bytes
		length := int64(len(fileOf(s.repo, args[0]))) + s.number(args[1])
		s.repo.Edit("snapshot", func(signed object) {
			signed["meta"].(object)[args[0]+".json"].(object)["length"] = length
		})
	case "consistent": // consistent true|false
		s.repo.SetConsistentSnapshot(args[0] == "true")
	case "publish": // publish [ROLE...]
		if len(args) == 0 {
			s.repo.Publish()
		} else {
			s.repo.PublishOnly(args...)
		}
	case "advance": // advance DURATION
		s.repo.Advance(s.duration(args[0]))
	// the mirrors
	case "freeze": // freeze MIRROR: a mirror that stays as the repository is now
		s.mirrors[args[0]] = s.repo.Metadata().Clone()
	case "mirrors": // mirrors [NAME...]: which to ask, in turn; none for the repository itself
		s.live = args
	case "remove": // remove MIRROR FILE
		require.Contains(s, s.mirrors[args[0]], args[1])
		delete(s.mirrors[args[0]], args[1])
	case "corrupt": // corrupt MIRROR FILE: flip a bit in the middle
		data := s.mirrors[args[0]][args[1]]
		require.NotEmpty(s, data)
		data[len(data)/2] ^= 1
	case "replace": // replace MIRROR FILE OTHER-MIRROR OTHER-FILE
		s.mirrors[args[0]][args[1]] = s.mirrors[args[2]][args[3]]
	// the client
	case "roots": // roots NUMBER: the limit
		s.options.Limits.MaxRootRotations = int(s.number(args[0]))
	case "lookahead": // lookahead NUMBER
		s.options.Lookahead = int(s.number(args[0]))
	case "limit": // limit BYTES: the limit for targets files
		s.options.Limits.MaxTargetsBytes = s.number(args[0])
	case "new":
		stored := verify.LoadStored(context.Background(), s.store)
		session, err := s.record.open(s.repo.TrustedRoot(), stored, s.repo.Now(), s.options)
		s.session = session
		clear(s.lookups)
		s.result(err)
	case "renew":
		stored := verify.LoadStored(context.Background(), s.store)
		session, err := s.session.Renew(stored, s.repo.Now())
		if s.result(err); err == nil {
			s.session = session
		}
	case "lookup": // lookup PATH
		s.lookups[args[0]] = s.session.Lookup(args[0])
	case "run": // run [backwards]: ask the mirrors until nothing is left to do; each batch from its end
		s.run(slices.Contains(args, "backwards"))
	case "trail": // trail PATH
		for _, step := range s.lookups[args[0]].Trail() {
			s.print("%s", step)
		}
	case "warnings":
		for _, warning := range s.session.Warnings() {
			s.print("%v", warning)
		}
	case "state":
		for _, role := range topLevel {
			s.print("%s %d", role, s.session.Version(role))
		}
	case "forget": // forget NAME: remove a saved file
		require.Contains(s, s.store, args[0])
		delete(s.store, args[0])
	case "put": // put NAME MIRROR FILE: a mirror's file in place of a saved one
		s.store[args[0]] = slices.Clone(s.mirrors[args[1]][args[2]])
	case "damage": // damage NAME: cut a saved file in two
		s.store[args[0]] = s.store[args[0]][:len(s.store[args[0]])/2]
	case "stored":
		for _, name := range slices.Sorted(maps.Keys(s.store)) {
			s.print("%s", name)
		}
	default:
		s.Fatalf("no such command: %v", f)
	}
}

func (s *script) result(err error) {
	if err != nil {
		s.print("error: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

func (s *script) run(backwards bool) {
	for {
		b, ok := s.session.Next()
		if !ok {
			break
		}
		if err := s.session.Save(context.Background(), s.store, b.Save); err != nil {
			s.result(err)
			return
		}
		for _, rec := range b.Save {
			s.print("save %s: %s version %d", rec.StoreName, rec.Role, rec.Version)
		}
		for _, r := range b.Rejected {
			s.print("rejected in its turn: %s: %v", r.Request.Path, r.Err)
		}
		if backwards {
			slices.Reverse(b.Fetch)
		}
		for _, req := range b.Fetch {
			if s.session.Wanted(req.ID) {
				s.fetch(req)
			}
		}
		for _, l := range b.Done {
			s.found(l)
		}
	}
	s.result(s.session.Err())
}

// found prints the result of a lookup.
func (s *script) found(l *verify.Lookup) {
	target, err := l.Target()
	if err != nil {
		s.print("found: %v", err)
		return
	}
	paths, err := target.URLPaths()
	require.NoError(s, err)
	s.print("found: %s, %d bytes at %s, trusted until %s",
		target.Role, target.Length, paths, target.Expires.Format(time.DateOnly))
}

// fetch asks the store, then the mirrors.
func (s *script) fetch(req verify.Request) {
	ahead := ""
	if req.Ahead {
		ahead = "ahead, "
	}
	s.print("fetch %s, %ssigned for %s, at most %d bytes",
		req.Path, ahead, req.Delegator, req.MaxBytes)
	if data, ok := s.store[req.StoreName]; ok && req.StoreName != "" {
		err := s.session.ProvideSaved(req.ID, data)
		s.print("  from the store: %s", resultText(err))
		if err == nil {
			return
		}
	}
	live := s.live
	if len(live) == 0 {
		live = []string{"the repository"}
	}
	var said []error
	absent := false
	for i, name := range live {
		files, ok := s.mirrors[name]
		if !ok {
			files = s.repo.Metadata()
		}
		data, err := files.Source()(context.Background(), req)
		if err != nil {
			absent, err = true, verify.ErrNotAtSource
		} else if err = s.session.Provide(req.ID, data); err == nil {
			s.print("  from %s: ok", name)
			return
		}
		s.print("  from %s: %s", name, resultText(err))
		said = append(said, &verify.SourceError{Source: i + 1, Of: len(live), Err: err})
	}
	if absent {
		require.NoError(s, s.session.NotFound(req.ID, said...))
	} else {
		require.NoError(s, s.session.Fail(req.ID, errors.Join(said...)))
	}
}

func resultText(err error) string {
	var reject *verify.RejectError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, verify.ErrNotAtSource):
		return "does not exist"
	case errors.As(err, &reject):
		return reject.Err.Error()
	}
	return err.Error()
}
