//go:build js && wasm

package main

import (
	"errors"
	"syscall/js"
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

func clientOf(args []js.Value) *client { return clients[args[0].Int()] }

// requestID returns the ID of a request that the page got. For any other text
// it is one that no request has.
func (c *client) requestID(args []js.Value) verify.RequestID { return c.requests[args[1].String()] }

func goBytes(v js.Value) []byte {
	data := make([]byte, v.Length())
	js.CopyBytesToGo(data, v)
	return data
}

func jsBytes(data []byte) js.Value {
	v := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(v, data)
	return v
}

// kinds are the errors that the page explains. The first that fits counts.
var kinds = []struct {
	err  error
	kind string
}{
	{verify.ErrNoTarget, "no-target"}, {verify.ErrExpired, "expired"}, {verify.ErrRollback, "rollback"},
	{verify.ErrThreshold, "signature"}, {verify.ErrHash, "hash"}, {verify.ErrLength, "length"},
	{verify.ErrVersion, "version"}, {verify.ErrLimit, "limit"}, {verify.ErrSyntax, "syntax"},
	{verify.ErrPath, "path"}, {verify.ErrNotAtSource, "absent"},
}

// jsError returns an Error. Its kind stands for the sentinel that errors.Is
// finds.
func jsError(err error) js.Value {
	e := js.Global().Get("Error").New(err.Error())
	e.Set("kind", "other")
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			e.Set("kind", k.kind)
			break
		}
	}
	return e
}

// orNull returns an Error, or null without an error.
func orNull(err error) any {
	if err == nil {
		return nil
	}
	return jsError(err)
}

func millis(t time.Time) any { return t.UnixMilli() }

// list makes an array of objects.
func list[T any](items []T, object func(T) map[string]any) []any {
	array := make([]any, len(items))
	for i, item := range items {
		array[i] = object(item)
	}
	return array
}

func (c *client) batch(b verify.Batch) map[string]any {
	return map[string]any{
		"save": list(b.Save, func(r verify.Record) map[string]any {
			return map[string]any{
				"role": r.Role, "version": r.Version, "storeName": r.StoreName, "data": jsBytes(r.Data),
			}
		}),
		"fetch": list(b.Fetch, func(r verify.Request) map[string]any {
			c.requests[r.ID.String()] = r.ID
			return map[string]any{
				"id": r.ID.String(), "role": r.Role, "version": r.Version, "delegator": r.Delegator,
				"path": r.Path, "storeName": r.StoreName, "maxBytes": r.MaxBytes, "optional": r.Optional,
			}
		}),
		"done": list(b.Done, c.lookup),
	}
}

func (c *client) lookup(l *verify.Lookup) map[string]any {
	object := map[string]any{"path": l.Path(), "target": nil, "error": nil, "trail": list(l.Trail(), step)}
	t, err := l.Target()
	if err == nil {
		object["target"], err = c.target(t)
	}
	object["error"] = orNull(err)
	return object
}

func (c *client) target(t *verify.Target) (any, error) {
	var paths, hashes []any
	urls, err := t.URLPaths()
	if err != nil {
		return nil, err
	}
	for _, path := range urls {
		paths = append(paths, path)
	}
	for name, digest := range t.Hashes.All() {
		hashes = append(hashes, name+":"+digest)
	}
	custom, _ := t.Custom()
	c.targets = append(c.targets, t)
	return map[string]any{
		"handle": len(c.targets) - 1, "path": t.Path, "role": t.Role, "length": t.Length, "hashes": hashes,
		"expires": millis(t.Expires), "urlPaths": paths, "custom": string(custom),
	}, nil
}

func step(s verify.Step) map[string]any {
	return map[string]any{
		"delegator": s.Delegator, "role": s.Role, "terminating": s.Terminating, "version": s.Version,
		"expires": millis(s.Expires), "lists": s.Lists, "error": orNull(s.Err),
	}
}

func (c *client) state() map[string]any {
	var trusted []any
	add := func(role string, h metadata.Header) {
		trusted = append(trusted, map[string]any{"role": role, "version": h.Version, "expires": millis(h.Expires)})
	}
	add(metadata.RoleRoot, c.Root().Header)
	if t := c.Timestamp(); t != nil {
		add(metadata.RoleTimestamp, t.Header)
	}
	if s := c.Snapshot(); s != nil {
		add(metadata.RoleSnapshot, s.Header)
	}
	if t := c.Targets(); t != nil {
		add(metadata.RoleTargets, t.Header)
	}
	var warnings []any
	for _, warning := range c.Warnings() {
		warnings = append(warnings, warning.Error())
	}
	return map[string]any{"roles": trusted, "error": orNull(c.Err()), "warnings": warnings}
}
