// Package again begins an update again where that helps.
package again

import (
	"errors"

	"github.com/tufwalk/tufwalk/verify"
)

// maxAgain is how often an update begins again. Each time, another process has
// stored a newer state in the meantime, so a repository that publishes at a
// usual pace needs one.
const maxAgain = 3

// Again calls update, and calls it again, at most three times, if another
// process has stored something newer (verify.ErrSuperseded). Update must load
// what is stored and make a new session each time.
func Again(update func() error) (err error) {
	for range 1 + maxAgain {
		if err = update(); !errors.Is(err, verify.ErrSuperseded) {
			return err
		}
	}
	return err
}
