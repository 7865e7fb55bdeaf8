package roles_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// repository is one under construction, whose files are opened as a client
// would, one by one.
type repository struct {
	*testing.T
	*verifytest.Repo
	policy roles.Policy
}

func newRepository(t *testing.T) *repository { return newRepositoryWith(t, verifytest.Options{}) }

func newRepositoryWith(t *testing.T, o verifytest.Options) *repository {
	o.EnvelopeFormat = form
	return &repository{T: t, Repo: verifytest.New(o)}
}

func parse[T metadata.Content](r *repository, role string) *metadata.Envelope[T] {
	r.Helper()
	env, err := metadata.Parse[T](r.Metadata()[r.FileName(role)], metadata.Options{EnvelopeFormat: form})
	require.NoError(r, err)
	return env
}

// anchor opens the newest root by its own keys.
func (r *repository) anchor() (roles.Trusted[metadata.Root], error) {
	return roles.VerifyInitialRoot(parse[metadata.Root](r, "root"), r.policy)
}

func (r *repository) mustAnchor() roles.Trusted[metadata.Root] {
	r.Helper()
	root, err := r.anchor()
	require.NoError(r, err)
	return root
}

// openAs opens the newest file of a top-level role by the newest root.
func openAs[T metadata.Content](r *repository, name string) (roles.Trusted[T], error) {
	r.Helper()
	role, err := roles.TopLevel(r.mustAnchor(), name, r.policy)
	require.NoError(r, err)
	return roles.Verify(parse[T](r, name), role)
}

func (r *repository) openTargets() (roles.Trusted[metadata.Targets], error) {
	return openAs[metadata.Targets](r, "targets")
}

func (r *repository) mustOpenTargets() roles.Trusted[metadata.Targets] {
	r.Helper()
	file, err := r.openTargets()
	require.NoError(r, err)
	return file
}

// keys returns n keys with names of their own.
func (r *repository) keys(names ...string) (list []*verifytest.Key) {
	for _, name := range names {
		list = append(list, r.Key(name))
	}
	return list
}
