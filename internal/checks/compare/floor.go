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

// floor is a yardstick: the work that the files needed cannot do without, as
// Go's own packages do it. A client can be faster than its json.Valid.
type floor struct {
	files []floorFile
	bytes int64
}

type floorFile struct {
	data       []byte
	payload    []byte // what is signed
	signature  []byte
	signatures int
	hashed     bool // listed with a hash
}

// floorKey signs anew what is signed: as the scheme is the same, so is the
// work.
var floorKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// newFloor runs a client once to see which files are needed.
func newFloor(r *served, paths []string) (*floor, error) {
	f := &floor{}
	if err := f.add(r, r.anchor, true); err != nil {
		return nil, err
	}
	w, err := r.newWalker(func(reqs []verify.Request) ([][]byte, error) {
		bodies, err := r.fromMemory(reqs)
		for _, data := range bodies {
			if err == nil && data != nil {
				err = f.add(r, data, false)
			}
		}
		return bodies, err
	}, options(false))
	if err != nil {
		return nil, err
	}
	_, err = w.resolve(paths)
	return f, err
}

func (f *floor) add(r *served, data []byte, anchor bool) error {
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
	needs := floorFile{data: data, payload: payload, signature: ed25519.Sign(floorKey, payload), signatures: 1}
	switch signed["_type"] {
	case "root":
		if !anchor {
			needs.signatures = 2 // by the old root's key and by its own
		}
	case "snapshot", "targets":
		needs.hashed = r.hashes
	}
	f.files = append(f.files, needs)
	f.bytes += int64(len(data))
	return nil
}

// check does the work.
func (f *floor) check() error {
	public := floorKey.Public().(ed25519.PublicKey)
	for _, file := range f.files {
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
