package client_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A program with its own loop uses the mirrors alone. Here the first one is out
// of order.
func ExampleMirrors() {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app.txt", []byte("hello"))
	repo.Publish()
	first, second := clienttest.NewServer(repo), clienttest.NewServer(repo)
	first.Always("/*/*", clienttest.Status(403))
	network := clienttest.NewNetwork()
	defer network.Close()
	network.Host("a.example", first)
	network.Host("b.example", second)

	mirrors, err := client.NewMirrors(client.MirrorsConfig{
		Metadata:  []string{"https://a.example/metadata", "https://b.example/metadata"},
		Targets:   []string{"https://a.example/targets", "https://b.example/targets"},
		Transport: network.Transport(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var sources []verify.Source
	for _, s := range mirrors.Sources() {
		sources = append(sources, s.Fetch)
	}

	ctx := context.Background()
	session, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := session.Lookup("app.txt")
	if err := session.Run(ctx, nil, sources...); err != nil {
		fmt.Println(err)
		return
	}
	found, err := app.Target()
	if err != nil {
		fmt.Println(err)
		return
	}
	target, err := client.TargetOf(found)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := installAndShow(ctx, mirrors, target); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0 of 5 bytes
	// 0 of 5 bytes
	// 5 of 5 bytes
	// bin/app.txt: hello
}

func installAndShow(ctx context.Context, mirrors *client.Mirrors, target client.Target) error {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = mirrors.Install(ctx, target, root, "bin/app.txt", client.InstallOptions{
		Progress: func(p client.Progress) { fmt.Println(p.Done, "of", p.Total, "bytes") },
	})
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "bin", "app.txt"))
	fmt.Printf("bin/app.txt: %s\n", data)
	return err
}
