// Command vectors makes test vectors for TUF clients, and runs clients on them.
//
//	go run ./internal/checks/vectors write FOLDER
//	go run ./internal/checks/vectors run PROGRAM
//
// README.md describes the vectors, and docs/vectors.md says what some clients
// do with them. The vectors are told in a file for each topic, with the methods
// in story.go.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/tufwalk/tufwalk/internal/cli"
)

//go:embed README.md
var readme string

var commandLine = cli.Program{
	Name: "vectors",
	Description: `Make test vectors for TUF clients, or run a client on them.

Exit code 0: all went well. 1: the client has a wrong outcome, or something failed. 2: wrong usage. 130: interrupted.`,
}

type options struct {
	Write struct {
		Seed   string `default:"tufwalk" help:"What all keys are made from (default: ${default})."`
		Folder string `arg:"" help:"A new or empty folder."`
	} `cmd:"" help:"Write the vectors to a folder."`
	Run struct {
		Folder  string   `placeholder:"FOLDER" type:"existingdir" help:"Take the vectors from this folder."`
		Can     []string `placeholder:"NEED" help:"What the client offers: clock, dsse, ml-dsa, succinct (default: all)."`
		Known   string   `placeholder:"CLIENT" help:"Demand the differences in known.txt for this client."`
		Only    string   `default:"*" placeholder:"PATTERN" help:"Only cases whose names match, such as 'root-*'."`
		Command []string `arg:"" passthrough:"" help:"The client, with its arguments."`
	} `cmd:"" help:"Run a client on the vectors."`
	Index struct{} `cmd:"" help:"Print index.txt."`
	Table struct{} `cmd:"" help:"Print docs/vectors.md, from known.txt."`
}

func main() { cli.Main(program) }

// seed makes the vectors of releases and tests.
const seed = "tufwalk"

// program is the program. It returns the exit code.
func program(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	var err error
	switch args[0] {
	case "write":
		err = write(o.Write.Seed).save(o.Write.Folder)
	case "index":
		_, err = io.WriteString(stdout, write(seed).index())
	case "table":
		_, err = io.WriteString(stdout, page(write(seed), known()))
	default:
		err = o.play(ctx, stdout)
	}
	return commandLine.End(ctx, err, "the results above are not complete", stderr)
}

var errWrong = errors.New("the client has wrong outcomes")

func (o options) play(ctx context.Context, stdout io.Writer) error {
	b := write(seed)
	if o.Run.Folder != "" {
		var err error
		if b, err = load(o.Run.Folder); err != nil {
			return err
		}
	}
	b.vectors = slices.DeleteFunc(b.vectors, func(v *vector) bool {
		ok, err := path.Match(o.Run.Only, v.Name)
		return err != nil || !ok
	})
	if len(b.vectors) == 0 {
		return fmt.Errorf("no case has a name like %q", o.Run.Only)
	}
	can := o.Run.Can
	if len(can) == 0 {
		can = allNeeds
	}
	for _, need := range can {
		if !slices.Contains(allNeeds, need) {
			return fmt.Errorf("--can %s: not one of %v", need, allNeeds)
		}
	}
	results, err := b.playAll(ctx, client{command: o.Run.Command, can: can})
	if err != nil {
		return err
	}
	report(stdout, b, results)
	wrong := results.wrong()
	if o.Run.Known != "" {
		return known().compare(o.Run.Known, wrong, results)
	}
	if len(wrong) > 0 {
		return errWrong
	}
	return nil
}
