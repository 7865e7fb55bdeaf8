package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/tufwalk/tufwalk/verify"
)

// yardstick is the work that any client must do for the files it needs, done
// with Go's own packages: sha256 of each file that is listed with a hash, one
// json.Valid of each file, the fewest signatures that decide, with keys that
// are decoded already, and sha256 of the paths that tell bins apart. It is no
// lower bound: a client can be faster than json.Valid.
type yardstick struct {
	files []neededFile
	bytes int64
}

// neededFile is a file, and the plain work that it takes.
type neededFile struct {
	data     []byte
	payload  []byte // the signed bytes
	deciding []decision
	hashed   bool   // listed with a hash
	shows    string // a path that is hashed to see that the file is the bin's (R-5.6.8a)
}

// decision is a signature that has to be verified.
type decision struct {
	key       *signer
	signature []byte
}

// newYardsticks runs a client once to see which files are needed: for some
// paths from a cold start, and for more paths after that.
func newYardsticks(r *served, paths, more []string) (cold, then *yardstick, err error) {
	y := &yardstick{}
	cold, then = y, &yardstick{}
	y.add(r.needed["1.root.json"])
	w, err := r.newWalker(func(reqs []verify.Request) ([][]byte, error) {
		for _, req := range reqs {
			if file, ok := r.needed[req.Path]; ok {
				y.add(file)
			}
		}
		return r.fromMemory(reqs)
	}, options(false))
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.resolve(paths); err != nil {
		return nil, nil, err
	}
	y = then
	_, err = w.resolve(more)
	return cold, then, err
}

func (y *yardstick) add(file neededFile) {
	y.files = append(y.files, file)
	y.bytes += int64(len(file.data))
}

// check does the work.
func (y *yardstick) check() error {
	for _, file := range y.files {
		if file.hashed {
			sha256.Sum256(file.data)
		}
		if file.shows != "" {
			sha256.Sum256([]byte(file.shows))
		}
		for _, d := range file.deciding {
			if !d.key.verify(file.payload, d.signature) {
				return fmt.Errorf("%d bytes: not signed", len(file.data))
			}
		}
		if !json.Valid(file.data) {
			return fmt.Errorf("%d bytes: not JSON", len(file.data))
		}
	}
	return nil
}

// measure measures the work.
func (y *yardstick) measure() sample {
	return measure(func() (asked, error) { return asked{}, y.check() })
}
