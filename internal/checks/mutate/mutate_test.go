package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutate runs the program on the module in testdata, and returns what it
// prints, sorted.
func mutate(t *testing.T, args ...string) (code int, lines []string, stderr string) {
	t.Helper()
	t.Setenv("GOWORK", "off")
	t.Chdir(filepath.Join("testdata", "module"))
	var out, errs bytes.Buffer
	code = run(t.Context(), append(args, "."), &out, &errs)
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(lines)
	return code, lines, errs.String()
}

const header = "mutants killed equivalent survived not reached score package"

// The survivors are the mutants that no test notices, and no others.
func TestSurvivors(t *testing.T) {
	code, lines, stderr := mutate(t)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "2 tests reach mutants")
	require.Equal(t, []string{
		"26 13 0 2 11 50.0 % example.com/limits",
		header,
		`not reached: module/limits.go:15 First: return "", errors.New("empty") -> return "", nil`,
		`not reached: module/limits.go:24 Unused: 1 -> 0`,
		`not reached: module/limits.go:26 Unused: 0 -> 1`,
		`not reached: module/limits.go:26 Unused: calls > 0 -> calls >= 0`,
		`not reached: module/limits.go:26 Unused: kind == "a" && calls > 0 -> calls > 0`,
		`not reached: module/limits.go:26 Unused: kind == "a" && calls > 0 -> false`,
		`not reached: module/limits.go:26 Unused: kind == "a" && calls > 0 -> kind == "a"`,
		`not reached: module/limits.go:26 Unused: kind == "a" && calls > 0 -> true`,
		`not reached: module/limits.go:26 Unused: kind == "a" -> kind != "a"`,
		`not reached: module/limits.go:27 Unused: 0 -> 1 (2)`,
		`not reached: module/limits.go:27 Unused: n = 0 left out`,
		`survived: module/limits.go:14 First: len(list) == 0 -> false`,
		`survived: module/limits.go:17 First: calls++ left out`,
	}, lines)
}

// Each kind of change, with the test that noticed it.
func TestMutators(t *testing.T) {
	code, lines, _ := mutate(t, "-v", "--only", "Within")
	require.Zero(t, code)
	require.Equal(t, []string{
		"9 9 0 0 0 100.0 % example.com/limits",
		`module/limits.go:10 Within: true -> false: TestWithin`,
		`module/limits.go:7 Within: 0 -> 1: TestWithin`,
		`module/limits.go:7 Within: n < 0 -> n <= 0: TestWithin`,
		`module/limits.go:7 Within: n < 0 || n > most -> false: TestWithin`,
		`module/limits.go:7 Within: n < 0 || n > most -> n < 0: TestWithin`,
		`module/limits.go:7 Within: n < 0 || n > most -> n > most: TestWithin`,
		`module/limits.go:7 Within: n < 0 || n > most -> true: TestWithin`,
		`module/limits.go:7 Within: n > most -> n >= most: TestWithin`,
		`module/limits.go:8 Within: false -> true: TestWithin`,
		header,
	}, lines)
}

// The list of equivalents excuses survivors. Wrong entries are errors.
func TestEquivalents(t *testing.T) {
	list := filepath.Join(t.TempDir(), "equivalents.txt")
	write := func(text string) { require.NoError(t, os.WriteFile(list, []byte(text), 0o600)) }
	write("# why\nmodule/limits.go First: len(list) == 0 -> false\n" +
		"module/limits.go First: calls++ left out\n\tNobody\n\tcounts.\n")
	code, lines, _ := mutate(t, "--equivalents", list, "--only", "First: (len.*false|calls)")
	require.Zero(t, code, lines)
	require.Equal(t, []string{"2 0 2 0 0 0.0 % example.com/limits", header}, lines)

	t.Chdir(filepath.Join("..", ".."))
	write("module/limits.go First: 0 -> 1 (2)\nmodule/limits.go Last: calls++ left out\n\tA mistake.\n" +
		"other/file.go x: y\n\tAnother package.\n")
	code, lines, _ = mutate(t, "--equivalents", list, "--only", "First: 0 -> 1 .2")
	require.Equal(t, 1, code)
	require.Equal(t, []string{
		"1 1 0 0 0 100.0 % example.com/limits",
		"equivalents out of date: noticed by TestFirst: module/limits.go First: 0 -> 1 (2)",
		"equivalents out of date: there is no such mutant: module/limits.go Last: calls++ left out",
		header,
	}, lines)

	write("module/limits.go First: calls++ left out\n")
	_, err := readEquivalents(list)
	require.ErrorContains(t, err, "has no reason")
	write("a b: c\n\tOnce.\na b: c\n\tTwice.\n")
	_, err = readEquivalents(list)
	require.ErrorContains(t, err, "equivalents.txt:3: listed twice")
}

