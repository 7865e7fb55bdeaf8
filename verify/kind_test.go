package verify_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// sentinels are all exported errors of the package, by name.
var sentinels = map[string]error{
	"FetchError": &verify.FetchError{}, "ErrNotAtSource": verify.ErrNotAtSource, "ErrUnconfirmed": verify.ErrUnconfirmed,
	"ErrLimit": verify.ErrLimit, "ErrExpired": verify.ErrExpired, "ErrRollback": verify.ErrRollback,
	"ErrThreshold": verify.ErrThreshold, "ErrVersion": verify.ErrVersion, "ErrSyntax": verify.ErrSyntax,
	"ErrLength": verify.ErrLength, "ErrHash": verify.ErrHash, "ErrPolicy": verify.ErrPolicy,
	"ErrUnlisted": verify.ErrUnlisted, "ErrNoTarget": verify.ErrNoTarget, "ErrTrustedRoot": verify.ErrTrustedRoot,
	"CopyError": &verify.CopyError{}, "NoTargetError": &verify.NoTargetError{},
	"ErrUndecided": verify.ErrUndecided, "ErrUncertain": verify.ErrUncertain,
	"ErrIncomplete": verify.ErrIncomplete,
	"ErrTime":       verify.ErrTime, "ErrRequest": verify.ErrRequest, "ErrPath": verify.ErrPath,
	"ErrPending": verify.ErrPending, "ErrInProgress": verify.ErrInProgress, "ErrUntrusted": verify.ErrUntrusted,
	"ErrSave": verify.ErrSave, "ErrStoredFile": verify.ErrStoredFile, "ErrSuperseded": verify.ErrSuperseded,
}

// The table in the package's documentation has every kind, in the order of
// their rank, and every error once, under its kind.
func TestTableOfKinds(t *testing.T) {
	list := map[string]verify.Kind{}
	kind := verify.KindUnknown - 1
	for _, line := range tableOfKinds(t) {
		if line[0] != ' ' {
			kind++
			require.Equal(t, kind.String(), strings.TrimSpace(line[:13]))
		}
		for _, name := range strings.Fields(line[13:min(42, len(line))]) {
			if _, isError := sentinels[name]; isError {
				require.NotContains(t, list, name)
				list[name] = kind
			}
		}
	}
	require.Equal(t, verify.KindSuperseded, kind, "the last one")
	require.Equal(t, "Kind(11)", (kind + 1).String())
	require.Equal(t, "Kind(-1)", verify.Kind(-1).String())
	for name, err := range sentinels {
		require.Equal(t, list[name], verify.KindOf(err), name)
		require.Equal(t, list[name], verify.KindOf(fmt.Errorf("wrapped: %w", err)), name)
	}
	require.Equal(t, verify.KindNoTarget, verify.KindOf(&verify.NoTargetError{Certain: true}))
	require.Equal(t, verify.KindStore, verify.KindOf(&verify.CopyError{Writing: true}))
	for _, name := range exportedErrors(t) {
		require.Contains(t, list, name, "it has a row")
	}
}

// tableOfKinds returns the rows of the table, without the head.
func tableOfKinds(t *testing.T) []string {
	src, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(src), "//\tkind  ")
	require.True(t, ok)
	table, _, ok := strings.Cut(rest, "\n//\n")
	require.True(t, ok)
	rows := strings.Split(strings.ReplaceAll(table, "//\t", ""), "\n")
	return rows[1:]
}

// exportedErrors returns the names of the package's variables that are errors.
func exportedErrors(t *testing.T) (names []string) {
	for _, path := range sources(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				if name := spec.(*ast.ValueSpec).Names[0].Name; strings.HasPrefix(name, "Err") {
					names = append(names, name)
				}
			}
		}
	}
	require.Greater(t, len(names), 20, "the test reads the package")
	return names
}

