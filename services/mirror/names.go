package main

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// targetNames returns the names under which clients ask for a target, the
// likeliest first. A digest is a part of a name, and nobody but a role says
// what it is: so only those count that the file is compared with.
func targetNames(t *verify.Target) (names []string, err error) {
	paths, err := t.URLPaths()
	if err != nil {
		return nil, err
	}
	known, err := digests(t)
	if err != nil {
		return nil, err
	}
	for _, path := range paths[:min(len(known), len(paths))] { // in the same order
		name, err := fileName(path)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// digests returns the listed digests of the algorithms that are known here.
func digests(t *verify.Target) (list []string, err error) {
	lengths := map[string]int{"sha512": sha512.Size, "sha256": sha256.Size}
	for algorithm, digest := range t.Hashes.All() {
		if length, known := lengths[algorithm]; known {
			if b, err := hex.DecodeString(digest); err != nil || len(b) != length {
				return nil, fmt.Errorf("%q is no %s digest", digest, algorithm)
			}
			list = append(list, digest)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it has neither a sha256 nor a sha512 digest")
	}
	return list, nil
}

// fileName is the name of the file that a web server sends for a URL path. It
// refuses names that leave the copy, or that some system reads in another way.
func fileName(path string) (string, error) {
	name, err := url.PathUnescape(path)
	if err != nil {
		return "", fmt.Errorf("%q: %w", path, err)
	}
	return name, client.CheckName(name)
}