// The list next to the program is well-formed, and has a reason for each entry.
func TestListOfEquivalents(t *testing.T) {
	known, err := readEquivalents("equivalents.txt")
	require.NoError(t, err)
	require.NotEmpty(t, known.reasons)
	for key, reason := range known.reasons {
		require.Regexp(t, `^[a-z]+/[a-z_]+\.go \w+: .+( -> .*| left out)`, key)
		require.NotEmpty(t, reason)
	}
}

// Several packages can be changed together. The tests of packages that import
// one of them are run too.
func TestPackages(t *testing.T) {
	code, lines, stderr := mutate(t, "--only", "(Within|Both)", "./other")
	require.Zero(t, code, lines)
	require.Contains(t, stderr, "example.com/limits/other: 1 tests reach mutants")
	require.Equal(t, []string{
		"3 3 0 0 0 100.0 % example.com/limits/other",
		"9 9 0 0 0 100.0 % example.com/limits",
		header,
	}, lines)
}

// Options that choose no mutant are wrong usage. The program says so before it
// compiles anything, and prints no report.
func TestNothingChosen(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--only", "Witin"}, `mutate: no mutant matches --only "Witin": there are 26 in .`},
		{[]string{"--only", "Witin", "--list"}, `mutate: no mutant matches --only "Witin": there are 26 in .`},
		{[]string{"--every", "40", "--first", "30"}, "mutate: no mutant matches --every 40 --first 30: there are 26 in ."},
		{[]string{"--every", "0"}, "mutate: --jobs and --every must be 1 or more, --first 0 or more"},
		{[]string{"-j", "0"}, "mutate: --jobs and --every must be 1 or more, --first 0 or more"},
		{[]string{"--first=-1"}, "mutate: --jobs and --every must be 1 or more, --first 0 or more"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, lines, stderr := mutate(t, c.args...)
			require.Equal(t, 2, code)
			require.Equal(t, []string{""}, lines)
			require.Contains(t, stderr, c.says)
			require.NotContains(t, stderr, "recording")
		})
	}
}

// A test that fails because of the switches is left out. The message does not
// say that the test is broken.
func TestUnfit(t *testing.T) {
	code, lines, stderr := mutate(t, "--only", "counted/", "./counted")
	require.Zero(t, code, lines)
	require.Contains(t, stderr, "example.com/limits/counted: TestSmallAllocatesNothing is left out: "+
		"it fails with the mutants compiled in, though none is on, as ")
	require.Contains(t, stderr, "example.com/limits/counted: 1 tests reach mutants")
	require.NotContains(t, stderr, "TestSmall is left out")
}

// Outside a checkout there is nothing to change, and no report that looks like
// success.
func TestNotInACheckout(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GOWORK", "")
	t.Chdir(dir)
	for _, packages := range []string{"./roles", "./...", "fmt"} {
		var out, errs bytes.Buffer
		require.Equal(t, 1, run(t.Context(), []string{packages}, &out, &errs))
		require.Contains(t, errs.String(), "run mutate in a checkout of the module that has "+packages)
		require.Empty(t, out.String())
	}
}
