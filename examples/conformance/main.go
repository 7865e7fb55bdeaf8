// Command conformance is a client for the TUF conformance suite
// (https://github.com/theupdateframework/tuf-conformance). It has the command
// line that the suite requires.
//
//	conformance --metadata-dir D init ROOT
//	conformance --metadata-dir D --metadata-url U refresh
//	conformance --metadata-dir D --metadata-url U --target-name T ... \
//		--target-base-url B --target-dir X download
//
// Before the command, --envelope-format dsse has it expect DSSE envelopes. The
// suite does not know of that, but the test vectors of docs/vectors.md do.
//
// The exit code is 0 on success. Otherwise it is 1, and the error goes to
// standard error. To run the suite, in a checkout of it:
//
//	go build -o tufwalk-client ./examples/conformance # here
//	pytest tuf_conformance --entrypoint PATH/TO/tufwalk-client # there
//
// In one way the suite requires what a program must not do: see store. For a
// program to start from, see examples/installer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// options are the flags. The suite gives them before the command. Their values
// must not be parsed further: the path of a target may begin with a hyphen or
// contain a comma. Package flag does that.
type options struct {
	metadataDir, metadataURL string
	targets                  []string
	targetBaseURL, targetDir string
	format                   metadata.EnvelopeFormat

	mirrors *client.Mirrors
}

func run(args []string) error {
	var o options
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.StringVar(&o.metadataDir, "metadata-dir", "", "directory of the trusted metadata")
	flags.StringVar(&o.metadataURL, "metadata-url", "", "base `URL` of the metadata")
	flags.Func("target-name", "path of a target; may be repeated", func(path string) error {
		o.targets = append(o.targets, path)
		return nil
	})
	flags.StringVar(&o.targetBaseURL, "target-base-url", "", "base `URL` of the target files")
	flags.StringVar(&o.targetDir, "target-dir", "", "directory of the downloaded files")
	flags.Func("envelope-format", "dsse (TAP 17); not an option of the suite", func(name string) error {
		if name != "dsse" {
			return errors.New("must be dsse")
		}
		o.format = metadata.DSSE
		return nil
	})
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	command, rest := flags.Arg(0), flags.NArg()-1
	switch {
	case o.metadataDir == "":
		return errors.New("--metadata-dir is missing")
	case command == "init" && rest == 1:
		return o.init(flags.Arg(1))
	case command == "refresh" && rest == 0 && o.metadataURL != "":
		_, _, err := o.refresh()
		return err
	case command == "download" && rest == 0 && o.canDownload():
		return o.download()
	}
	return errors.New("unknown command or missing flags; the commands are init ROOT, refresh (--metadata-url), " +
		"download (--metadata-url, --target-name, --target-base-url, --target-dir)")
}

func (o *options) canDownload() bool {
	return o.metadataURL != "" && len(o.targets) > 0 && o.targetBaseURL != "" && o.targetDir != ""
}

// init stores the root without checking it. The first refresh checks it.
func (o *options) init(file string) error {
	root, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.metadataDir, 0o700); err != nil {
		return err
	}
	rec := verify.Record{Role: metadata.RoleRoot, StoreName: rootName, Data: root}
	return store{o.metadataDir}.save(context.Background(), rec)
}

// refresh updates the metadata of the top-level roles. It returns the session
// and a function that answers the session's requests, which download calls
// again. Requests are sent one after another, in the order of the
// specification.
func (o *options) refresh() (s *verify.Session, work func() error, err error) {
	ctx := context.Background()
	now, err := date()
	if err != nil {
		return nil, nil, err
	}
	config := client.MirrorsConfig{Metadata: []string{o.metadataURL}}
	if o.targetBaseURL != "" {
		config.Targets = []string{o.targetBaseURL}
	}
	if o.mirrors, err = client.NewMirrors(config); err != nil {
		return nil, nil, err
	}
	dir := store{o.metadataDir}
	trustedRoot, err := dir.Load(ctx, rootName)
	if err != nil {
		return nil, nil, err
	}
	with := verify.Options{EnvelopeFormat: o.format}
	if s, err = verify.New(trustedRoot, verify.LoadStored(ctx, dir), now, with); err != nil {
		return nil, nil, err
	}
	work = func() error { return s.Run(ctx, dir, o.mirrors.Sources()[0].Fetch) }
	err = work()
	for _, warning := range s.Warnings() {
		fmt.Fprintln(os.Stderr, "conformance: warning:", warning)
	}
	return s, work, err
}

// download updates the metadata, then looks up and fetches the targets, one
// after another in one session. The first error ends it.
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

// rootName is where init saves the trusted root, and where a session saves the
// newest root.
const rootName = "root.json"

// store is the metadata directory that the suite requires: one file per role,
// the newest version. So the newest root replaces the trusted root, and roots
// in between are not saved.
//
// Do not copy this. It is the only place in the project where a file from the
// cache is the trusted root: anyone who can write to this directory decides
// what is trusted. A program gets its trusted root from elsewhere, for example
// built in, and lets the session verify the stored roots from there on.
//
// It has no lock, since the suite also wants no other files. One process at a
// time may use it.
type store struct{ dir string }

// Load returns a saved file.
func (s store) Load(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.dir, name))
}

// Save saves the files that the suite expects.
func (s store) Save(ctx context.Context, rec verify.Record) error {
	if rec.Role == metadata.RoleRoot && rec.StoreName != rootName {
		return nil
	}
	return s.save(ctx, rec)
}

func (s store) save(_ context.Context, rec verify.Record) error {
	name := filepath.Join(s.dir, rec.StoreName)
	if err := os.WriteFile(name+".part", rec.Data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

// date returns the time of the date command. The suite fakes the time with
// libfaketime. That has no effect on Go programs, which ask the kernel
// directly, but it has on date, which inherits the environment.
func date() (time.Time, error) {
	out, err := exec.Command("date", "+%s").Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("read the time from the date command: %w", err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the time from the date command: found %q", out)
	}
	return time.Unix(seconds, 0), nil
}
