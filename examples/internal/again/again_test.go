package again

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
)

func TestAgain(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct {
		errs []error // of one update after another
		want error
	}{
		{[]error{nil}, nil},
		{[]error{other}, other},
		{[]error{verify.ErrSuperseded, nil}, nil},
		{[]error{verify.ErrSuperseded, verify.ErrSuperseded, verify.ErrSuperseded, other}, other},
		{slices.Repeat([]error{verify.ErrSuperseded}, 4), verify.ErrSuperseded},
	} {
		calls := 0
		err := Again(func() error {
			calls++
			return c.errs[calls-1]
		})
		require.Equal(t, c.want, err)
		require.Len(t, c.errs, calls)
	}
}
