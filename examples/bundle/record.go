package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

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
	Timestamp int64           `json:"timestamp"` // versions that it was judged by
	Snapshot  int64           `json:"snapshot"`
	Until     time.Time       `json:"until"` // good until then, or stale since then
	Status    string          `json:"status"`
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

// save replaces the record in one step: after a crash it is the old or the new
// one.
func (r *record) save(path string) (err error) {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".tufwalk-*.json")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // it has another name if all went well
	_, err = temp.Write(append(data, '\n'))
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = dir.Sync() // not all systems can
	return dir.Close()
}
