package main

import "github.com/tufwalk/tufwalk/verify"

// lookahead says whether the sessions here can ask ahead.
const lookahead = false

// options are those of the sessions here: as the specification orders the requests, or with up to 64 that are asked for ahead of their turn.
func options(ahead bool) *verify.Options {
	o := &verify.Options{Limits: largest}
	return o
}

func rejections(verify.Batch) error { return nil }
