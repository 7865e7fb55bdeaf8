package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ConfigError says what is wrong with a configuration file.
type ConfigError struct {
	File   string
	Line   int    // 0: it is about the file as a whole
	Key    string // such as routes./pypi/.protocol
	Reason string
}

func (e *ConfigError) Error() string {
	text := e.File
	if e.Line > 0 {
		text += ":" + strconv.Itoa(e.Line)
	}
	if e.Key != "" {
		text += ": " + e.Key
	}
	return text + ": " + e.Reason
}

// document is a YAML file that is read strictly. All that is wrong is noted.
type document struct {
	file string
	errs []error
}

// node is a value in a document, or the place of one that is missing.
type node struct {
	of   *document
	key  string
	line int
	node ast.Node // nil: it is missing
}

// parse returns the mapping that a file is.
func (d *document) parse(data []byte) node {
	top := node{of: d}
	file, err := parser.ParseBytes(data, 0)
	if syntax := yaml.Error(nil); errors.As(err, &syntax) {
		top.line = syntax.GetToken().Position.Line
		top.fail("%s", syntax.GetMessage())
		return top
	}
	switch {
	case err != nil:
		top.fail("%v", err)
	case len(file.Docs) != 1 || file.Docs[0].Body == nil:
		top.fail("there must be one document")
	default:
		top.node, top.line = file.Docs[0].Body, 1
	}
	return top
}

func (d *document) err() error { return errors.Join(d.errs...) }

// fail notes an error.
func (n node) fail(format string, values ...any) {
	n.of.errs = append(n.of.errs, &ConfigError{n.of.file, n.line, n.key, fmt.Sprintf(format, values...)})
}

func (n node) is() bool { return n.node != nil }

// entry is a key of a mapping, and its value.
type entry struct {
	name  string
	value node
}

// entries returns what is in a mapping, in the order of the file. The parser
// refuses keys that are there twice.
func (n node) entries() (list []entry) {
	var values []*ast.MappingValueNode
	switch m := n.node.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		n.fail("must be a mapping, is %s", kindOf(n.node))
		return nil
	}
	for _, v := range values {
		token := v.Key.GetToken()
		e := entry{token.Value, node{n.of, strings.TrimPrefix(n.key+"."+token.Value, "."), token.Position.Line, v.Value}}
		if v.Value.Type() == ast.NullType {
			e.value.fail("has no value")
			e.value.node = nil
		}
		list = append(list, e)
	}
	return list
}

// fields returns the values of a mapping that has only these keys. Those that
// are missing have the line of the mapping.
func (n node) fields(names ...string) map[string]node {
	fields := map[string]node{}
	for _, name := range names {
		fields[name] = node{of: n.of, key: strings.TrimPrefix(n.key+"."+name, "."), line: n.line}
	}
	for _, e := range n.entries() {
		if !slices.Contains(names, e.name) {
			e.value.fail("there is no such key (there are %s)", strings.Join(names, ", "))
			continue
		}
		fields[e.name] = e.value
	}
	return fields
}

func kindOf(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.SequenceType:
		return "a list"
	case ast.IntegerType, ast.FloatType:
		return "a number"
	case ast.BoolType:
		return "true or false"
	case ast.StringType, ast.LiteralType:
		return "a text"
	}
	return "a " + strings.ToLower(n.Type().String())
}

// text returns a text; empty if it is missing.
func (n node) text() string {
	switch s := n.node.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		return s.Value
	case *ast.LiteralNode:
		return s.Value.Value
	}
	n.fail("must be a text, is %s", kindOf(n.node))
	return ""
}

// needed is a text that must be there.
func (n node) needed() string {
	if !n.is() {
		n.fail("is missing")
		return ""
	}
	before := len(n.of.errs)
	text := n.text()
	if text == "" && len(n.of.errs) == before {
		n.fail("is empty")
	}
	return text
}

func (n node) texts() (list []string) {
	if !n.is() {
		return nil
	}
	seq, ok := n.node.(*ast.SequenceNode)
	if !ok {
		n.fail("must be a list, is %s", kindOf(n.node))
		return nil
	}
	for i, v := range seq.Values {
		one := node{n.of, fmt.Sprintf("%s[%d]", n.key, i), v.GetToken().Position.Line, v}
		list = append(list, one.needed())
	}
	return list
}

func (n node) bool() bool {
	b, ok := n.node.(*ast.BoolNode)
	if n.is() && !ok {
		n.fail("must be true or false, is %s", kindOf(n.node))
	}
	return ok && b.Value
}

// number is of something that there is at least one of; 0 if it is missing.
func (n node) number() int {
	if !n.is() {
		return 0
	}
	number, err := strconv.Atoi(n.node.GetToken().Value)
	if n.node.Type() != ast.IntegerType || err != nil || number < 1 {
		n.fail("must be a number of at least 1")
		return 0
	}
	return number
}

func (n node) duration(least time.Duration) time.Duration {
	if !n.is() {
		return 0
	}
	d, err := time.ParseDuration(n.node.GetToken().Value)
	switch {
	case err != nil:
		n.fail("must be a time, such as 5m or 30s")
	case d < least:
		n.fail("must be at least %s", least)
	}
	return d
}

var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// size is in bytes.
func (n node) size(least int64) int64 {
	if !n.is() {
		return 0
	}
	text, unit := n.node.GetToken().Value, int64(1)
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimSpace(number), u.bytes
			break
		}
	}
	number, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || number < 0 || number > (1<<62)/unit:
		n.fail("must be a size, such as 256MB or 10GiB")
	case number*unit < least:
		n.fail("must be at least %d bytes", least)
	}
	return number * unit
}

// oneOf is a text among some; the first one if it is missing.
func (n node) oneOf(names ...string) string {
	if !n.is() {
		return names[0]
	}
	before := len(n.of.errs)
	text := n.text()
	if !slices.Contains(names, text) && len(n.of.errs) == before {
		n.fail("must be one of %s, is %q", strings.Join(names, ", "), text)
	}
	return text
}
