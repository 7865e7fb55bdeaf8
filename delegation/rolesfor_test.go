package delegation_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// roles match by patterns or by prefixes, in listed order. A
// role with neither does not match.
func TestRolesFor(t *testing.T) {
	r := newRepository(t)
	for _, d := range []delegate{
		{Name: "a", Paths: []string{"no", "packages/*"}},
		{Name: "b", Paths: []string{"*"}},
		{Name: "c", PathHashPrefixes: []string{"00", "f379"}},
		{Name: "d", PathHashPrefixes: []string{"f378"}},
		{Name: "e", PathHashPrefixes: []string{""}},
		{Name: "f"},
		{Name: "g", Paths: []string{}},
		{Name: "h", PathHashPrefixes: []string{fmt.Sprintf("%x", sha256.Sum256([]byte("packages/x")))}},
	} {
		r.Targets().Delegate(d)
	}
	r.Publish()
	top, _ := delegation.NewWalk("x", delegation.Options{}).Next()
	d := r.verified(top).Content().Delegations()
	path := "packages/x"
	var asked []string
	for e := range delegation.RolesFor("targets", d, path) {
		asked = append(asked, e.Role)
	}
	require.Equal(t, []string{"a", "c", "e", "h"}, asked)
	for range delegation.RolesFor("targets", nil, path) {
		t.Error("there are no delegations")
	}
}

func TestBin(t *testing.T) {
	for bits, want := range map[int]string{
		1: "p-1", 2: "p-3", 3: "p-7", 4: "p-f", 5: "p-1e", 8: "p-f3",
		14: "p-3cde", 16: "p-f379", 31: "p-79bcd708", 32: "p-f379ae11",
	} {
		d := delegationsOf(t, func(x *verifytest.Role) { x.DelegateSuccinct("p", bits) })
		for found := range delegation.RolesFor("targets", d, "packages/x") {
			require.Equal(t, want, found.Role, bits)
		}
		require.True(t, d.SuccinctRoles().Has(want))
	}
}
