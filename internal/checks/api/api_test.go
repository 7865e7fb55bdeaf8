package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the packages export is what docs/api.txt says.
func TestTheSurfaceIsWritten(t *testing.T) {
	top, err := topFolder(t.Context())
	require.NoError(t, err)
	got, err := surface(t.Context(), top)
	require.NoError(t, err)
	want, err := os.ReadFile(filepath.Join(top, file))
	require.NoError(t, err)
	if got == string(want) {
		return
	}
	gone, came := difference(lines(string(want)), lines(got))
	t.Errorf("docs/api.txt is not what the packages export. If that is meant, run: go run ./internal/checks/api\n"+
		"gone:\n%s\nnew:\n%s", strings.Join(gone, "\n"), strings.Join(came, "\n"))
}

// A name that is gone, and one that is new, are seen.
func TestDifferencesAreSeen(t *testing.T) {
	gone, came := difference([]string{"type A struct", "func F()"}, []string{"type A struct", "func F(int)"})
	require.Equal(t, []string{"func F()"}, gone)
	require.Equal(t, []string{"func F(int)"}, came)
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

// difference returns the lines of one list that the other does not have.
func difference(old, now []string) (gone, came []string) {
	without := func(list, of []string) (left []string) {
		count := map[string]int{}
		for _, l := range of {
			count[l]++
		}
		for _, l := range list {
			if count[l]--; count[l] < 0 {
				left = append(left, l)
			}
		}
		return left
	}
	return without(old, now), without(now, old)
}
