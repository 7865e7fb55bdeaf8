package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/constant"
	"go/types"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// file has the exported names, below the top folder.
const file = "docs/api.txt"

const head = `# What the packages export. Made by: go run ./internal/checks/api
# A name that goes or changes breaks somebody's program: say so in CHANGELOG.md.
`

// patterns are the packages for users.
var patterns = []string{"./metadata", "./roles", "./delegation", "./verify", "./verify/multirepo",
	"./verify/verifytest", "./client", "./client/clienttest"}

// topFolder is the folder of go.work.
func topFolder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOWORK").Output()
	if err != nil {
		return "", err
	}
	work := strings.TrimSpace(string(out))
	if work == "" || work == "off" {
		return "", errors.New("there is no go.work: run this in a checkout of the repository")
	}
	return filepath.Dir(work), nil
}

// surface lists all that is exported, one line each, sorted by package and
// name.
func surface(ctx context.Context, top string) (string, error) {
	config := &packages.Config{
		Context: ctx, Dir: top,
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax,
	}
	list, err := packages.Load(config, patterns...)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	b.WriteString(head)
	slices.SortFunc(list, func(a, c *packages.Package) int { return cmp.Compare(a.PkgPath, c.PkgPath) })
	for _, p := range list {
		if len(p.Errors) > 0 {
			return "", p.Errors[0]
		}
		fmt.Fprintf(&b, "\npackage %s\n", p.PkgPath)
		for _, line := range exported(p.Types) {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String(), nil
}

func exported(p *types.Package) (lines []string) {
	name := func(other *types.Package) string {
		if other == p {
			return ""
		}
		return other.Name()
	}
	for _, id := range p.Scope().Names() {
		switch o := p.Scope().Lookup(id).(type) {
		case *types.TypeName:
			if o.Exported() {
				lines = append(lines, typeLines(o, name)...)
			}
		case *types.Const:
			if o.Exported() {
				lines = append(lines, fmt.Sprintf("%s = %s", types.ObjectString(o, name), value(o.Val())))
			}
		default:
			if o.Exported() {
				lines = append(lines, types.ObjectString(o, name))
			}
		}
	}
	return lines
}

// value is a constant's, in full.
func value(v constant.Value) string { return v.ExactString() }

// typeLines are those of a type, of its exported fields and of its methods.
func typeLines(o *types.TypeName, name types.Qualifier) []string {
	if o.IsAlias() {
		return []string{types.ObjectString(o, name)}
	}
	lines := []string{"type " + types.TypeString(o.Type(), name) + " " + kind(o.Type().Underlying(), name)}
	prefix := "  " + o.Name() + "."
	switch u := o.Type().Underlying().(type) {
	case *types.Struct:
		for f := range u.Fields() {
			if f.Exported() {
				lines = append(lines, prefix+f.Name()+" "+types.TypeString(f.Type(), name))
			}
		}
	case *types.Interface:
		for m := range u.Methods() {
			lines = append(lines, method(prefix, m, name))
		}
	}
	named, ok := o.Type().(*types.Named)
	if !ok {
		return lines
	}
	set := types.NewMethodSet(types.NewPointer(named))
	for i := range set.Len() {
		m, ok := set.At(i).Obj().(*types.Func)
		if ok && m.Exported() && !types.IsInterface(o.Type()) {
			lines = append(lines, method(receiver(prefix, m), m, name))
		}
	}
	return lines
}

// receiver marks the methods that only a pointer has.
func receiver(prefix string, m *types.Func) string {
	r := m.Signature().Recv()
	if r == nil {
		return prefix
	}
	if _, pointer := r.Type().(*types.Pointer); pointer {
		return strings.Replace(prefix, "  ", "  *", 1)
	}
	return prefix
}

func method(prefix string, m *types.Func, name types.Qualifier) string {
	if !m.Exported() {
		return prefix + m.Name() + " (not exported)"
	}
	return prefix + m.Name() + strings.TrimPrefix(types.TypeString(m.Type(), name), "func")
}

func kind(u types.Type, name types.Qualifier) string {
	switch u.(type) {
	case *types.Struct:
		return "struct"
	case *types.Interface:
		return "interface"
	}
	return types.TypeString(u, name)
}
