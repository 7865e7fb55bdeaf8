// Command conformance is the client that the TUF conformance suite
// (https://github.com/theupdateframework/tuf-conformance) drives: it has the
// command line that the suite asks for, and shows how little a client has to do
// around package verify.
//
//	conformance --metadata-dir D init ROOT
//	conformance --metadata-dir D --metadata-url U refresh
//	conformance --metadata-dir D --metadata-url U --target-name T ... --target-base-url B --target-dir X download
//
// It exits with 0 if all went well, otherwise with 1 and the reason on standard
// error. To run the suite:
//
//	go build -o tufwalk-client ./examples/conformance
//	pytest tuf_conformance --entrypoint ./tufwalk-client # in a checkout of the suite, with the path to the client
//
// In one thing the suite's contract differs from what a program should do: see
// store. The installer, beside this, is such a program.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/verify"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// options are the flags. The suite gives them before the command, and their
// values must be taken as they are: a target's path may begin with a hyphen or
// have a comma in it. That is what the standard package does.
type options struct {
	metadataDir, metadataURL string
	targets                  []string
	targetBaseURL, targetDir string
}

func run(args []string) error {
	var o options
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.StringVar(&o.metadataDir, "metadata-dir", "", "directory of the trusted metadata")
	flags.StringVar(&o.metadataURL, "metadata-url", "", "where the repository keeps its metadata")
	flags.Func("target-name", "path of a target; may be repeated", func(path string) error {
		o.targets = append(o.targets, path)
		return nil
	})
	flags.StringVar(&o.targetBaseURL, "target-base-url", "", "where the repository keeps its target files")
	flags.StringVar(&o.targetDir, "target-dir", "", "directory of the downloaded files")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	command, rest := flags.Arg(0), flags.NArg()-1
	switch {
	case o.metadataDir == "":
		return errors.New("there is no --metadata-dir")
	case command == "init" && rest == 1:
		return o.init(flags.Arg(1))
	case command == "refresh" && rest == 0 && o.metadataURL != "":
		_, _, err := o.refresh()
		return err
	case command == "download" && rest == 0 && o.metadataURL != "" && len(o.targets) > 0 && o.targetBaseURL != "" && o.targetDir != "":
		return o.download()
	}
	return errors.New("no such command, or one that lacks flags: init ROOT, refresh (--metadata-url), " +
		"download (--metadata-url, --target-name, --target-base-url, --target-dir)")
}

// init stores the root and checks nothing: the first refresh does.
func (o *options) init(file string) error {
	root, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	dir, err := cachedir.Open(o.metadataDir)
	if err != nil {
		return err
	}
	return dir.Save(verify.Record{Role: "root", StoreName: rootName, Data: root})
}

// refresh goes through the top-level workflow. With the session it returns what
// does the session's work, from now on too: the requests go out one after the
// other, in the order of the specification.
func (o *options) refresh() (s *verify.Session, work func() error, err error) {
	now, err := date()
	if err != nil {
		return nil, nil, err
	}
	dir, err := cachedir.Open(o.metadataDir)
	if err != nil {
		return nil, nil, err
	}
	anchor, err := dir.Load(rootName)
	if err != nil {
		return nil, nil, err
	}
	if s, err = verify.New(anchor, verify.LoadStored(dir.Load), now, verify.Options{}); err != nil {
		return nil, nil, err
	}
	source := mirror.New(o.metadataURL, client)
	work = func() error { return s.Run(store{dir}, source) }
	err = work()
	for _, warning := range s.Warnings() {
		fmt.Fprintln(os.Stderr, "conformance: warning:", warning)
	}
	return s, work, err
}

// download refreshes, then looks the targets up and fetches them one at a time,
// all in one session; the first failure ends it.
func (o *options) download() error {
	s, work, err := o.refresh()
	if err != nil {
		return err
	}
	for _, path := range o.targets {
		lookup := s.Lookup(path)
		if err := work(); err != nil {
			return err
		}
		target, err := lookup.Target()
		if err == nil {
			err = o.fetch(target)
		}
		if err != nil {
			return fmt.Errorf("target %q: %w", path, err)
		}
	}
	return nil
}

// client gives up on servers that hang. A program for large files would rather
// bound the silence than the whole.
var client = &http.Client{Timeout: time.Minute}

// rootName is both where init puts the anchor and where the session wants the
// newest root.
const rootName = "root.json"

// store is the metadata directory as the suite's contract has it: one file per
// role, the newest version. So the newest root takes the place of the anchor,
// and the roots in between are not kept.
//
// This is the only place in the project where a file from the cache is an
// anchor. Do not copy it: whoever can write to this directory decides what is
// trusted. A program has its anchor from elsewhere, built in, say, and lets the
// session verify the saved roots from there on.
type store struct{ *cachedir.Dir }

// Save stores what the contract knows.
func (s store) Save(rec verify.Record) error {
	if rec.Role == "root" && rec.StoreName != rootName {
		return nil
	}
	return s.Dir.Save(rec)
}

// date returns the time according to the date command. The suite fakes time
// with libfaketime, which Go programs do not notice, as they ask the kernel
// directly; date, which inherits the environment, does.
func date() (time.Time, error) {
	out, err := exec.Command("date", "+%s").Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("what time is it: %w", err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("what time is it: date says %q", out)
	}
	return time.Unix(seconds, 0), nil
}
