// Command mutate tests the tests. It makes one small change to the code at a
// time, such as leaving out a check, and sees whether any test notices.
//
//	go run ./internal/checks/mutate ./roles ./delegation ./verify
//
// All mutants of all packages go into one copy of the sources, each behind a
// switch. They are compiled once, with the go command's overlay: the source
// tree is never changed. An environment variable turns on one switch for one
// run of a test binary. First mutate records which tests reach which mutant.
// For each mutant it then runs only those, quick ones first, until one fails. A
// mutant that no test notices has survived.
//
// The changes: a condition of an if or a case is always or never true; an
// operand of && or || is dropped; a comparison includes or excludes its limit,
// or is reversed; "not" is dropped; an error is not returned; 0 and 1, true and
// false change places; a statement is left out; a string in a case or a list is
// another.
//
// The best maintained tool of this kind, gremlins, is not used: it copies and
// compiles the module for each mutant, runs whole packages, cannot drop checks
// or statements, and has no list of equivalents.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/internal/cli"
)

const description = `Change packages in small ways, one at a time, and see whether the tests notice.

The tests are those of the packages, and of all packages in the module that import them, with -short.
Survivors are printed with file, line and change.
Mutants that no test can notice are listed in a file (--equivalents), each with the reason:
a line "FILE FUNCTION: CHANGE", as the program prints it, and the reason indented below.

Exit code 0: no mutant survived. 1: one did, or an entry of the list is out of date. 2: wrong usage. 130: interrupted.`

type options struct {
	Packages    []string       `arg:"" help:"Packages to change, as the go command names them."`
	Jobs        int            `short:"j" default:"2" help:"How many test binaries run at a time."`
	Equivalents string         `placeholder:"FILE" help:"The list of mutants that no test can notice."`
	Only        *regexp.Regexp `placeholder:"REGEXP" help:"Only mutants whose line in the report matches."`
	Every       int            `default:"1" help:"Only every n-th mutant."`
	First       int            `default:"0" help:"With --every: the first one."`
	List        bool           `help:"List the mutants and end."`
	Verbose     bool           `short:"v" help:"Print each mutant with the test that noticed it."`
	Timeout     time.Duration  `default:"20s" help:"A test that takes this much longer has noticed the mutant."`
}

var commandLine = cli.Program{Name: "mutate", Description: description}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	err := o.run(ctx, stdout, stderr)
	if errors.Is(err, errNothing) {
		fmt.Fprintf(stderr, "mutate: %v\n", err)
		return cli.Usage
	}
	return commandLine.End(ctx, err, "the sources are unchanged", stderr)
}

var (
	errSurvivors = errors.New("mutants survived, or known equivalents are out of date")
	errNothing   = errors.New("no mutant matches")
	errNoModule  = errors.New("no such packages")
)

// Validate is called by package kong, for which an error is wrong usage.
func (o *options) Validate() error {
	if o.Jobs < 1 || o.Every < 1 || o.First < 0 {
		return errors.New("--jobs and --every must be 1 or more, --first 0 or more")
	}
	return nil
}

func (o *options) run(ctx context.Context, stdout, stderr io.Writer) error {
	known, err := readEquivalents(o.Equivalents)
	if err != nil {
		return err
	}
	tree, err := load(ctx, o.Packages)
	if err != nil {
		return err
	}
	all := tree.mutants()
	chosen := o.choose(all)
	if len(chosen) == 0 { // otherwise it would pass, after minutes
		return fmt.Errorf("%w%s: there are %d in %s", errNothing, o.choice(), len(all), strings.Join(o.Packages, " "))
	}
	if o.List {
		for _, m := range chosen {
			fmt.Fprintln(stdout, m)
		}
		return nil
	}
	b, err := tree.build(ctx)
	if err != nil {
		return err
	}
	defer b.remove()
	fmt.Fprintf(stderr, "%d mutants, %d of them chosen; recording which tests reach them\n", len(all), len(chosen))
	if err := b.record(ctx, o.Jobs, stderr); err != nil {
		return err
	}
	results, err := o.judge(ctx, b, chosen, known, stdout)
	if err != nil {
		return err
	}
	if !report(results, known.stale(all, results), stdout) {
		return errSurvivors
	}
	return nil
}

// choice is the options that chose the mutants, as they are typed.
func (o *options) choice() (text string) {
	if o.Only != nil {
		text = fmt.Sprintf(" --only %q", o.Only)
	}
	if o.Every > 1 {
		text += fmt.Sprintf(" --every %d --first %d", o.Every, o.First)
	}
	return text
}

// choose returns the mutants that the options ask for.
func (o *options) choose(all []*mutant) (chosen []*mutant) {
	for i, m := range all {
		if (o.Only == nil || o.Only.MatchString(m.String())) && (i+o.Every-o.First%o.Every)%o.Every == 0 {
			chosen = append(chosen, m)
		}
	}
	return chosen
}
