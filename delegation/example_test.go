package delegation_test

import (
	"fmt"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Searching for a target: the search says which role to visit, and the caller
// gives it the verified file.
func Example() {
	repo := verifytest.New(verifytest.Options{})
	team := repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
	team.AddTarget("team/app.txt", []byte("hello"))
	repo.Publish()

	walk := delegation.NewWalk("team/app.txt", delegation.Options{})
	for {
		next, ok := walk.Next()
		if !ok {
			break
		}
		fmt.Println(next.Delegator, "->", next.Role)
		file, err := load(repo, next)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := walk.Visit(file); err != nil {
			fmt.Println(err)
			return
		}
	}
	target, err := walk.Result()
	fmt.Println(target.Length, "bytes", err)
	// Output:
	// root -> targets
	// targets -> team
	// 5 bytes <nil>
}

// load verifies the file of a role with the keys that its delegator lists.
func load(repo *verifytest.Repo, next delegation.Pending) (roles.Trusted[metadata.Targets], error) {
	none := roles.Trusted[metadata.Targets]{}
	role, err := roleOf(repo, next)
	if err != nil {
		return none, err
	}
	env, err := metadata.Parse[metadata.Targets](repo.Metadata()[repo.FileName(next.Role)], metadata.Options{})
	if err != nil {
		return none, err
	}
	return roles.Verify(env, role)
}

func roleOf(repo *verifytest.Repo, next delegation.Pending) (roles.Role, error) {
	if next.Delegator != metadata.RoleRoot {
		return roles.Delegated(next.By, next.Position, next.Role, roles.Policy{})
	}
	env, err := metadata.Parse[metadata.Root](repo.TrustedRoot(), metadata.Options{})
	if err != nil {
		return roles.Role{}, err
	}
	root, err := roles.VerifyInitialRoot(env, roles.Policy{})
	if err != nil {
		return roles.Role{}, err
	}
	return roles.TopLevel(root, metadata.RoleTargets, roles.Policy{})
}
