package metadata_test

import (
	"errors"
	"fmt"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Reading a file without trust: its signatures and its content. Anyone may have
// written either of them.
func Example() {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app.tar.gz", []byte("hello"))
	repo.Publish()

	env, err := metadata.Parse[metadata.Targets](repo.Metadata()["2.targets.json"], metadata.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range env.Signatures() {
		fmt.Println(len(s.Bytes()), "bytes of signature by key", s.KeyID[:8])
	}
	targets, err := env.Unverified()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("targets version", targets.Version, "expires", targets.Expires)
	for path, file := range targets.Files() {
		fmt.Println(metadata.Printable(path), "has", file.Length, "bytes")
		for algorithm, digest := range file.Hashes.All() {
			fmt.Println(" ", algorithm, metadata.Printable(digest))
		}
	}
	// Output:
	// 64 bytes of signature by key 64bd2bf5
	// targets version 2 expires 2031-01-01 00:00:00 +0000 UTC
	// app.tar.gz has 5 bytes
	//   sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
}

// A SyntaxError says what is wrong in a file, and where.
func ExampleParse() {
	data := []byte(`{"signatures": [], "signed": {"_type": "root", "version": 1.5}}`)
	_, err := metadata.Parse[metadata.Root](data, metadata.Options{})
	var syntax *metadata.SyntaxError
	if errors.As(err, &syntax) {
		fmt.Println(syntax.Path, syntax.Reason)
	}
	fmt.Println(err)
	// Output:
	// signed.version a number that is not an integer
	// not well-formed TUF metadata: signed.version (offset 58): a number that is not an integer
}

// The name of a file in a repository is safe whatever the name of the role is.
func ExampleFileName() {
	fmt.Println(metadata.FileName(metadata.RoleSnapshot, 7))
	fmt.Println(metadata.FileName("../team", 1))
	fmt.Println(metadata.FileName(metadata.RoleTimestamp, 0))
	// Output:
	// 7.snapshot.json
	// 1...%2Fteam.json
	// timestamp.json
}
