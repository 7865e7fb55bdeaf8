package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/loopback"
	"github.com/tufwalk/tufwalk/internal/cli"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const mapOfDemo = `{
  "repositories": {
    "private": ["PRIVATE/"],
    "public":  ["PUBLIC/"]
  },
  "mapping": [
    {"paths": ["acme/*"], "repositories": ["private"],
     "threshold": 1, "terminating": true},
    {"paths": ["tools/*"], "repositories": ["private", "public"],
     "threshold": 2, "terminating": true},
    {"paths": ["*", "*/*"], "repositories": ["public"],
     "threshold": 1, "terminating": true}
  ]
}
`

// scenes are the steps of the demonstration.
var scenes = []struct {
	title, target string
	stopPrivate   bool  // before this step
	want          error // nil: it is installed
}{{
	title:  "A private name comes from the private repository.",
	target: "acme/billing-1.0.txt",
}, {
	title: "Dependency confusion: the public repository has a higher version.\n" +
		"   The map does not use that repository for such names.",
	target: "acme/billing-99.0.txt", want: verify.ErrNoTarget,
}, {
	title:  "Both repositories have to agree on tools. Here they do.",
	target: "tools/lint-2.0.txt",
}, {
	title: "Here they do not: somebody has changed the file in the public\n" +
		"   repository, and signed it there.",
	target: "tools/lint-2.1.txt", want: multirepo.ErrDisagreement,
}, {
	title:  "All other names come from the public repository.",
	target: "left-pad-1.3.txt",
}, {
	title: "The private repository is blocked. The public one does not get its\n" +
		"   names.",
	target: "acme/billing-1.0.txt", stopPrivate: true, want: multirepo.ErrNoAnswer,
}, {
	title:  "One repository is not enough where two have to agree.",
	target: "tools/lint-2.0.txt", want: multirepo.ErrNoAnswer,
}}

// demoMap installs with a map of two repositories.
func demoMap(ctx context.Context, in *installer, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	private, public := demoRepositories(time.Now().UTC())
	text := mapOfDemo
	in.Root, in.MetadataURL, in.TargetsURL = nil, nil, nil
	var stopPrivate func()
	for name, repo := range map[string]*verifytest.Repo{"private": private, "public": public} {
		base, stop, err := loopback.Serve(loopback.Repository(repo))
		if err != nil {
			return err
		}
		defer stop()
		if name == "private" {
			stopPrivate = stop
		}
		text = strings.Replace(text, strings.ToUpper(name), base, 1)
		root := filepath.Join(dir, name+".root.json")
		if err := os.WriteFile(root, repo.TrustedRoot(), 0o600); err != nil {
			return err
		}
		in.Root = append(in.Root, name+"="+root)
	}
	in.Map, in.Cache = filepath.Join(dir, "map.json"), filepath.Join(dir, "cache")
	in.Dest = filepath.Join(dir, "installed")
	if err := os.WriteFile(in.Map, []byte(text), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(in.stdout, `
SEVERAL REPOSITORIES, a private and a public one, with this map:
%s

%s`, in.Map, text)
	for i, s := range scenes {
		if s.stopPrivate {
			stopPrivate()
		}
		in.Targets = []string{s.target}
		fmt.Fprintf(in.stdout, "\n%d. %s\n   installer %s\n\n", i+1, s.title, s.target)
		switch err := in.run(ctx); {
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, s.want): // nil is nil
			return fmt.Errorf("the demonstration went wrong: expected %v, found %w", s.want, err)
		case err != nil:
			fmt.Fprintf(in.stdout, "refused: %s\n", cli.Printable(err.Error()))
		}
	}
	return nil
}

// demoRepositories have different keys, and one file with different content.
func demoRepositories(now time.Time) (private, public *verifytest.Repo) {
	private = verifytest.New(verifytest.Options{Start: now, Seed: "private", Hashes: []string{"sha256", "sha512"}})
	team := private.Targets().Delegate(verifytest.Delegation{
		Name: "billing-team", Paths: []string{"acme/*"}, Terminating: true,
	})
	team.AddTarget("acme/billing-1.0.txt", []byte("What customers owe us.\n"))
	private.Targets().AddTarget("tools/lint-2.0.txt", []byte("Finds mistakes.\n"))
	private.Targets().AddTarget("tools/lint-2.1.txt", []byte("Finds more mistakes.\n"))
	private.Publish()

	public = verifytest.New(verifytest.Options{Start: now, Seed: "public"})
	anybody := public.Targets().Delegate(verifytest.Delegation{
		Name: "anybody", Paths: []string{"acme/*", "*"},
	})
	anybody.AddTarget("acme/billing-99.0.txt", []byte("Sends what customers owe to somebody else.\n"))
	anybody.AddTarget("left-pad-1.3.txt", []byte("    Pads.\n"))
	public.Targets().AddTarget("tools/lint-2.0.txt", []byte("Finds mistakes.\n"))
	public.Targets().AddTarget("tools/lint-2.1.txt", []byte("Makes more mistakes.\n"))
	public.Publish()
	return private, public
}
