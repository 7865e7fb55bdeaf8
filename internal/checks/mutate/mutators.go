package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// finder goes through a file and records what can be changed.
type finder struct {
	*source
	function string
	results  []*ast.FuncType // of the functions around, innermost last
	stack    []ast.Node
}

func (f *finder) walk(n ast.Node) bool {
	if n == nil {
		top := f.stack[len(f.stack)-1]
		f.stack = f.stack[:len(f.stack)-1]
		switch top.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			f.results = f.results[:len(f.results)-1]
		}
		return true
	}
	var parent ast.Node
	if len(f.stack) > 0 {
		parent = f.stack[len(f.stack)-1]
	}
	switch n := n.(type) {
	case *ast.FuncDecl:
		f.function, f.results = n.Name.Name, append(f.results, n.Type)
	case *ast.FuncLit:
		f.results = append(f.results, n.Type)
	case *ast.GenDecl:
		if n.Tok != token.VAR || len(f.results) == 0 {
			return false // constants stay constants
		}
	case *ast.ArrayType:
		return false
	case *ast.IfStmt:
		f.condition(n.Cond)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			f.cases(n)
		}
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
		f.texts(n.List)
	case *ast.CompositeLit:
		f.texts(n.Elts)
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.flip(n, f.of(n.X))
		}
	case *ast.BasicLit:
		f.number(n, parent)
	case *ast.Ident:
		if f.isUniverse(n) && (n.Name == "true" || n.Name == "false") {
			f.flip(n, strconv.FormatBool(n.Name != "true"))
		}
	case *ast.ReturnStmt:
		f.noError(n)
	}
	f.stack = append(f.stack, n)
	return true
}

func (f *finder) isUniverse(n *ast.Ident) bool {
	o := f.pkg.TypesInfo.Uses[n]
	return o != nil && o.Parent() == types.Universe
}

// condition makes a condition always true, or never.
func (f *finder) condition(c ast.Expr) {
	yes, no := f.mutant(c, "true"), f.mutant(c, "false")
	f.wrap(c, "(mutantIs(%d) || !mutantIs(%d) && (%s))", yes, no)
}

func (f *finder) cases(s *ast.SwitchStmt) {
	for _, clause := range s.Body.List {
		for _, c := range clause.(*ast.CaseClause).List {
			f.condition(c)
		}
	}
}

func (f *finder) binary(b *ast.BinaryExpr) {
	switch b.Op {
	case token.LAND, token.LOR:
		f.operand(b, b.X, b.Y)
		f.operand(b, b.Y, b.X)
	case token.EQL:
		f.flip(b, f.of(b.X)+" != "+f.of(b.Y))
	case token.NEQ:
		f.flip(b, f.of(b.X)+" == "+f.of(b.Y))
	case token.LSS:
		f.compare(b, "<=")
	case token.LEQ:
		f.compare(b, "<")
	case token.GTR:
		f.compare(b, ">=")
	case token.GEQ:
		f.compare(b, ">")
	}
}

// operand drops one operand of && or ||, and leaves the rest.
func (f *finder) operand(b *ast.BinaryExpr, dropped, rest ast.Expr) {
	id := f.mutant(b, f.of(rest))
	if b.Op == token.LAND {
		f.wrap(dropped, "(mutantIs(%d) || (%s))", id)
	} else {
		f.wrap(dropped, "(!mutantIs(%d) && (%s))", id)
	}
}

// flip changes a value to its opposite.
func (f *finder) flip(e ast.Expr, changed string) {
	f.wrap(e, "(mutantIs(%d) != (%s))", f.mutant(e, changed))
}

// compare changes the operator of a comparison.
func (f *finder) compare(b *ast.BinaryExpr, op string) {
	if f.constant(b) {
		return
	}
	id := f.mutant(b, f.of(b.X)+" "+op+" "+f.of(b.Y))
	f.edit(b, func(text func(from, to token.Pos) string) string {
		x, y := text(b.X.Pos(), b.X.End()), text(b.Y.Pos(), b.Y.End())
		return fmt.Sprintf("(!mutantIs(%d) && (%s) %s (%s) || mutantIs(%d) && (%s) %s (%s))",
			id, x, b.Op, y, id, x, op, y)
	})
}

func (f *finder) constant(n ast.Node) bool {
	e, ok := n.(ast.Expr)
	return ok && f.pkg.TypesInfo.Types[e].Value != nil
}

// number changes 0 to 1, and 1 to 0.
func (f *finder) number(n *ast.BasicLit, parent ast.Node) {
	if n.Kind != token.INT || n.Value != "0" && n.Value != "1" || f.constant(parent) {
		return
	}
	if _, keyed := parent.(*ast.KeyValueExpr); keyed && f.key(n, parent) {
		return
	}
	if b, ok := parent.(*ast.BinaryExpr); ok && (b.Op == token.SHL || b.Op == token.SHR) {
		return
	}
	t, ok := f.pkg.TypesInfo.Types[n].Type.(*types.Basic)
	if !ok || t.Info()&types.IsUntyped != 0 {
		return
	}
	other := map[string]string{"0": "1", "1": "0"}[n.Value]
	f.wrap(n, "mutantOr[%[2]s](%[1]d, %[4]s, %[3]s)", f.mutant(n, other), t.Name(), other)
}

func (f *finder) key(n ast.Node, parent ast.Node) bool { return parent.(*ast.KeyValueExpr).Key == n }

// texts changes the strings of a case or a list.
func (f *finder) texts(list []ast.Expr) {
	for _, e := range list {
		if s, ok := e.(*ast.BasicLit); ok && s.Kind == token.STRING {
			f.wrap(s, "mutantText(%d, %s)", f.mutant(s, `"another"`))
		}
	}
}

// noError returns nil in place of an error.
func (f *finder) noError(r *ast.ReturnStmt) {
	fields := f.results[len(f.results)-1].Results
	if len(r.Results) == 0 || fields.NumFields() != len(r.Results) {
		return
	}
	last := r.Results[len(r.Results)-1]
	t, ok := fields.List[len(fields.List)-1].Type.(*ast.Ident)
	if id, isName := last.(*ast.Ident); !ok || t.Name != "error" || isName && id.Name == "nil" {
		return
	}
	text := f.between(r.Pos(), last.Pos()) + "nil"
	f.wrap(last, "mutantNoError(%d, %s)", f.mutant(r, text))
}

// statements leaves out statements, if the code still compiles without them.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if call, ok := s.X.(*ast.CallExpr); !ok || f.of(call.Fun) == "panic" {
				continue
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.BranchStmt:
			if s.Tok != token.BREAK && s.Tok != token.CONTINUE {
				continue
			}
		case *ast.IncDecStmt, *ast.DeferStmt:
		default:
			continue
		}
		f.wrap(s, "if !mutantIs(%d) { %s }", f.mutant(s, ""))
	}
}
