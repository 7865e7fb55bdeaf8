package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/verify"
)

// openCache opens the directory for metadata. By default there is one for each repository: that is, for each first metadata URL.
func (in *installer) openCache() (*cachedir.Dir, error) {
	path := in.Cache
	if path == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for metadata, name one with --cache: %w", err)
		}
		sum := sha256.Sum256([]byte(strings.TrimRight(in.MetadataURL[0], "/")))
		path = filepath.Join(user, "tufwalk-installer", hex.EncodeToString(sum[:16]))
	}
	return cachedir.Open(path)
}

// sharedStore is a cache that other processes use at the same time. A crash between two saves does no harm: the session orders
// them so that each file is a floor or a help for the next run.
type sharedStore struct {
	*cachedir.Dir
	session *verify.Session
	ctx     context.Context
}

// Save writes a record unless another process has meanwhile saved a newer one, which must not be rolled back.
func (s *sharedStore) Save(rec verify.Record) error {
	unlock, err := s.Lock(s.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !s.session.Keep(rec, verify.LoadStored(s.Load)) {
		return nil
	}
	return s.Dir.Save(rec)
}
