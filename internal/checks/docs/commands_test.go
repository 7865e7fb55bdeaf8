package docs

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// elsewhere are commands that need what a test has not, and why. Some are for
// other folders, some write into the tree, some need the network or a release.
var elsewhere = map[string]string{
	"clone=":                 "a folder of the reader's",
	"git ":                   "the reader's own clone",
	"go mod ":                "the reader's own module: internal/checks/release and examples/quickstart do the same",
	"go install ":            "a release: internal/checks/release does the same",
	"go build -o ":           "CI builds everything",
	"pytest ":                "the conformance suite: a workflow runs it",
	"agent --root ":          "a program that was built before",
	"TUFWALK_DATA=/path/to/": "recorded data",
	"GOOS=wasip1 ":           "the tests of examples/embed build the same",
	"CGO_ENABLED=1 ":         "the tests of examples/embed build the same",
	"cc ":                    "the reader's own program: examples/embed does the same",
	"mirror ":                "a repository of the reader's: the tests of services/mirror have their own",
	"python3 -m pip_tuf ":    "indexes of the reader's: examples/embed has its own",
}

// Every command in the documents can be run: its test exists, its program has
// these flags, CI has this step.
//
// The commands themselves are run where it takes seconds: .ci/run calls the
// README's, and each program's own tests its demonstration.
func TestCommands(t *testing.T) {
	if testing.Short() || raced {
		t.Skip("it builds all programs")
	}
	used := map[string]bool{}
	seen := map[string]bool{}
	for _, c := range commands(t) {
		if seen[c.line] {
			continue
		}
		seen[c.line] = true
		if reason := startOf(c.line); reason != "" {
			used[reason] = true
			continue
		}
		words := split(c.line)
		for len(words) > 0 && strings.Contains(words[0], "=") && !strings.HasPrefix(words[0], "-") {
			words = words[1:] // a variable of the environment
		}
		if len(words) > 0 && words[0] == "bash" {
			words = words[1:]
		}
		t.Run(c.line, func(t *testing.T) {
			switch {
			case words[0] == ".ci/run":
				checkSteps(t, words[1:])
			case len(words) > 2 && words[0] == "go" && words[1] == "test":
				checkTest(t, words[2:])
			case len(words) > 2 && words[0] == "go" && words[1] == "run":
				checkProgram(t, words[2:])
			default:
				t.Errorf("%s: nobody knows whether this command works", c.file)
			}
		})
	}
	for start := range maps.Keys(elsewhere) {
		if !used[start] {
			t.Errorf("no document has a command that begins with %q any more", start)
		}
	}
}

// startOf is the entry of elsewhere for a command, or empty.
func startOf(line string) string {
	for start := range elsewhere {
		if strings.HasPrefix(line, start) {
			return start
		}
	}
	return ""
}

// split splits a line into words as a shell does that knows quotes only.
func split(line string) (words []string) {
	for _, w := range regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`).FindAllString(line, -1) {
		words = append(words, strings.NewReplacer("'", "", `"`, "").Replace(w))
	}
	return words
}

func checkSteps(t *testing.T, steps []string) {
	script := read(t, ".ci/run")
	for _, step := range steps {
		require.Contains(t, script, "\nstep_"+step+"() {")
	}
}

// checkTest has the test binary list the tests instead of running them. It
// refuses flags that it does not know.
func checkTest(t *testing.T, args []string) {
	if slices.Equal(args, []string{"work"}) {
		return // this is what runs now
	}
	list := "." // all
	var rest []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; a {
		case "-run", "-bench", "-fuzz":
			i++
			if name, _, _ := strings.Cut(args[i], "/"); name != "^$" {
				list = name
			}
		case "-v", "-update", "-fuzztime", "-fuzzminimizetime", "-timeout":
			if strings.HasPrefix(a, "-fuzz") || a == "-timeout" {
				i++
			}
		default:
			rest = append(rest, a)
		}
	}
	out := run(t, append([]string{"test", "-list", list}, rest...)...)
	found := regexp.MustCompile(`(?m)^(Test|Fuzz|Benchmark|Example)\w*$`).FindAllString(out, -1)
	require.NotEmpty(t, found, out)
}

// checkProgram compares the flags with what the program's help has.
func checkProgram(t *testing.T, args []string) {
	i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "./") })
	require.GreaterOrEqual(t, i, 0)
	main := args[i]
	_, err := os.Stat(filepath.Join(top(t), main))
	require.NoError(t, err)
	help := run(t, "run", main, "--help")
	for _, word := range args[i+1:] {
		if len(word) > 1 && word[0] == '-' {
			flag, _, _ := strings.Cut(word, "=")
			if !strings.Contains(help, flag) && i+1 < len(args) { // of a command, such as pack
				help += run(t, "run", main, args[i+1], "--help")
			}
			require.Regexp(t, `(?m)(^|[\s,\[])`+regexp.QuoteMeta(flag)+`\b`, help)
		}
	}
}

// run runs the go command at the top, and returns what it prints.
func run(t *testing.T, args ...string) string {
	cmd := exec.Command("go", args...)
	cmd.Dir = top(t)
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil && args[0] == "run" && strings.Contains(text, "Usage") {
		return text // package flag's help has a code of its own
	}
	require.NoError(t, err, text)
	return text
}
