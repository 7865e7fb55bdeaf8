package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

const library = "github.com/tufwalk/tufwalk"

// released are the modules that get tags, in this order: each requires only
// those before it. The programs of examples and internal/checks are run in a
// checkout, and get none.
var released = []mod{{}, {"client"}, {"internal/cli"}, {"services"}}

// mod is a module of this repository, by its folder; the library's is empty.
type mod struct{ folder string }

func (m mod) path() string { return path.Join(library, m.folder) }

// tag is what git must call the commit, so that the go command finds it.
func (m mod) tag(version string) string { return path.Join(m.folder, version) }

func (m mod) goMod(top string) string { return filepath.Join(top, m.folder, "go.mod") }

// prepare writes the go.mod of a release, and says whether it is another one.
func (m mod) prepare(top, version string) (changed bool, err error) {
	name := m.goMod(top)
	old, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	data, err := releasedGoMod(name, old, version)
	if err != nil || bytes.Equal(data, old) {
		return false, err
	}
	return true, os.WriteFile(name, data, 0o644)
}

// releasedGoMod requires the other modules in this version. It replaces
// nothing: the go command does not install a program of a module that does.
func releasedGoMod(name string, old []byte, version string) ([]byte, error) {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return nil, fmt.Errorf("%q is no version such as v0.1.0", version)
	}
	file, err := modfile.Parse(name, old, nil)
	if err != nil {
		return nil, err
	}
	for _, m := range released {
		for _, r := range file.Require {
			if r.Mod.Path == m.path() {
				if err := file.AddRequire(m.path(), version); err != nil {
					return nil, err
				}
			}
		}
		if err := file.DropReplace(m.path(), ""); err != nil {
			return nil, err
		}
	}
	file.Cleanup()
	return file.Format()
}
