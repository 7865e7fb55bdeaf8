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
		require.EqualError(t, got, "a mirror: file does not exist\n"+own.Error())
		require.NotErrorIs(t, got, own)
		require.NotErrorIs(t, got, fs.ErrNotExist, "of such a cause only the text is left")
	}
}
