package cli

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

var prog = Program{Name: "prog", Description: "Does nothing.", Help: map[string]string{"long": "A long text."}}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args   []string
		code   int
		done   bool
		at     string
		names  []string
		stderr string
	}{
		{[]string{"-at", "x", "a", "b"}, OK, false, "x", []string{"a", "b"}, ""},
		{[]string{"--at=x", "-q", "--", "-b"}, OK, false, "x", []string{"-b"}, ""},
		{[]string{"--help"}, OK, true, "", nil, ""},
		{[]string{"--nonsense", "a"}, Usage, true, "", nil, "prog: unknown flag --nonsense\nSee prog --help.\n"},
	} {
		var into struct {
			At    string   `help:"${at}"`
			Quiet bool     `short:"q" help:"${long}"`
			Names []string `arg:""`
		}
		var stdout, stderr bytes.Buffer
		command, code := prog.Parse(&into, c.args, &stdout, &stderr)
		require.Equal(t, c.code, code, c.args)
		require.Equal(t, c.done, command == nil, c.args)
		require.Equal(t, c.stderr, stderr.String())
		if command != nil {
			require.Equal(t, c.at, into.At)
			require.Equal(t, c.names, into.Names)
		} else if code == OK {
			for _, text := range []string{prog.Description, AtHelp, "A long text."} {
				require.Contains(t, stdout.String(), text)
			}
		}
	}
}

func TestEnd(t *testing.T) {
	interrupted, interrupt := context.WithCancel(context.Background())
	interrupt()
	for _, c := range []struct {
		ctx    context.Context
		err    error
		code   int
		stderr string
	}{
		{context.Background(), nil, OK, ""},
		{interrupted, nil, OK, ""},
		{context.Background(), errors.New("a\nb\x1b[2J"), Failed, "prog: a\n  b\uFFFD[2J\n"},
		{interrupted, errors.New("x"), Interrupted, "prog: interrupted; nothing was lost\n"},
	} {
		var stderr bytes.Buffer
		require.Equal(t, c.code, prog.End(c.ctx, c.err, "nothing was lost", &stderr))
		require.Equal(t, c.stderr, stderr.String())
	}
}
