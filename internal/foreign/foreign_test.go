package foreign_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/foreign"
)

func TestCause(t *testing.T) {
	ours, other := errors.New("ours"), errors.New("another of ours")
	for _, cause := range []error{nil, fs.ErrNotExist, fmt.Errorf("opening it: %w", fs.ErrNotExist)} {
		require.Equal(t, cause, foreign.Cause(cause, ours, other))
	}
	for _, own := range []error{ours, other} {
		got := foreign.Cause(fmt.Errorf("a mirror: %w", errors.Join(fs.ErrNotExist, own)), ours, other)
		require.EqualError(t, got, "a mirror: file does not exist; "+own.Error())
		require.NotErrorIs(t, got, own)
		require.NotErrorIs(t, got, fs.ErrNotExist, "of such a cause only the text is left")
	}
}

// F15: what comes from outside has a printable text, and is still the same
// error.
func TestCauseIsPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"ESC \x1b[2J":          `ESC \x1b[2J`,
		"C1 \u009b31m":         `C1 \u009b31m`,
		"bidi \u202e":          `bidi \u202e`,
		"bad \xff UTF-8":       `bad \xff UTF-8`,
		"bell \a, return \r":   `bell \a, return \r`,
		"line\nby line":        "line; by line",
		"\x1b first":           `\x1b first`,
		"\"quoted\" \\ \x1b":   `"quoted" \ \x1b`,
		`"quoted" \x1b, as is`: `"quoted" \x1b, as is`,
		"\uFFFD and \x1b":      "\uFFFD and \\x1b",
		"日本 \uFFFD":            "日本 \uFFFD",
	} {
		cause := fmt.Errorf("%s: %w", text, fs.ErrNotExist)
		got := foreign.Cause(cause)
		require.EqualError(t, got, want+": file does not exist")
		require.ErrorIs(t, got, cause)
		require.EqualError(t, foreign.Cause(cause, fs.ErrNotExist), want+": file does not exist")
	}
}

// What several sources said: one that the library alone may say is left out,
// and the sentinel is not.
func TestCauses(t *testing.T) {
	ours, absent := errors.New("ours"), errors.New("absent")
	got := foreign.Causes([]error{nil, absent, errors.Join(absent, ours), ours}, absent, ours)
	require.Len(t, got, 3)
	for i, isAbsent := range []bool{true, true, false} {
		require.Equal(t, isAbsent, errors.Is(got[i], absent))
		require.NotErrorIs(t, got[i], ours)
	}
	require.EqualError(t, got[1], "absent: absent; ours")
	require.Empty(t, foreign.Causes(nil, absent))
}
