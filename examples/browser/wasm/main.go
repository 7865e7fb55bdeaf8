//go:build js && wasm

package main

import (
	"errors"
	"fmt"
	"syscall/js"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

// client is a session with the errors, targets and verifiers that the page got.
type client struct {
	*verify.Session
	requests  map[string]verify.RequestID // by the text that stands for an ID in the page
	rejected  map[verify.RequestID]error  // why an answer was rejected; the page has only the text
	targets   []*verify.Target
	verifiers []*verify.Verifier
}

// clients are known to JavaScript by number, until they are released.
var (
	clients = make(map[int]*client)
	last    int
)

var errReleased = errors.New("this session was released")

func main() {
	js.Global().Set("tufwalk", map[string]any{
		"open": call(open), "release": call(release), "state": call(state),
		"lookup": call(lookup), "next": call(next),
		"provide": call(provide), "provideSaved": call(provideSaved), "notFound": call(notFound), "fail": call(fail),
		"verifier": call(verifier), "write": call(write), "verify": call(check),
	})
	select {} // from here on the page calls
}

// call makes a function for JavaScript. Go cannot throw, so the function
// returns an Error, and the page throws it.
func call(f func(args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) > 0 && args[0].Type() == js.TypeNumber && clients[args[0].Int()] == nil {
			return jsError(errReleased) // an answer came after its run was interrupted
		}
		value, err := f(args)
		if err != nil {
			return jsError(err)
		}
		return value
	})
}

// open(trustedRoot, stored, now) begins a session with a root file, the stored
// files by name, and the time in milliseconds.
func open(args []js.Value) (any, error) {
	file := func(name string) (candidates [][]byte) {
		if data := args[1].Get(name); data.Truthy() {
			candidates = append(candidates, goBytes(data))
		}
		return candidates
	}
	stored := verify.Stored{
		Root: file("root.json"), Timestamp: file("timestamp.json"), Snapshot: file("snapshot.json"),
	}
	s, err := verify.New(goBytes(args[0]), stored, time.UnixMilli(int64(args[2].Float())), verify.Options{})
	if err != nil {
		return nil, err
	}
	last++
	clients[last] = &client{
		Session: s, requests: make(map[string]verify.RequestID), rejected: make(map[verify.RequestID]error),
	}
	return last, nil
}

// release(session) drops a session, with its targets and verifiers.
func release(args []js.Value) (any, error) {
	delete(clients, args[0].Int())
	return nil, nil
}

// state(session) returns the trusted top-level roles, and the error that ended
// the update, or null.
func state(args []js.Value) (any, error) { return clientOf(args).state(), nil }

// lookup(session, path) begins a search.
func lookup(args []js.Value) (any, error) {
	clientOf(args).Lookup(args[1].String())
	return nil, nil
}

// next(session) returns a batch, or null if there is nothing to do until a
// request is answered.
func next(args []js.Value) (any, error) {
	c := clientOf(args)
	b, ok := c.Next()
	if !ok {
		return nil, nil
	}
	return c.batch(b), nil
}

// provide(session, id, bytes) answers a request.
func provide(args []js.Value) (any, error) {
	c := clientOf(args)
	id := c.requestID(args)
	err := c.Provide(id, goBytes(args[2]))
	if reject := new(verify.RejectError); errors.As(err, &reject) {
		c.rejected[id] = reject.Err
	}
	return nil, err
}

// provideSaved(session, id, bytes) answers a request with a file from the
// store.
func provideSaved(args []js.Value) (any, error) {
	c := clientOf(args)
	return nil, c.ProvideSaved(c.requestID(args), goBytes(args[2]))
}

// notFound(session, id, why) is for a mirror that answers 404.
func notFound(args []js.Value) (any, error) {
	c := clientOf(args)
	return nil, c.NotFound(c.requestID(args), fmt.Errorf("%s: %w", args[2].String(), verify.ErrNotAtSource))
}

// fail(session, id, why) gives up a request. If an answer was rejected, that
// error counts instead of why.
func fail(args []js.Value) (any, error) {
	c := clientOf(args)
	id := c.requestID(args)
	cause := c.rejected[id]
	if cause == nil {
		cause = errors.New(args[2].String())
	}
	return nil, c.Fail(id, cause)
}

// verifier(session, target) begins the verification of a download.
func verifier(args []js.Value) (any, error) {
	c := clientOf(args)
	c.verifiers = append(c.verifiers, c.targets[args[1].Int()].Verifier())
	return len(c.verifiers) - 1, nil
}

// write(session, verifier, bytes) adds the next bytes.
func write(args []js.Value) (any, error) {
	_, err := clientOf(args).verifiers[args[1].Int()].Write(goBytes(args[2]))
	return nil, err
}

// verify(session, verifier) returns an Error unless the bytes are the whole
// file and the right one.
func check(args []js.Value) (any, error) {
	return nil, clientOf(args).verifiers[args[1].Int()].Verify()
}
