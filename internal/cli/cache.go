package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// CacheDir returns the directory for metadata: dir, or if that is empty, one in
// the user's cache. That one is named after the file that says what is trusted,
// and not after URLs: these may change, and the rollback protection must not
// begin anew then.
func (p *Program) CacheDir(dir, trusted string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no directory for metadata (choose one with --cache): %w", err)
	}
	if trusted, err = filepath.Abs(trusted); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(trusted))
	return filepath.Join(user, "tufwalk-"+p.Name, hex.EncodeToString(sum[:16])), nil
}