// Of an error of several kinds, the one counts that a program can say the most
// about.
func TestKindOf(t *testing.T) {
	sourcesSaid := func(errs ...error) error {
		for i, err := range errs {
			errs[i] = &verify.SourceError{Source: i + 1, Of: len(errs), Err: err}
		}
		return &verify.FetchError{Err: errors.Join(errs...)}
	}
	rejected := func(err error) error { return &verify.RejectError{Err: err} }
	timeout := errors.New("timeout")
	for _, test := range []struct {
		err  error
		want verify.Kind
	}{
		{nil, verify.KindUnknown},
		{timeout, verify.KindUnknown},
		{context.Canceled, verify.KindUnknown},
		{sourcesSaid(timeout, verify.ErrNotAtSource), verify.KindUnreachable},
		{sourcesSaid(timeout, rejected(verify.ErrThreshold)), verify.KindWrongBytes},
		{sourcesSaid(timeout, rejected(&verify.ExpiredError{})), verify.KindExpired},
		{sourcesSaid(rejected(&verify.ExpiredError{}), rejected(verify.ErrSyntax)), verify.KindWrongBytes},
		{sourcesSaid(rejected(&verify.ExpiredError{}), rejected(&verify.RollbackError{})), verify.KindRollback},
		{sourcesSaid(rejected(&verify.LimitError{}), timeout), verify.KindLimit},
		{&verify.StoredRootError{}, verify.KindRollback},
		{&verify.StoredFileError{Err: verify.ErrThreshold}, verify.KindStore},
		{&verify.SupersededError{Err: &verify.RollbackError{}}, verify.KindSuperseded},
		{fmt.Errorf("%w: %w", verify.ErrSave, fs.ErrPermission), verify.KindStore},
		{&verify.HashError{Err: verify.ErrHash}, verify.KindWrongBytes},
		{&multirepo.RepositoryError{Err: sourcesSaid(timeout)}, verify.KindUnreachable},
		{multirepo.ErrMap, verify.KindMistake},
		{fmt.Errorf("%w: %w", multirepo.ErrMap, verify.ErrThreshold), verify.KindMistake},
		{multirepo.ErrDisagreement, verify.KindWrongBytes},
		{errors.Join(multirepo.ErrDisagreement, multirepo.ErrNoAnswer, sourcesSaid(timeout)), verify.KindWrongBytes},
		{errors.Join(multirepo.ErrNoAnswer, sourcesSaid(rejected(&verify.ExpiredError{}))), verify.KindExpired},
		{multirepo.ErrNoAnswer, verify.KindUnreachable},
	} {
		require.Equal(t, test.want, verify.KindOf(test.err), "%v", test.err)
	}
}

// The kinds of errors as a program meets them.
func TestKindOfWhatHappens(t *testing.T) {
	repo := small()
	ctx := context.Background()
	session := func() *verify.Session { return newClient(t, repo).session }
	_, err := verify.New([]byte("{}"), verify.Stored{}, repo.Now(), verify.Options{})
	require.Equal(t, verify.KindMistake, verify.KindOf(err), err)
	require.Equal(t, verify.KindUnreachable, verify.KindOf(session().Run(ctx, nil, down)))
	require.Equal(t, verify.KindUnreachable, verify.KindOf(session().Run(ctx, nil)))
	require.Equal(t, verify.KindStore, verify.KindOf(session().Run(ctx, &failingStore{}, repo.Metadata().Source())))
	junk := func(context.Context, verify.Request) ([]byte, error) { return []byte("<html>"), nil }
	require.Equal(t, verify.KindWrongBytes, verify.KindOf(session().Run(ctx, nil, down, junk)))
	_, err = newClient(t, repo).lookup("nothing")
	require.Equal(t, verify.KindNoTarget, verify.KindOf(err), err)
	stale, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now().AddDate(0, 0, 3), verify.Options{})
	require.NoError(t, err)
	require.Equal(t, verify.KindExpired, verify.KindOf(stale.Run(ctx, nil, repo.Metadata().Source(), down)))
	// A source is a client of another repository: what it says of itself is not
	// the caller's mistake, nor a "no".
	for _, theirs := range []error{verify.ErrRequest, verify.ErrTime, verify.ErrNoTarget, verify.ErrSuperseded} {
		client := func(context.Context, verify.Request) ([]byte, error) { return nil, theirs }
		require.Equal(t, verify.KindUnreachable, verify.KindOf(session().Run(ctx, nil, client)), theirs)
		err := session().Run(ctx, nil, client, junk)
		require.Equal(t, verify.KindWrongBytes, verify.KindOf(err), "what another source sent still counts")
		require.ErrorAs(t, err, new(*verify.RejectError))
	}
}
