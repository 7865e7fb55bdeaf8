package cachedir

import (
	"context"
	"os"

	"github.com/tufwalk/tufwalk/examples/internal/durable"
	"github.com/tufwalk/tufwalk/verify"
)

// Shared returns the directory as the store of a session, safe to be used by
// other processes at the same time. A crash between two saves does no harm: the
// session orders them so that each file is a floor or a help for the next run.
func (d *Dir) Shared(ctx context.Context, s Keeper) verify.Store {
	return &shared{Dir: d, session: s, ctx: ctx}
}

// Keeper says which records may be written where several processes share a
// directory, as *verify.Session does.
type Keeper interface {
	Keep(rec verify.Record, stored verify.Stored) bool
}

type shared struct {
	*Dir
	session Keeper
	ctx     context.Context
	swept   bool
}

// Save writes a record, unless another process has saved a newer one in the
// meantime: that must not be rolled back.
func (s *shared) Save(_ context.Context, rec verify.Record) error {
	unlock, err := s.Lock(s.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	s.sweep()
	if !s.session.Keep(rec, verify.LoadStored(context.Background(), s)) {
		return nil
	}
	return s.Dir.Save(rec)
}

// sweep removes, once, the temporary files of killed processes. The caller
// holds the lock, so no other process is writing.
func (s *shared) sweep() {
	if s.swept {
		return
	}
	s.swept = true
	if root, err := os.OpenRoot(s.path); err == nil {
		durable.Sweep(root, ".")
		root.Close()
	}
}
