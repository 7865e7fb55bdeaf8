package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// record is the file that says what was accepted on this device. Anyone who can
// write to it can change what confirm looks at, but not what is good.
type record struct {
	Layout int             `json:"layout"`
	Seen   time.Time       `json:"seen"` // the latest time at which files were checked
	Files  map[string]item `json:"files"`
}

// item is a file that was accepted.
type item struct {
	Target    *verifiedTarget `json:"target"`
	Version   int64           `json:"version"`   // of the role that lists it
	Timestamp int64           `json:"timestamp"` // versions that it was judged by
	Snapshot  int64           `json:"snapshot"`
	Until     time.Time       `json:"until"` // good until then, or stale since then
	Status    string          `json:"status"`
}

// listing names the role that lists the file, and its version.
func (i item) listing() string {
	return fmt.Sprintf("%s %d", metadata.Printable(i.Target.Role), i.Version)
}

// Status of an item.
const (
	isGood, isStale, isConfirmed, isWithdrawn = "good", "stale", "confirmed", "withdrawn"
)

// verifiedTarget reads a target back from the record, which is as
// trustworthy as the disk of the device.
type verifiedTarget struct{ verify.Target }

func (t *verifiedTarget) UnmarshalJSON(data []byte) error {
	saved, err := verify.TrustSavedTarget(data, roles.Policy{})
	if err == nil {
		t.Target = *saved
	}
	return err
}

// openRecord locks a record and loads it: what another program adds in the
// meantime would be lost.
func openRecord(ctx context.Context, path string, stderr io.Writer) (r *record, unlock func(), err error) {
	unlock = func() {}
	if path != "" {
		if unlock, err = lockFile(ctx, path, stderr); err != nil {
			return nil, nil, err
		}
	}
	if r, err = loadRecord(path); err != nil {
		unlock()
		return nil, nil, err
	}
	return r, unlock, nil
}

func loadRecord(path string) (*record, error) {
	r := &record{Layout: 1, Files: map[string]item{}}
	data, err := os.ReadFile(path)
	if path == "" || errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	if err == nil && (r.Layout != 1 || r.Files == nil) {
		err = fmt.Errorf("layout %d is not known", r.Layout)
	}
	for name, i := range r.Files {
		if err == nil && (i.Target == nil || i.Target.Path != name) {
			err = fmt.Errorf("it has no target for %q", name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", path, err)
	}
	return r, nil
}

// see refuses a time before one that was seen, and remembers it otherwise.
func (r *record) see(at time.Time) error {
	if at.Before(r.Seen) {
		return &ClockError{at, r.Seen}
	}
	r.Seen = at.UTC()
	return nil
}

// save replaces the record in one step.
func (r *record) save(path string, step func(string)) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	step("record")
	return replace(path, func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err }, step)
}
