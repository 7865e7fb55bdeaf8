package verifytest_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func Example() {
	repo := verifytest.New(verifytest.Options{})
	team := repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
	team.AddTarget("team/app.txt", []byte("hello"))
	repo.Publish()

	for _, name := range slices.Sorted(maps.Keys(repo.Metadata())) {
		fmt.Println(name)
	}
	for _, name := range slices.Sorted(maps.Keys(repo.TargetFiles())) {
		fmt.Println(name)
	}
	// Output:
	// 1.root.json
	// 1.snapshot.json
	// 1.targets.json
	// 1.team.json
	// 2.snapshot.json
	// 2.targets.json
	// timestamp.json
	// team/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.app.txt
}

// A chain of roots, and a timestamp with an older version, signed by the right
// key.
func ExampleRepo_Rotate() {
	repo := verifytest.New(verifytest.Options{})
	for i := range 3 {
		repo.Rotate("root", 1, repo.Key(fmt.Sprint("root key ", i)))
		repo.PublishOnly("root")
	}
	repo.Publish()
	fmt.Println(repo.Version("root"), repo.Version("timestamp"))

	repo.SetVersion("timestamp", 1)
	repo.PublishOnly("timestamp")
	fmt.Println(repo.Version("root"), repo.Version("timestamp"))
	// Output:
	// 4 2
	// 4 1
}
