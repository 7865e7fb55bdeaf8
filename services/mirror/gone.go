package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// gone are the files that the published state does not list any more, and since
// when. Clients that began with an earlier state may still ask for them, so
// they stay for a grace period.
type gone struct {
	file  string
	now   time.Time
	grace time.Duration
	still map[string]time.Time
	Since map[string]time.Time `json:"gone"`
}

// gone reads the list of the last sync.
func (w *work) gone(now time.Time, grace time.Duration) (*gone, error) {
	g := &gone{
		file: filepath.Join(w.dir, "gone.json"), now: now, grace: grace,
		still: map[string]time.Time{}, Since: map[string]time.Time{},
	}
	data, err := os.ReadFile(g.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return g, nil
	case err == nil:
		err = json.Unmarshal(data, g)
	}
	return g, err
}

// stays notes that a file is not listed, and says whether it stays for now.
func (g *gone) stays(name string) bool {
	since, known := g.Since[name]
	if !known || since.After(g.now) {
		since = g.now
	}
	if g.now.Sub(since) >= g.grace {
		return false
	}
	g.still[name] = since
	return true
}

// save keeps the list for the next sync.
func (g *gone) save() error {
	g.Since = g.still
	data, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(g.file, data)
}
