package delegation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// repository is a repository in which tests search for targets.
type repository struct {
	testing.TB
	*verifytest.Repo
}

func newRepository(t testing.TB) repository {
	return repository{t, verifytest.New(verifytest.Options{})}
}

// verified returns the file of a delegation that a search visits.
func (r repository) verified(p delegation.Pending) roles.Trusted[metadata.Targets] {
	r.Helper()
	file, err := load(r.Repo, p)
	require.NoError(r, err)
	return file
}

// search returns the roles that a search visits, in order, and its result.
func (r repository) search(path string, o delegation.Options) string {
	w := delegation.NewWalk(path, o)
	var visited []string
	for {
		p, ok := w.Next()
		if !ok {
			break
		}
		_, err := w.Result()
		require.ErrorIs(r, err, delegation.ErrUnfinished)
		again, _ := w.Next()
		require.Equal(r, p, again, "Next returns the same until Visit")
		visited = append(visited, p.Role)
		require.NoError(r, w.Visit(r.verified(p)))
	}
	_, err := w.Result()
	require.ErrorIs(r, w.Visit(roles.Trusted[metadata.Targets]{}), roles.ErrUntrusted)
	if err == nil {
		return strings.Join(visited, " ") + ": found"
	}
	require.ErrorContains(r, err, fmt.Sprintf("%q", path))
	for _, sentinel := range []error{delegation.ErrNoTarget, delegation.ErrLimit} {
		if errors.Is(err, sentinel) {
			return strings.Join(visited, " ") + ": " + sentinel.Error()
		}
	}
	return strings.Join(visited, " ") + ": " + err.Error()
}

type delegate = verifytest.Delegation

// all returns a delegation of every path without a slash.
func all(name string) delegate { return delegate{Name: name, Paths: []string{"*"}} }

// last makes a delegation terminating.
func last(d delegate) delegate {
	d.Terminating = true
	return d
}

// delegateEach has the top-level targets role delegate each pattern to a role
// of its own, without keys. It takes less time than Delegate for very many.
func (r repository) delegateEach(patterns []string) {
	list := make([]any, len(patterns))
	for i, pattern := range patterns {
		list[i] = map[string]any{
			"name": fmt.Sprintf("%06d", i), "paths": []any{pattern}, "terminating": false,
			"keyids": []any{}, "threshold": int64(1),
		}
	}
	r.Edit("targets", func(signed map[string]any) {
		signed["delegations"] = map[string]any{"keys": map[string]any{}, "roles": list}
	})
}

// numbered returns n patterns with their numbers in them.
func numbered(n int, pattern string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(pattern, i)
	}
	return list
}

// patterns adds n delegations with one pattern each to a role.
func patterns(n int) func(*verifytest.Role) {
	return func(x *verifytest.Role) {
		key := []*verifytest.Key{verifytest.NewKey("ed25519", "all")}
		for i := range n {
			x.Delegate(verifytest.Delegation{
				Name:  fmt.Sprintf("role-%05d", i),
				Paths: []string{fmt.Sprintf("dir-%05d/*", i)},
				Keys:  key,
			})
		}
	}
}

// delegationsOf returns the delegations of a top-level targets role. It does
// not publish the files of other roles.
func delegationsOf(t testing.TB, build func(*verifytest.Role)) *metadata.Delegations {
	r := newRepository(t)
	build(r.Targets())
	return r.delegations()
}

// delegations are those of the top-level targets role.
func (r repository) delegations() *metadata.Delegations {
	r.PublishOnly("targets")
	env, err := metadata.Parse[metadata.Targets](r.Metadata()[r.FileName("targets")], metadata.Options{})
	require.NoError(r, err)
	content, err := env.Unverified()
	require.NoError(r, err)
	return content.Delegations()
}
