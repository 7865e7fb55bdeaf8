package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// tree has the packages to change, and those whose tests may notice.
type tree struct {
	packages []*packages.Package
	testers  []tester
	files    []*source
}

// tester is a package with tests that reach the changed ones.
type tester struct {
	path, dir string
	reaches   map[string]bool // paths of changed packages
}

func load(ctx context.Context, patterns []string) (*tree, error) {
	c := &packages.Config{Context: ctx, Mode: packages.LoadSyntax | packages.NeedModule}
	list, err := packages.Load(c, patterns...)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(list, func(p *packages.Package) bool { return p.Module != nil }) {
		dir, _ := os.Getwd()
		return nil, fmt.Errorf("%w: run mutate in a checkout of the module that has %s; %s is in none",
			errNoModule, strings.Join(patterns, " "), dir)
	}
	t := &tree{packages: list}
	module := ""
	for _, p := range list {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		if p.Module == nil || module != "" && module != p.Module.Path {
			return nil, fmt.Errorf("%s: want packages of one module", p.PkgPath)
		}
		module = p.Module.Path
		for i, name := range p.CompiledGoFiles {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			t.files = append(t.files, &source{pkg: p, name: name, text: text, syntax: p.Syntax[i]})
		}
	}
	return t, t.findTesters(ctx, module)
}

// findTesters finds the packages of the module that depend on the changed ones,
// or are among them.
func (t *tree) findTesters(ctx context.Context, module string) error {
	c := &packages.Config{Context: ctx, Tests: true, Mode: packages.NeedName | packages.NeedFiles |
		packages.NeedImports | packages.NeedDeps | packages.NeedForTest | packages.NeedModule}
	list, err := packages.Load(c, module+"/...")
	if err != nil {
		return err
	}
	found := map[string]map[string]bool{}
	dirs := map[string]string{}
	for _, p := range list {
		if p.ForTest == "" || p.Module == nil || p.Module.Path != module {
			continue
		}
		dirs[p.ForTest] = filepath.Dir(p.GoFiles[0])
		packages.Visit([]*packages.Package{p}, nil, func(dep *packages.Package) {
			if slices.ContainsFunc(t.packages, func(q *packages.Package) bool { return q.PkgPath == dep.PkgPath }) {
				if found[p.ForTest] == nil {
					found[p.ForTest] = map[string]bool{}
				}
				found[p.ForTest][dep.PkgPath] = true
			}
		})
	}
	for path, reaches := range found {
		t.testers = append(t.testers, tester{path, dirs[path], reaches})
	}
	return nil
}
