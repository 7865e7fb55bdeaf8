//go:build !linux

package client

import (
	"errors"
	"testing"
)

func (c folderChild) runOnSystem() error { return errors.ErrUnsupported }

// onSystem has only injected errors here.
func onSystem(*testing.T, string) {}
