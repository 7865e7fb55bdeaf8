// Command prose checks how comments and documents are written.
//
//	go run ./internal/checks/prose widths    # long lines, several sentences
//	go run ./internal/checks/prose words     # words that this project avoids
//
// It reads the tree below the current folder, which should be the top of the
// repository.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tufwalk/tufwalk/internal/cli"
)

const description = `Check how comments and documents are written.

widths: no line of Go over 120 bytes, no line of a comment over 80 columns, one sentence a line in Markdown.
words: no document, comment or string has a word that avoided.txt lists. CHANGELOG.md may: it names what is gone.

Exit code 0: nothing found. 1: something was found, or went wrong. 2: wrong usage. 130: interrupted.`

type options struct {
	Check string `arg:"" enum:"widths,words" help:"What to check: widths or words."`
}

var commandLine = cli.Program{Name: "prose", Description: description}

func main() { cli.Main(run) }

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	command, code := commandLine.Parse(&o, args, stdout, stderr)
	if command == nil {
		return code
	}
	return commandLine.End(ctx, o.run(stdout), "not all files were checked", stderr)
}

var errFound = errors.New("see above")

func (o *options) run(stdout io.Writer) error {
	check := widths
	if o.Check == "words" {
		check = words
	}
	found := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || !slices.Contains([]string{".go", ".md"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		findings, err := check(path, string(text))
		for _, f := range findings {
			fmt.Fprintf(stdout, "%s:%d: %s\n", path, f.line, f.what)
		}
		found += len(findings)
		return err
	})
	if err == nil && found > 0 {
		return fmt.Errorf("%d findings: %w", found, errFound)
	}
	return err
}

// finding is something to correct, in one line of a file.
type finding struct {
	line int
	what string
}
