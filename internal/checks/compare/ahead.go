package main

import (
	"fmt"

	"github.com/tufwalk/tufwalk/verify"
)

// options are those of all sessions here. Ahead means that up to 64 files are
// asked for before they are needed; otherwise the order is the specification's.
func options(ahead bool) verify.Options {
	o := verify.Options{Limits: largest}
	if ahead {
		o.Lookahead = 64
	}
	return o
}

// rejections returns an error if a file that was asked for ahead was rejected.
// There is no other mirror to ask, and this one is honest.
func rejections(b verify.Batch) error {
	for _, r := range b.Rejected {
		return fmt.Errorf("%s: %w", r.Request.Path, r.Err)
	}
	return nil
}
