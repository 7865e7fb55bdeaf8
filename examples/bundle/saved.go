package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// update is a session whose files are saved at its end, all together: a saved
// state that is half old and half new could not judge anything.
type update struct {
	*verify.Session
	state   *client.Folder    // where it saves what it trusts; nil: nowhere
	files   map[string][]byte // what it has accepted from its sources, by path
	records []verify.Record   // to be saved
	step    func(string)
}

// newUpdate returns the update of a session that begins with these flags.
func (t *trust) newUpdate(s *verify.Session) *update {
	return &update{Session: s, state: t.state, files: map[string][]byte{}, step: t.step}
}

// unsaved returns an update that saves nothing.
func unsaved(s *verify.Session) *update { return new(trust).newUpdate(s) }

// Save puts records aside for the end. Whether they are saved is save's to say.
func (u *update) Save(_ context.Context, _ verify.Store, records []verify.Record) error {
	u.records = append(u.records, records...)
	return nil
}

// Provide is the session's, and remembers what was accepted.
func (u *update) Provide(id verify.RequestID, data []byte) error {
	var path string
	for _, req := range u.Outstanding() {
		if req.ID == id {
			path = req.Path
		}
	}
	err := u.Session.Provide(id, data)
	if err == nil {
		u.files[path] = data
	}
	return err
}

// drive runs the update, and saves what it trusts. The state must be locked.
// Its error is a save's, or the update's.
func (u *update) drive(ctx context.Context, config client.DriveConfig) error {
	err := client.Drive(ctx, u, config)
	if ctx.Err() != nil {
		return err
	}
	if failed := u.save(ctx, err == nil); failed != nil {
		return failed
	}
	return err
}

// save saves what the update trusts. Of one that did not succeed, that is its
// roots only, since keys may have been replaced: a newer timestamp without its
// snapshot would leave a state that can judge nothing.
func (u *update) save(ctx context.Context, whole bool) error {
	if u.state == nil {
		return nil
	}
	store := lockedFolder{u.state, u.step}
	if !whole {
		roots := slices.DeleteFunc(u.records, func(r verify.Record) bool { return r.Role != metadata.RoleRoot })
		return u.Session.Save(ctx, store, roots)
	}
	pending := filepath.Join(u.state.Path(), pendingName)
	if len(u.records) > 1 {
		u.step("pending")
		if err := replace(pending, u.writeFiles, u.step); err != nil {
			return fmt.Errorf("%w: %w", verify.ErrSave, err)
		}
	}
	if err := u.Session.Save(ctx, store, u.records); err != nil {
		return err
	}
	u.step("end")
	if err := os.Remove(pending); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", verify.ErrSave, err)
	}
	return nil
}

// pendingName is a bundle in the folder of the saved state: what is just being
// saved. After a crash it has what the folder may lack.
const pendingName = "pending.zip"

func (u *update) writeFiles(w io.Writer) error {
	var entries []entry
	for path, data := range u.files {
		entries = append(entries, entryOf(metadataDir+path, data))
	}
	return writeArchive(w, entries)
}

// lockState locks the saved state, if there is one. One that cannot be written
// to needs no lock.
func lockState(ctx context.Context, state *client.Folder) (unlock func(), err error) {
	if state == nil {
		return func() {}, nil
	}
	unlock, err = state.Lock(ctx)
	if errors.Is(err, client.ErrReadOnly) {
		return func() {}, nil
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", verify.ErrSave, err)
	}
	return unlock, err
}

// lockedFolder is a folder whose lock is held.
type lockedFolder struct {
	folder *client.Folder
	step   func(string)
}

func (f lockedFolder) Load(ctx context.Context, name string) ([]byte, error) {
	return f.folder.Load(ctx, name)
}

func (f lockedFolder) Save(ctx context.Context, r verify.Record) error {
	f.step("save " + r.StoreName)
	return f.folder.Save(ctx, r)
}

// savedSources are the sources of an update from the saved state alone. The
// state must be locked.
func savedSources(state *client.Folder) (sources []client.Source) {
	pending := filepath.Join(state.Path(), pendingName)
	if info, err := os.Stat(pending); err == nil && info.Size() <= client.MaxFolderFile {
		// It is read whole: Windows removes no file that is open.
		data, _ := os.ReadFile(pending)
		if a, err := newArchive(bytes.NewReader(data), int64(len(data)), io.NopCloser(nil)); err == nil {
			sources = append(sources, pendingSource{a})
		}
	}
	return append(sources, stateSource{verify.StoreSource(state)})
}

// savedState is the name of the saved state in messages.
const savedState = "your saved state"

// stateSource is the saved state as a source.
type stateSource struct{ fetch verify.Source }

func (s stateSource) Name() string { return savedState }

func (s stateSource) Fetch(ctx context.Context, q verify.Request) ([]byte, error) {
	return s.fetch(ctx, q)
}

// pendingSource is what was being saved when a program ended.
type pendingSource struct{ *archive }

func (pendingSource) Name() string { return savedState }

func (s pendingSource) Fetch(ctx context.Context, q verify.Request) ([]byte, error) {
	// A saved copy must not confirm itself.
	if q.StoreName == "" && q.Role != metadata.RoleTimestamp {
		return nil, verify.ErrNotAtSource
	}
	return s.archive.Fetch(ctx, q)
}
