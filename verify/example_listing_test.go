package verify_test

import (
	"context"
	"fmt"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Every target that a lookup would find, for a mirror of a whole repository.
func ExampleSession_List() {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("README", []byte("welcome"))
	team := repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
	team.AddTarget("team/app.txt", []byte("hello"))
	team.AddTarget("README", []byte("not theirs, so no lookup finds it here"))
	repo.Publish()
	mirror, store := repo.Metadata().Source(), verifytest.Store{}

	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	list := s.List(verify.ListOptions{AtOnce: 16})
	for !list.Done() {
		if err := s.Run(context.Background(), store, mirror); err != nil {
			fmt.Println(err)
			return
		}
		for target, err := range list.Targets() {
			if err != nil {
				fmt.Println(err) // a *LeftOutError
				continue
			}
			fmt.Println(target.Path, target.Length, "bytes, from", target.Role)
		}
	}
	if err := list.Err(); err != nil {
		fmt.Println(err) // an *IncompleteError: roles that were not available, say
	}
	for _, role := range list.Roles() {
		fmt.Println("rests on", role.Path, "until", role.Expires)
	}
	// Output:
	// README 7 bytes, from targets
	// team/app.txt 5 bytes, from team
	// rests on 2.targets.json until 2031-01-01 00:00:00 +0000 UTC
	// rests on 1.team.json until 2031-01-01 00:00:00 +0000 UTC
}
