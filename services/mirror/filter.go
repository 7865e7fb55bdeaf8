package main

import (
	"slices"

	"github.com/tufwalk/tufwalk/delegation"
	"github.com/tufwalk/tufwalk/verify"
)

// filter says which targets are copied. The metadata always are, whole.
type filter struct {
	Include []string `placeholder:"PATTERN" sep:"none" help:"Copy only targets that match, such as 'simple/*/*'."`
	Exclude []string `placeholder:"PATTERN" sep:"none" help:"Do not copy targets that match."`
	MaxSize int64    `placeholder:"BYTES" help:"Do not copy targets that are larger."`
}

func (f *filter) takes(t *verify.Target) bool {
	matches := func(pattern string) bool { return delegation.Match(pattern, t.Path) }
	return (len(f.Include) == 0 || slices.ContainsFunc(f.Include, matches)) &&
		!slices.ContainsFunc(f.Exclude, matches) && (f.MaxSize == 0 || t.Length <= f.MaxSize)
}

func (f filter) same(o filter) bool {
	return slices.Equal(f.Include, o.Include) && slices.Equal(f.Exclude, o.Exclude) && f.MaxSize == o.MaxSize
}
