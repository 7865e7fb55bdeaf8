package delegation_test

import (
	"fmt"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Which roles one role delegates a path to, without a search: here from a
// targets file that is not verified.
func ExampleRolesFor() {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().Delegate(verifytest.Delegation{Name: "docs", Paths: []string{"*.pdf"}})
	repo.Targets().Delegate(verifytest.Delegation{Name: "releases", Paths: []string{"*.tar.gz"}, Terminating: true})
	repo.Targets().Delegate(verifytest.Delegation{Name: "other", Paths: []string{"*"}})
	repo.Publish()

	env, err := metadata.Parse[metadata.Targets](repo.Metadata()["2.targets.json"], metadata.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	targets, err := env.Unverified()
	if err != nil {
		fmt.Println(err)
		return
	}
	for d := range delegation.RolesFor(metadata.RoleTargets, targets.Delegations(), "app.tar.gz") {
		fmt.Println(d.Position, d.Role, d.Terminating)
	}
	// Output:
	// 1 releases true
	// 2 other false
}

func ExampleMatch() {
	fmt.Println(delegation.Match("packages/*.whl", "packages/app.whl"))
	fmt.Println(delegation.Match("packages/*.whl", "packages/old/app.whl"))
	// Output:
	// true
	// false
}
