package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A folder is a store for verify.Session.Run, with any sources.
func ExampleOpenFolder() {
	ctx := context.Background()
	repo := verifytest.New(verifytest.Options{}) // or your own
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	folder, err := client.OpenFolder(filepath.Join(dir, "updates"))
	if err != nil {
		panic(err)
	}
	defer folder.Close()
	if setAside, err := folder.Adopt(ctx, repo.TrustedRoot()); err != nil {
		panic(err)
	} else if setAside != "" {
		fmt.Println("another repository's store is now in", setAside)
	}

	session, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, folder), repo.Now(), verify.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(session.Run(ctx, folder, repo.Metadata().Source()))

	// Without a network, from what is saved:
	saved := folder.ReadOnly()
	session, err = verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, saved), repo.Now(), verify.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(session.Run(ctx, nil, verify.StoreSource(saved)))
	// Output:
	// <nil>
	// <nil>
}

// A FolderError says which file of which folder could not be used, and why.
func ExampleFolderError() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	folder, err := client.OpenFolder(dir)
	if err != nil {
		panic(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "root.json"), 0o700); err != nil {
		panic(err)
	}
	_, err = folder.Load(context.Background(), "root.json")
	about := new(client.FolderError)
	if errors.As(err, &about) {
		fmt.Printf("%s could not be %s: %v\n", about.Name, about.Op, about.Err)
	}
	fmt.Println(verify.KindOf(err))
	// Output:
	// root.json could not be loaded: not a file: it is a directory
	// store
}

func ExampleNewMemory() {
	ctx, repo := context.Background(), verifytest.New(verifytest.Options{})
	store := client.NewMemory()
	session, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, store), repo.Now(), verify.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(session.Run(ctx, store, repo.Metadata().Source()))
	// Output: <nil>
}
