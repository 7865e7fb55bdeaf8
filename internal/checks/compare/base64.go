package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// base64Fault is why go-tuf finds no target in classic bins: a known fault of
// go-tuf, not of this program.
type base64Fault struct{ said error }

func (base64Fault) Error() string {
	return "finds no target: compares path_hash_prefixes with base64 (go-tuf#783)"
}

func (e base64Fault) Unwrap() error { return e.said }

// known recognizes that fault: go-tuf found no target, and some delegation
// matches the path's hash in hexadecimal but not in base64.
func (r *served) known(err error, paths []string) error {
	if err == nil {
		return nil
	}
	for _, path := range paths {
		if err.Error() == fmt.Sprintf("target %s not found", path) && r.onlyInHex(path) {
			return base64Fault{err}
		}
	}
	return err
}

// onlyInHex reports whether some delegation matches the path's hash in
// hexadecimal but not in base64.
func (r *served) onlyInHex(path string) bool {
	sum := sha256.Sum256([]byte(path))
	inHex, in64 := hex.EncodeToString(sum[:]), base64.URLEncoding.EncodeToString(sum[:])
	for _, data := range r.metadata {
		if !bytes.Contains(data, []byte("path_hash_prefixes")) {
			continue
		}
		var file struct {
			Signed struct {
				Delegations struct {
					Roles []struct {
						Prefixes []string `json:"path_hash_prefixes"`
					}
				}
			}
		}
		if json.Unmarshal(data, &file) != nil {
			continue
		}
		for _, role := range file.Signed.Delegations.Roles {
			if anyPrefix(role.Prefixes, inHex) && !anyPrefix(role.Prefixes, in64) {
				return true
			}
		}
	}
	return false
}

func anyPrefix(prefixes []string, text string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}
