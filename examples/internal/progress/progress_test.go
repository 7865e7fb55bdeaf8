package progress

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLastByteIsNotSuccess(t *testing.T) {
	bars := New(context.Background(), io.Discard)
	right, wrong := bars.Add("right", 4, 0), bars.Add("wrong", 4, 1)
	for _, b := range []*Bar{right, wrong} {
		_, err := io.Copy(io.Discard, b.Reader(strings.NewReader("text")))
		require.NoError(t, err)
		require.False(t, b.bar.Completed())
	}
	right.Finish()
	wrong.Abort()
	bars.Wait()
	require.True(t, right.bar.Completed())
	require.True(t, wrong.bar.Aborted())
}

// When one download fails and ends the others, one may be about to begin.
func TestBarAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	bars := New(ctx, io.Discard)
	cancel()
	bars.Wait()
	late := bars.Add("late", 4, 0)
	n, err := io.Copy(io.Discard, late.Reader(strings.NewReader("text")))
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	late.Finish()
	late.Abort()
}
