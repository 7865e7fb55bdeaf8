package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
)

// openCache opens the directory for metadata. By default there is one for each
// repository, which is identified by the first metadata URL.
func (in *installer) openCache() (*cachedir.Dir, error) {
	path := in.Cache
	if path == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no directory for metadata (choose one with --cache): %w", err)
		}
		sum := sha256.Sum256([]byte(strings.TrimRight(in.MetadataURL[0], "/")))
		path = filepath.Join(user, "tufwalk-installer", hex.EncodeToString(sum[:16]))
	}
	return cachedir.Open(path)
}
