//go:build js && wasm

package main

import (
	"syscall/js"

	"github.com/tufwalk/tufwalk/examples/embed/message"
)

// main sets globalThis.tufwalkCall: a message in, its answer out, as arrays of
// bytes. docs/embedding.md describes them.
func main() {
	var host message.Host
	js.Global().Set("tufwalkCall", js.FuncOf(func(_ js.Value, args []js.Value) any {
		text := make([]byte, args[0].Length())
		js.CopyBytesToGo(text, args[0])
		answer := host.Call(text)
		array := js.Global().Get("Uint8Array").New(len(answer))
		js.CopyBytesToJS(array, answer)
		return array
	}))
	select {} // from here on the page calls
}
