package main

import (
	"errors"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// again calls update, and calls it again, at most client.MaxAgain times, if
// another process has stored something newer (verify.ErrSuperseded). Update
// must load what is stored and make a new session each time.
func again(update func() error) (err error) {
	for range 1 + client.MaxAgain {
		if err = update(); !errors.Is(err, verify.ErrSuperseded) {
			return err
		}
	}
	return err
}
