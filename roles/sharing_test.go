package roles_test

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// sharers are two delegated roles whose keys are chosen from five, as sets of
// bits.
type sharers struct {
	keys      [2]uint
	threshold [2]int
	roles     [2]roles.Role
}

func randomSharers(t *testing.T, random *rand.Rand) (x sharers) {
	repo := newRepository(t)
	for i, name := range []string{"a", "b"} {
		x.keys[i] = 1 + random.UintN(31)
		x.threshold[i] = 1 + random.IntN(4)
		d := verifytest.Delegation{Name: name, Paths: []string{"*"}, Threshold: x.threshold[i]}
		for k := range 5 {
			if x.keys[i]>>k&1 == 1 {
				key := *repo.Key(string(rune('0' + k)))
				if random.IntN(3) == 0 { // IDs mean nothing
					key.KeyID = name + key.ID()
				}
				d.Keys = append(d.Keys, &key)
			}
		}
		repo.Targets().Delegate(d)
	}
	repo.Publish()
	targets := repo.mustVerifyTargets()
	for i, name := range []string{"a", "b"} {
		role, err := roles.Delegated(targets, i, name, roles.Policy{})
		require.NoError(t, err)
		x.roles[i] = role
	}
	return x
}

// What CanPassFor and OnlyWith say is so for every set of keys that can sign.
func TestSharedKeys(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	results := map[[2]bool]int{}
	for range 400 {
		x := randomSharers(t, random)
		reaches := func(signers uint, role int) bool {
			return bits.OnesCount(signers&x.keys[role]) >= x.threshold[role]
		}
		only := true // what signs for a signs for b
		for signers := range uint(32) {
			only = only && (!reaches(signers, 0) || reaches(signers, 1))
		}
		passes := reaches(x.keys[0], 1)
		require.Equal(t, passes, x.roles[0].CanPassFor(x.roles[1]), "%v %v", x.keys, x.threshold)
		if reaches(x.keys[0], 0) { // otherwise nobody can sign for a
			require.Equal(t, only, x.roles[0].OnlyWith(x.roles[1]), "%v %v", x.keys, x.threshold)
		}
		results[[2]bool{passes, only}]++
	}
	require.Len(t, results, 4, "%v", results)
}

// The zero Role, which accepts no file, passes for nothing.
func TestSharedKeysOfNobody(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 { // also those of which all keys must sign
		x := randomSharers(t, random)
		require.False(t, x.roles[0].CanPassFor(roles.Role{}))
		require.False(t, roles.Role{}.CanPassFor(x.roles[0]))
		require.False(t, x.roles[0].OnlyWith(roles.Role{}))
		require.False(t, roles.Role{}.OnlyWith(x.roles[0]))
	}
}

// The zero role accepts no file, and nothing is signed with its keys only.
func TestNobodySharesWithTheZeroRole(t *testing.T) {
	r := newRepository(t)
	r.Publish()
	role, err := roles.TopLevel(r.mustInitialRoot(), "targets", r.policy)
	require.NoError(t, err)
	require.False(t, role.OnlyWith(roles.Role{}))
	require.False(t, role.CanPassFor(roles.Role{}))
	require.True(t, role.OnlyWith(role))
}
