package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/services/internal/bucket"
	"github.com/tufwalk/tufwalk/services/proxy/internal/gate"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// sweepEvery is how often records that newer ones have replaced are removed.
const sweepEvery = 10 * time.Minute

// storage is where the verified files and the metadata are.
type storage struct {
	bucket *bucket.Bucket
	log    *slog.Logger
	stores []store
}

// store has the metadata of one repository.
type store struct {
	name        string
	records     *bucket.Records
	trustedRoot []byte
}

func openStorage(ctx context.Context, address string, log *slog.Logger) (*storage, error) {
	b, err := bucket.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	return &storage{bucket: b, log: log}, nil
}

// use has a gate use the bucket.
func (s *storage) use(c *gate.Config, cache int64) {
	c.Files = files{s.bucket.Files(bucket.FilesOptions{MaxBytes: cache, HoldBack: gate.HoldBack, Report: func(err error) {
		s.log.Warn("bucket", "error", err)
	}})}
	byName := map[string]*bucket.Records{}
	records := func(name string, trustedRoot []byte, o verify.Options) verify.Store {
		if byName[name] == nil {
			byName[name] = s.bucket.Records(name, o)
			s.stores = append(s.stores, store{name, byName[name], trustedRoot})
		}
		return byName[name]
	}
	for name, u := range c.Upstreams {
		if u.Client.Map == nil {
			u.Client.Store = records(name, u.Client.TrustedRoot, u.Client.Options)
		}
		for name, r := range u.Client.Repositories {
			r.Store = records(name, r.TrustedRoot, r.Options)
			u.Client.Repositories[name] = r
		}
		c.Upstreams[name] = u
	}
}

// sweep removes what is not needed any more, from time to time, until the
// context ends.
func (s *storage) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, st := range s.stores {
			if err := s.sweepOne(ctx, st); err != nil && ctx.Err() == nil {
				s.log.Warn("sweep", "repository", st.name, "error", err)
			}
		}
	}
}

func (s *storage) sweepOne(ctx context.Context, st store) error {
	now := time.Now()
	session, err := st.records.Session(ctx, st.trustedRoot, now)
	if err != nil {
		return err
	}
	swept, err := st.records.Sweep(ctx, session, now)
	for _, u := range swept.Unverified {
		s.log.Warn("a record in the bucket does not verify", "repository", st.name,
			"key", metadata.Printable(u.Key), "error", u.Err, "removed", u.Removed)
	}
	if swept.NewerRoot > 0 {
		s.log.Warn("the bucket has a newer root, so no record is removed; if this stays, see docs/proxy.md",
			"repository", st.name, "root", swept.NewerRoot)
	}
	return err
}

func (s *storage) close() error { return s.bucket.Close() }

// files are those of the bucket, as the gate has them.
type files struct{ *bucket.Files }

func (f files) Get(ctx context.Context, digest multirepo.Hash, length int64, fill gate.Fill) (*gate.File, error) {
	file, err := f.Files.Get(ctx, digest, length, bucket.Fill(fill))
	if err != nil {
		return nil, err
	}
	return &gate.File{ReadSeekCloser: file, Size: file.Size, ModTime: file.ModTime}, nil
}

func (f files) Follow(ctx context.Context, digest multirepo.Hash, length int64, fill gate.Fill) (io.ReadCloser, error) {
	stream, err := f.Files.Follow(ctx, digest, length, bucket.Fill(fill))
	if err != nil {
		return nil, err
	}
	return stream, nil
}
