package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/tufwalk/tufwalk/verify"
)

// files is a store in a folder. It writes as go-tuf does, to make the
// comparison fair: through a temporary file, and without fsync. A real client
// has to sync (see client.Folder).
type files string

func (f files) Load(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), name))
}

func (f files) Save(_ context.Context, rec verify.Record) error {
	temp := filepath.Join(string(f), "new")
	if err := os.WriteFile(temp, rec.Data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(string(f), rec.StoreName))
}
