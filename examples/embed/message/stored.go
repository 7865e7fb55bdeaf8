package message

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/tufwalk/tufwalk/verify"
)

// Nothing here waits, so nothing has to be interrupted.
var background = context.Background()

// files are what a host has in its store, by name: each name once or, from a
// store that cannot replace a file, more often.
type files map[string]*loaded

type loaded struct {
	all [][]byte
	err error // it could not be read
}

// storedNames are those of the files that protect from going back.
var storedNames = []string{"root.json", "timestamp.json", "snapshot.json"}

// stored cuts a body into the stored files.
func (m *call) stored(body []byte) (files, error) {
	f := make(files)
	for _, s := range m.Stored {
		if !slices.Contains(storedNames, s.Name) { // left out, it would protect from nothing
			return nil, mistakef("stored file %q: the names are root.json, timestamp.json and snapshot.json", s.Name)
		}
		if s.Length < 0 || s.Length > int64(len(body)) {
			return nil, mistake{text: "body is shorter than the stored files", expected: s.Length, found: int64(len(body))}
		}
		if f[s.Name] == nil {
			f[s.Name] = new(loaded)
		}
		if s.Error != "" {
			f[s.Name].err = errors.New(s.Error)
			continue
		}
		f[s.Name].all = append(f[s.Name].all, body[:s.Length])
		body = body[s.Length:]
	}
	if len(body) > 0 {
		return nil, mistake{text: "body is longer than its parts", expected: 0, found: int64(len(body))}
	}
	return f, nil
}

func (f files) load() verify.Stored { return verify.LoadStored(background, candidates{f}) }

// candidates are the files for LoadStored.
type candidates struct{ files }

func (c candidates) LoadAll(_ context.Context, name string) ([][]byte, error) {
	if file := c.files[name]; file != nil {
		return file.all, file.err
	}
	return nil, nil
}

func (c candidates) Load(context.Context, string) ([]byte, error) { return nil, fs.ErrNotExist }
func (c candidates) Save(context.Context, verify.Record) error    { return errors.ErrUnsupported }

// compared is the host's store for Session.Save: what is stored now, and which
// records are to be written.
type compared struct {
	files   files
	records []verify.Record
	write   *[]int
}

func (c compared) Load(_ context.Context, name string) ([]byte, error) {
	file := c.files[name]
	switch {
	case file == nil || file.err == nil && len(file.all) == 0:
		return nil, fs.ErrNotExist
	case file.err != nil:
		return nil, file.err
	}
	return file.all[len(file.all)-1], nil
}

func (c compared) Save(_ context.Context, rec verify.Record) error {
	c.files[rec.StoreName] = &loaded{all: [][]byte{rec.Data}}
	for i, r := range c.records {
		if r.StoreName == rec.StoreName && r.Version == rec.Version && r.Role == rec.Role {
			*c.write = append(*c.write, i)
			break
		}
	}
	return nil
}
