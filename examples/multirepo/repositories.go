package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/examples/internal/mirror"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// repositories are those of the map, each with its mirrors and its store.
type repositories struct {
	group  *multirepo.Group
	client *http.Client
	urls   map[string][]string
	stores map[string]verify.Store

	mu sync.Mutex // for the group, while several requests are open
}

// open reads the map, the root files and the stored files.
func (in *installer) open(ctx context.Context, client *http.Client) (*repositories, error) {
	m, err := readMap(in.Map)
	if err != nil {
		return nil, err
	}
	r := &repositories{client: client, urls: map[string][]string{}, stores: map[string]verify.Store{}}
	start, dirs := map[string]multirepo.Repository{}, map[string]*cachedir.Dir{}
	for name, file := range in.Root {
		trustedRoot, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		start[name] = multirepo.Repository{TrustedRoot: trustedRoot}
	}
	for name, urls := range m.Repositories() {
		for _, u := range urls {
			r.urls[name] = append(r.urls[name], strings.TrimRight(u, "/"))
		}
		one, ok := start[name]
		if !ok {
			continue // New returns an error for it
		}
		if dirs[name], err = in.openCache(name, r.urls[name][0]); err != nil {
			return nil, err
		}
		one.Stored = verify.LoadStored(context.Background(), dirs[name])
		start[name] = one
	}
	now := in.At
	if now.IsZero() {
		now = time.Now()
	}
	if r.group, err = multirepo.New(m, start, now, multirepo.Options{}); err != nil {
		return nil, err
	}
	for name, dir := range dirs {
		r.stores[name] = dir.Shared(ctx, keeper{r.group, name})
	}
	return r, nil
}

// keeper asks the group which records of one repository may be written.
type keeper struct {
	group      *multirepo.Group
	repository string
}

func (k keeper) Keep(rec verify.Record, stored verify.Stored) bool {
	return k.group.Keep(multirepo.Record{Repository: k.repository, Record: rec}, stored)
}

// openCache opens the folder of a repository. The repository may have any name
// in the map, so the name is not used as a path.
func (in *installer) openCache(repository, url string) (*cachedir.Dir, error) {
	path := in.Cache
	if path == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no directory for metadata (choose one with --cache): %w", err)
		}
		sum := sha256.Sum256([]byte(url)) // two maps may use one name for different repositories
		path = filepath.Join(user, "tufwalk-multirepo", hex.EncodeToString(sum[:16]))
	}
	return cachedir.Open(filepath.Join(path, multirepo.DirName(repository)))
}

// atOnce is the limit for parallel requests: many lookups may need many roles.
const atOnce = 16

// drive handles the batches of the group until there are no more. It fetches
// the files of one batch in parallel, for all repositories.
func (r *repositories) drive(ctx context.Context) {
	for {
		b, ok := r.group.Next()
		if !ok {
			return
		}
		for _, rec := range b.Save {
			if err := r.stores[rec.Repository].Save(rec.Record); err != nil {
				r.group.Abandon(err)
				return
			}
		}
		var group errgroup.Group
		group.SetLimit(atOnce)
		for _, req := range b.Fetch {
			group.Go(func() error {
				r.answer(ctx, req)
				return nil
			})
		}
		_ = group.Wait() // the session handles the answers
	}
}

// answer answers a request from the store of the repository, if that is
// allowed, or else from its mirrors in turn.
func (r *repositories) answer(ctx context.Context, req multirepo.Request) {
	if req.StoreName != "" {
		if data, err := r.stores[req.Repository].Load(req.StoreName); err == nil && r.provide(req, data) == nil {
			return
		}
	}
	var errs []error
	absent := 0
	for _, base := range r.urls[req.Repository] {
		data, err := mirror.WithContext(ctx, base+"/metadata", r.client)(req.Request)
		if err == nil {
			err = r.provide(req, data)
		}
		if err == nil {
			return
		}
		if errors.Is(err, verify.ErrNotAtSource) {
			absent++
		}
		errs = append(errs, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if absent == len(errs) { // all mirrors say so, not only some
		_ = r.group.NotFound(req.ID) // the request is open, so there is no error
		return
	}
	_ = r.group.Fail(req.ID, errors.Join(errs...))
}

func (r *repositories) provide(req multirepo.Request, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.group.Provide(req.ID, data)
}
