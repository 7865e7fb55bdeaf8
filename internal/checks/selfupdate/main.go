// Command selfupdate is the shortest honest program that keeps itself up to
// date, as a newcomer writes it from the README. Its test kills it at random
// moments, in networks that interfere.
//
// A real program embeds the root file (go:embed), and its URL is a constant.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/client"
)

func main() {
	if err := update(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "not updated:", err)
	}
	work()
}

// update replaces the program by the repository's, if that is another one.
func update(ctx context.Context) error {
	trustedRoot, err := os.ReadFile(os.Getenv("APP_ROOT"))
	if err != nil {
		return err
	}
	c, err := client.Open(client.Config{
		TrustedRoot: trustedRoot,
		Metadata:    []string{os.Getenv("APP_URL") + "/metadata"},
		Targets:     []string{os.Getenv("APP_URL") + "/targets"},
		Folder:      os.Getenv("APP_FOLDER"),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	app, err := c.Find(ctx, "app")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(filepath.Dir(self))
	if err != nil {
		return err
	}
	defer dir.Close()
	return app.InstallIn(ctx, dir, filepath.Base(self), client.InstallOptions{Perm: 0o755, Running: true})
}
