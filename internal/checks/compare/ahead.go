package main

import (
	"fmt"

	"github.com/tufwalk/tufwalk/verify"
)

// options are those of the sessions here: to ask in the strict order of the
// specification, or for up to 64 files before they are needed.
func options(ahead bool) verify.Options {
	o := verify.Options{Limits: largest}
	if ahead {
		o.Lookahead = 64
	}
	return o
}

// rejections returns an error if something that was asked for ahead proved bad.
// Another mirror would be asked next, but here there is only one, an honest
// one.
func rejections(b verify.Batch) error {
	for _, r := range b.Rejected {
		return fmt.Errorf("%s: %w", r.Request.Path, r.Err)
	}
	return nil
}
