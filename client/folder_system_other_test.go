//go:build !linux

package client

import "errors"

func (c folderChild) runOnSystem() error { return errors.ErrUnsupported }
