package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// save writes the vectors to a folder, which must be new or empty: a vector is
// cases/NAME.json, and the files that they name are files/SHA256.
func (b *book) save(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	for _, sub := range []string{"cases", "files"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for sum, data := range b.files {
		if err := os.WriteFile(filepath.Join(dir, "files", sum), data, 0o644); err != nil {
			return err
		}
	}
	for _, v := range b.vectors {
		data, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "cases", v.Name+".json"), append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "README.md"), []byte(readme), 0o644),
		os.WriteFile(filepath.Join(dir, "index.txt"), []byte(b.index()), 0o644),
	)
}

// load reads vectors from a folder, in the order of their names.
func load(dir string) (*book, error) {
	b := &book{files: map[string][]byte{}}
	cases, err := filepath.Glob(filepath.Join(dir, "cases", "*.json"))
	if err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s has no cases", dir)
	}
	for _, name := range cases {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		v := new(vector)
		if err := json.Unmarshal(data, v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b.vectors = append(b.vectors, v)
	}
	files, err := os.ReadDir(filepath.Join(dir, "files"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, "files", file.Name()))
		if err != nil {
			return nil, err
		}
		if digest(data) != file.Name() {
			return nil, fmt.Errorf("files/%s has another sha256", file.Name())
		}
		b.files[file.Name()] = data
	}
	return b, nil
}

// index has a line for each vector, in order.
func (b *book) index() string {
	var text strings.Builder
	for _, v := range b.sorted() {
		fmt.Fprintf(&text, "%s | %s | %s | %s\n", v.Name, strings.Join(v.Requirements, " "), v.expected(), v.Why)
	}
	return text.String()
}

func (b *book) sorted() []*vector {
	return slices.SortedFunc(slices.Values(b.vectors), func(x, y *vector) int { return strings.Compare(x.Name, y.Name) })
}

// expected says in words how the steps end.
func (v *vector) expected() string {
	var words []string
	for _, s := range v.Steps {
		word := "refused"
		if s.Expect[0].Success {
			word = "accepted"
		}
		for _, o := range s.Expect[1:] {
			if o.Success != s.Expect[0].Success {
				word = "either"
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
