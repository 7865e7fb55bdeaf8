package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// yardstick is the work that any client must do for the files it needs, done
// with Go's own packages. It is no lower bound: a client can be faster than
// json.Valid.
type yardstick struct {
	files []neededFile
	bytes int64
}

type neededFile struct {
	data       []byte
	payload    []byte // the signed bytes
	signature  []byte
	signatures int
	hashed     bool // listed with a hash
}

// yardstickKey signs all payloads again. The scheme is the same as that of the
// repository's keys, and so is the work to verify a signature.
var yardstickKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// newYardstick runs a client once to see which files are needed.
func newYardstick(r *served, paths []string) (*yardstick, error) {
	y := &yardstick{}
	if err := y.add(r, r.trustedRoot, true); err != nil {
		return nil, err
	}
	w, err := r.newWalker(func(reqs []verify.Request) ([][]byte, error) {
		bodies, err := r.fromMemory(reqs)
		for _, data := range bodies {
			if err == nil && data != nil {
				err = y.add(r, data, false)
			}
		}
		return bodies, err
	}, options(false))
	if err != nil {
		return nil, err
	}
	_, err = w.resolve(paths)
	return y, err
}

func (y *yardstick) add(r *served, data []byte, initial bool) error {
	file, err := verifytest.Decode(data)
	if err != nil {
		return err
	}
	envelope, ok := file.(map[string]any)
	if !ok {
		return errors.New("not a metadata file")
	}
	signed, ok := envelope["signed"].(map[string]any)
	if !ok {
		return errors.New("not a metadata file")
	}
	payload, err := verifytest.Canonical(signed)
	if err != nil {
		return err
	}
	needs := neededFile{data: data, payload: payload, signature: ed25519.Sign(yardstickKey, payload), signatures: 1}
	switch signed["_type"] {
	case "root":
		if !initial {
			needs.signatures = 2 // by the key of the root before it, and by its own
		}
	case "snapshot", "targets":
		needs.hashed = r.hashes
	}
	y.files = append(y.files, needs)
	y.bytes += int64(len(data))
	return nil
}

// check does the work.
func (y *yardstick) check() error {
	public := yardstickKey.Public().(ed25519.PublicKey)
	for _, file := range y.files {
		if file.hashed {
			sha256.Sum256(file.data)
		}
		for range file.signatures {
			if !ed25519.Verify(public, file.payload, file.signature) {
				return fmt.Errorf("%d bytes: not signed", len(file.data))
			}
		}
		if !json.Valid(file.data) {
			return fmt.Errorf("%d bytes: not JSON", len(file.data))
		}
	}
	return nil
}
