package verify_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// keyAttack has some of five keys sign the next file of a role, of which three
// must sign.
type keyAttack struct {
	name string
	do   func(repo *verifytest.Repo, role string, five []*verifytest.Key)
	want error
}

var keyAttacks = []keyAttack{
	{"three of five", func(repo *verifytest.Repo, role string, five []*verifytest.Key) {
		repo.SignWith(role, five[1:4]...)
	}, nil},
	{"two of five, and strangers", func(repo *verifytest.Repo, role string, five []*verifytest.Key) {
		repo.SignWith(role, five[0], five[4], repo.Key("stranger"), repo.Key("thief"))
	}, roles.ErrThreshold},
	{"two of five, and the key before", func(repo *verifytest.Repo, role string, five []*verifytest.Key) {
		repo.SignWith(role, five[0], five[1], repo.Key(role))
	}, roles.ErrThreshold},
	{"two of five, and all other roles", func(repo *verifytest.Repo, role string, five []*verifytest.Key) {
		signers := slices.Clone(five[:2])
		for _, other := range topLevel {
			if other != role {
				signers = append(signers, repo.Keys(other)...)
			}
		}
		repo.SignWith(role, signers...)
	}, roles.ErrThreshold},
	{"one of five, three times", func(repo *verifytest.Repo, role string, five []*verifytest.Key) {
		repo.SignWith(role, five[0], five[0], five[0])
	}, metadata.ErrSyntax},
	{"one key, three times under different IDs", func(repo *verifytest.Repo, role string, five []*verifytest.Key) {
		twins := []*verifytest.Key{repo.Key("new")}
		for _, id := range []string{"x", "y"} {
			twin := *twins[0]
			twin.KeyID = id
			twins = append(twins, &twin)
		}
		repo.Rotate(role, 3, twins...)
		if role == "root" {
			twins = append(twins, five...) // the old root agrees
		} else {
			repo.PublishOnly("root")
		}
		repo.SignWith(role, twins...)
	}, roles.ErrThreshold},
	{"no key, but four for which anyone can sign", func(repo *verifytest.Repo, role string, five []*verifytest.Key) {
		var weak []*verifytest.Key
		for spelling := range 4 {
			weak = append(weak, verifytest.NewWeakKey(spelling))
		}
		repo.Rotate(role, 3, weak...)
		if role == "root" {
			weak = append(weak, five...) // the old root agrees
		} else {
			repo.PublishOnly("root")
		}
		repo.SignWith(role, weak...)
	}, roles.ErrThreshold},
}

// Key compromise (K1, K3, K6, K13, CVE-2020-15093) at root, timestamp and
// snapshot.
// For the targets roles see TestAttacksOnRoles.
func TestKeyCompromise(t *testing.T) {
	for _, a := range keyAttacks {
		for _, role := range []string{"root", "timestamp", "snapshot"} {
			t.Run(a.name+", "+role, func(t *testing.T) { testKeyAttack(t, a, role) })
		}
	}
}

func testKeyAttack(t *testing.T, a keyAttack, role string) {
	repo := verifytest.New(verifytest.Options{})
	var five []*verifytest.Key
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		five = append(five, repo.Key(name))
	}
	repo.Rotate(role, 3, five...)
	repo.Publish()
	store := verifytest.Store{}
	update := func(store verifytest.Store) error {
		return resume(t, repo, store).Run(context.Background(), store, repo.Metadata().Source())
	}
	require.NoError(t, update(store))
	a.do(repo, role, five)
	if role == "root" {
		repo.PublishOnly("root")
	}
	repo.PublishOnly("snapshot", "timestamp")
	for name, client := range map[string]verifytest.Store{"run again": maps.Clone(store), "first run": {}} {
		saved := client[role+".json"]
		err := update(client)
		if a.want == nil {
			require.NoError(t, err, name)
			require.Equal(t, fileOf(repo, role), client[role+".json"])
			continue
		}
		require.ErrorIs(t, err, a.want, name)
		if name == "run again" {
			require.Equal(t, saved, client[role+".json"])
		}
		require.NotEqual(t, fileOf(repo, role), client[role+".json"], name)
	}
}
