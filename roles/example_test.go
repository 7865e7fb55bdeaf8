package roles_test

import (
	"errors"
	"fmt"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Checking the signatures of a timestamp with a root that came with the
// program, and then its expiry.
func Example() {
	repo := verifytest.New(verifytest.Options{})
	rootFile, timestampFile := repo.TrustedRoot(), repo.Metadata()["timestamp.json"]

	rootEnv, err := metadata.Parse[metadata.Root](rootFile, metadata.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	root, err := roles.VerifyInitialRoot(rootEnv, roles.Policy{})
	if err != nil {
		fmt.Println(err)
		return
	}
	role, err := roles.TopLevel(root, metadata.RoleTimestamp, roles.Policy{})
	if err != nil {
		fmt.Println(err)
		return
	}
	env, err := metadata.Parse[metadata.Timestamp](timestampFile, metadata.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	timestamp, err := roles.Verify(env, role)
	if err != nil {
		fmt.Println(err)
		return
	}
	content := timestamp.Content()
	fmt.Println(timestamp.Name(), "version", content.Version, "lists snapshot version", content.Snapshot().Version)
	fmt.Println(roles.CheckExpiry(timestamp.Name(), content.Header, repo.Now()))
	fmt.Println(roles.CheckExpiry(timestamp.Name(), content.Header, repo.Now().AddDate(1, 0, 0)))
	// Output:
	// timestamp version 1 lists snapshot version 1
	// <nil>
	// timestamp version 1: expired since 2030-01-02T00:00:00Z (the time is taken to be 2031-01-01T00:00:00Z)
}

// A ThresholdError says how many signatures are missing.
func ExampleThresholdError() {
	repo := verifytest.New(verifytest.Options{})
	repo.Rotate("timestamp", 2, repo.Key("a"), repo.Key("b"))
	repo.SignWith("timestamp", repo.Key("a"), repo.Key("another"))
	repo.Publish()

	rootEnv, _ := metadata.Parse[metadata.Root](repo.Metadata()["2.root.json"], metadata.Options{})
	root, _ := roles.VerifyInitialRoot(rootEnv, roles.Policy{})
	role, _ := roles.TopLevel(root, metadata.RoleTimestamp, roles.Policy{})
	env, _ := metadata.Parse[metadata.Timestamp](repo.Metadata()["timestamp.json"], metadata.Options{})
	_, err := roles.Verify(env, role)
	var e *roles.ThresholdError
	if errors.As(err, &e) {
		fmt.Println(e.Valid, "of", e.Threshold, "keys have signed, and", e.Strangers, "other")
	}
	fmt.Println(err)
	// Output:
	// 1 of 2 keys have signed, and 1 other
	// timestamp: not enough signatures: want 2, found 1
}
