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
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// repositories are those of the map, each with its mirrors and its store.
type repositories struct {
	client *http.Client
	list   *metadata.Map
	roots  map[string][]byte // that the user trusts
	urls   map[string][]string
	stores map[string]verify.Store

	group *multirepo.Group
	mu    sync.Mutex // for the group, while several requests are open
}

// open reads the map and the root files, and opens the stores.
func (in *installer) open(client *http.Client) (*repositories, error) {
	m, err := readMap(in.Map)
	if err != nil {
		return nil, err
	}
	r := &repositories{
		client: client, list: m,
		roots: map[string][]byte{}, urls: map[string][]string{}, stores: map[string]verify.Store{},
	}
	for name, file := range in.Root {
		if r.roots[name], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	for name, urls := range m.Repositories() {
		for _, u := range urls {
			r.urls[name] = append(r.urls[name], strings.TrimRight(u, "/"))
		}
		if r.roots[name] == nil {
			continue // New returns an error for it
		}
		if r.stores[name], err = in.openCache(name, r.urls[name][0]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// begin begins an update of all repositories from what is stored.
func (r *repositories) begin(ctx context.Context, now time.Time) (err error) {
	if now.IsZero() {
		now = time.Now()
	}
	start := map[string]multirepo.Repository{}
	for name, root := range r.roots {
		start[name] = multirepo.Repository{
			TrustedRoot: root,
			Stored:      verify.LoadStored(ctx, r.stores[name]),
		}
	}
	r.group, err = multirepo.New(r.list, start, now, multirepo.Options{})
	return err
}

// openCache opens the folder of a repository. The repository may have any name
// in the map, so the name is not used as a path.
func (in *installer) openCache(repository, url string) (verify.Store, error) {
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
			if r.group.Save(ctx, r.stores[rec.Repository], []verify.Record{rec}) != nil {
				return // the group has ended, and Err says why
			}
		}
		var workers errgroup.Group
		workers.SetLimit(atOnce)
		for _, req := range b.Fetch {
			workers.Go(func() error {
				r.answer(ctx, req)
				return nil
			})
		}
		_ = workers.Wait() // the session handles the answers
	}
}

// answer answers a request from the store of the repository, if that is
// allowed, or else from its mirrors in turn.
func (r *repositories) answer(ctx context.Context, req verify.Request) {
	if req.StoreName != "" {
		saved, err := r.stores[req.Repository].Load(ctx, req.StoreName)
		if err == nil && r.provide(r.group.ProvideSaved, req, saved) == nil {
			return
		}
	}
	var said []error
	absent := false
	urls := r.urls[req.Repository]
	for i, base := range urls {
		data, err := mirror.New(base+"/metadata", r.client)(ctx, req)
		if err == nil {
			err = r.provide(r.group.Provide, req, data)
		}
		if err == nil {
			return
		}
		absent = absent || errors.Is(err, verify.ErrNotAtSource)
		said = append(said, &verify.SourceError{Source: i + 1, Of: len(urls), Err: err})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if absent { // whether one word is enough, the group knows
		_ = r.group.NotFound(req.ID, said...) // the request is open, so there is no error
		return
	}
	_ = r.group.Fail(req.ID, errors.Join(said...))
}

// provide calls one of the methods Provide and ProvideSaved.
func (r *repositories) provide(
	method func(verify.RequestID, []byte) error, req verify.Request, data []byte,
) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return method(req.ID, data)
}
