package docs

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// top is the folder of the repository.
func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	require.NoError(t, err)
	return dir
}

// tracked are the files with this ending, below the top folder.
func tracked(t *testing.T, ending string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*"+ending)
	cmd.Dir = top(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skip("this test needs git and a checkout: ", err)
	}
	var list []string
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(top(t), name)); err == nil && !strings.Contains(name, "testdata/") {
			list = append(list, name)
		}
	}
	require.NotEmpty(t, list)
	return list
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(top(t), name))
	require.NoError(t, err)
	return string(data)
}

// command is a line of a shell in a document.
type command struct{ file, line string }

var (
	block   = regexp.MustCompile("(?ms)^```sh\n(.*?)^```")
	inline  = regexp.MustCompile("`((?:go (?:run|test|build|install|mod|get)|bash \\.ci/run|\\.ci/run) [^`\n]+)`")
	comment = regexp.MustCompile(`^//\t((?:go (?:run|test|build|install)|bash \.ci/run|\.ci/run) .*)$`)
)

// commands are those in the blocks and in the text of the documents, and in the
// comments of the code. What is continued on the next line is one command.
func commands(t *testing.T) (list []command) {
	t.Helper()
	for _, file := range tracked(t, ".md") {
		text := read(t, file)
		for _, found := range block.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(strings.ReplaceAll(found[1], "\\\n", "")) {
				if line = withoutComment(line); line != "" {
					list = append(list, command{file, line})
				}
			}
		}
		for _, found := range inline.FindAllStringSubmatch(text, -1) {
			list = append(list, command{file, found[1]})
		}
	}
	for _, file := range tracked(t, ".go") {
		lines := bufio.NewScanner(strings.NewReader(read(t, file)))
		for lines.Scan() {
			if found := comment.FindStringSubmatch(lines.Text()); found != nil {
				list = append(list, command{file, withoutComment(found[1])})
			}
		}
		require.NoError(t, lines.Err())
	}
	return list
}

func withoutComment(line string) string {
	line, _, _ = strings.Cut(line+" ", " #")
	return strings.TrimSpace(line)
}
