package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain turns the test binary into a client that always ends in one way.
func TestMain(m *testing.M) {
	does := os.Getenv("VECTORS_TEST_CLIENT")
	if does != "" && os.Args[3] == "init" { // --metadata-dir D init ROOT
		root, _ := os.ReadFile(os.Args[4])
		_ = os.WriteFile(filepath.Join(os.Args[2], "root.json"), root, 0o600)
		os.Exit(0)
	}
	switch does {
	case "accepts":
		os.Exit(0)
	case "refuses":
		os.Exit(1)
	case "crashes":
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// vectors are those of releases, made once for all tests, which do not change
// them.
var vectors = sync.OnceValue(func() *book { return write(seed) })

// The same seed makes the same files, and another seed makes the same cases.
func TestSeed(t *testing.T) {
	one, same, other := vectors(), write(seed), write("another")
	require.Equal(t, one, same)
	require.Equal(t, one.index(), other.index())
	require.NotEqual(t, one.files, other.files)
}

// The index in the folder of this package is the one that write makes.
func TestIndex(t *testing.T) {
	b := vectors()
	committed, err := os.ReadFile("index.txt")
	require.NoError(t, err)
	require.Equal(t, string(committed), b.index(), "run: go run ./internal/checks/vectors index")
	require.GreaterOrEqual(t, len(b.vectors), 300)
	seen := map[string]bool{}
	for _, v := range b.vectors {
		require.Regexp(t, `^[a-z]+-[a-z0-9.-]+$`, v.Name)
		require.False(t, seen[v.Name], v.Name)
		require.NotEmpty(t, v.Why, v.Name)
		require.NotContains(t, v.Why, "\n", v.Name)
		require.NotEmpty(t, v.Requirements, v.Name)
		seen[v.Name] = true
		several := len(v.Steps[len(v.Steps)-1].Expect) > 1
		require.Equal(t, several, v.Choice != "", "%s: a choice says why", v.Name)
	}
}

// notHere are requirements that no mirror and no repository can exercise, or
// that no run of a program shows, and why.
var notHere = map[string]string{
	"R-4.6.11":  "the cost of a search: a limit of the client's own",
	"R-4.7.1":   "not a check",
	"R-4.2.2.2": "RSA keys of other sizes: there is no such test key",
	"R-5.0.2":   "several processes",
	"R-5.2.3":   "the suite's directory has the newest root alone",
	"R-5.3.3c":  "a limit of the client's own",
	"R-5.3.13":  "what the client says of the chain of roots",
	"R-5.6.8b":  "what the client says of a target that is not there",
	"R-5.6.8c":  "what the client says of a target that is not there",
	"R-5.6.8d":  "a rule that the specification does not have",
	"R-5.6.9a":  "lists: the command line has none",
	"R-5.6.9b":  "lists",
	"R-5.6.9c":  "lists",
	"R-5.6.9d":  "lists",
	"R-5.7.4":   "on request of the client's user",
	"R-6.2.1":   "not a check",
	"R-T17.4":   "as R-4.1.4, which the classic envelope shows",
	"R-T17.6":   "DSSE without key IDs: verifytest has them",
}

// Each requirement is exercised, or there is a reason why not.
func TestRequirements(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../../docs/conformance.md"))
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| (R-[^ ]+) \|`).FindAllStringSubmatch(string(text), -1) {
		listed[m[1]] = true
	}
	require.Greater(t, len(listed), 100)
	exercised := map[string]bool{}
	for _, v := range vectors().vectors {
		for _, id := range v.Requirements {
			require.True(t, listed[id], "%s: %s", v.Name, id)
			exercised[id] = true
		}
	}
	for id := range listed {
		_, excused := notHere[id]
		require.NotEqual(t, exercised[id], excused, id)
	}
	for id := range notHere {
		require.True(t, listed[id], id)
	}
}

func TestFolder(t *testing.T) {
	b := vectors()
	dir := filepath.Join(t.TempDir(), "vectors")
	require.NoError(t, b.save(dir))
	read, err := load(dir)
	require.NoError(t, err)
	require.Equal(t, b.json(t), read.json(t))
	require.Equal(t, b.files, read.files)
	require.ErrorContains(t, b.save(dir), "not empty")

	for sum := range b.files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "files", sum), []byte("another"), 0o600))
		break
	}
	_, err = load(dir)
	require.ErrorContains(t, err, "another sha256")
}

// json returns all vectors as they are written.
func (b *book) json(t *testing.T) string {
	data, err := json.Marshal(b.sorted())
	require.NoError(t, err)
	return string(data)
}

// A client that always does the same passes no case of the other kind, and one
// that crashes passes none.
func TestRunner(t *testing.T) {
	b := *vectors()
	b.vectors = slices.DeleteFunc(slices.Clone(b.vectors), func(v *vector) bool {
		return v.Name != "honest-usual-refresh" && v.Name != "answers-offline" && v.Name != "root-threshold-0-unsigned"
	})
	require.Len(t, b.vectors, 3)
	for does, right := range map[string]int{"accepts": 0, "refuses": 1, "crashes": 0} {
		t.Setenv("VECTORS_TEST_CLIENT", does)
		p, err := b.playAll(t.Context(), client{command: []string{os.Args[0]}, can: allNeeds})
		require.NoError(t, err)
		require.Len(t, p, 3)
		require.Len(t, p.wrong(), 3-right, does)
	}
}

// programs builds the clients in Go.
func programs(t *testing.T) map[string]string {
	dir := t.TempDir()
	built := map[string]string{}
	for name, pkg := range map[string]string{
		"tufwalk": "github.com/tufwalk/tufwalk/examples/conformance",
		"go-tuf":  "github.com/tufwalk/tufwalk/internal/checks/vectors/gotuf",
	} {
		built[name] = filepath.Join(dir, name+".exe")
		out, err := exec.Command("go", "build", "-o", built[name], pkg).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return built
}

// Both clients do on every case what docs/vectors.md says.
func TestClients(t *testing.T) {
	if testing.Short() || raced {
		t.Skip("this plays all cases, with programs of their own")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the known differences were found where every name can be a file's")
	}
	b := vectors()
	built := programs(t)
	for _, s := range subjects {
		if built[s.name] == "" {
			continue
		}
		p, err := b.playAll(t.Context(), client{command: []string{built[s.name]}, can: s.can})
		require.NoError(t, err)
		if err := known().compare(s.name, p.wrong(), p); err != nil {
			var text bytes.Buffer
			report(&text, b, p)
			t.Errorf("%v\n%s", err, text.String())
		}
	}
}

// docs/vectors.md is what table writes, and each difference has a reason.
func TestPage(t *testing.T) {
	b := vectors()
	for client, cases := range known() {
		require.True(t, slices.ContainsFunc(subjects, func(s subject) bool { return s.name == client }), client)
		for name, reason := range cases {
			require.True(t, slices.ContainsFunc(b.vectors, func(v *vector) bool { return v.Name == name }), name)
			require.Contains(t, reasons, reason, name)
		}
	}
	for reason := range reasons {
		require.Contains(t, knownText, " | "+reason+"\n")
	}
	committed, err := os.ReadFile(filepath.FromSlash("../../../docs/vectors.md"))
	require.NoError(t, err)
	require.Equal(t, string(committed), page(b, known()),
		"run: go run ./internal/checks/vectors table > docs/vectors.md")
}

func TestCommands(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, 0, program(context.Background(), []string{"index"}, &out, &errs))
	require.True(t, strings.HasPrefix(out.String(), "answers-"))
	for _, args := range [][]string{
		{"run", "--only", "nothing", "true"}, {"run", "--can", "fly", "true"},
		{"run", "--only", "answers-offline", "/nowhere"},
	} {
		require.Equal(t, 1, program(context.Background(), args, &out, &errs), args)
	}
	require.Equal(t, 2, program(context.Background(), []string{"fly"}, &out, &errs))
}
