package protocol

import (
	"path"
	"strings"

	"golang.org/x/mod/module"
)

// Go is the module proxy protocol of the go command.
//
// The repository has the protocol's files at their own escaped paths:
// example.com/!mod/@v/list, v1.0.0.info, v1.0.0.mod, v1.0.0.zip, @latest.
type Go struct{}

// Plan implements Protocol.
func (Go) Plan(r Request) (Plan, error) {
	target, err := unescape(r.Path)
	if err != nil {
		return Plan{}, err
	}
	if strings.HasPrefix(target, "sumdb/") {
		// With 404, go would go on to the public database.
		return Plan{Refuse: "the checksum database is not offered here: set GONOSUMDB for these modules"}, nil
	}
	mod, file, found := strings.Cut(target, "/@v/")
	if !found {
		mod, found = strings.CutSuffix(target, "/@latest")
		file = "@latest"
	}
	if _, err := module.UnescapePath(mod); err != nil || !found {
		return Plan{}, &RequestError{"this is no path of the module proxy protocol"}
	}
	plan := Plan{Targets: []string{target}, Index: indexesAbove(mod)}
	switch extension := path.Ext(file); {
	case file == "list":
		plan.ContentType = "text/plain; charset=utf-8"
		return plan, nil
	case file == "@latest":
		plan.ContentType = "application/json"
		return plan, nil
	case extension == ".info":
		plan.ContentType = "application/json"
	case extension == ".mod":
		plan.ContentType = "text/plain; charset=utf-8"
	case extension == ".zip":
		plan.ContentType, plan.Streams = "application/zip", true
	default:
		return Plan{}, &RequestError{"this is no file of the module proxy protocol"}
	}
	version := strings.TrimSuffix(file, path.Ext(file))
	if _, err := module.UnescapeVersion(version); err != nil {
		return Plan{}, &RequestError{"this is no version of a module"}
	}
	plan.Fixed = module.CanonicalVersion(version) == version
	return plan, nil
}

// maxAbove is how many paths of modules are looked at, the shortest first.
const maxAbove = 32

// indexesAbove returns the indexes of a module and of those with a shorter
// path: a package of theirs may be in it, and go takes the longest path.
func indexesAbove(mod string) (indexes []string) {
	for i := 0; i <= len(mod) && len(indexes) < 2*maxAbove; i++ {
		if i == len(mod) || mod[i] == '/' {
			indexes = append(indexes, mod[:i]+"/@v/list", mod[:i]+"/@latest")
		}
	}
	return indexes
}

// Refusal implements Protocol. go shows the status phrase and plain text of at
// most 8 lines.
func (Go) Refusal(_ int, reason string) Reply {
	return Reply{ContentType: "text/plain; charset=utf-8", Body: []byte(oneLine(reason) + "\n")}
}
