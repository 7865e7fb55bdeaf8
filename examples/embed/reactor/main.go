//go:build wasip1

package main

import (
	"unsafe"

	"github.com/tufwalk/tufwalk/examples/embed/message"
)

func main() {} // never called: this is a reactor

// The module is one host. It has one thread.
var host message.Host

// blocks is the memory that the host program has, by address: the garbage
// collector must not take it.
var blocks = make(map[uint32][]byte)

func hold(block []byte) uint32 {
	at := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(block))))
	blocks[at] = block
	return at
}

// alloc returns the address of so many bytes, all zero; 0 if there are more
// than a message may have.
//
//go:wasmexport alloc
func alloc(length uint32) uint32 {
	if length > message.MaxMessageBytes {
		return 0
	}
	return hold(make([]byte, max(length, 1)))
}

// free gives back what alloc or call returned. Any other address is ignored.
//
//go:wasmexport free
func free(address uint32) { delete(blocks, address) }

// call answers the message of that length at an address that alloc returned.
// It returns the address of the answer in the upper 32 bits, and its length in
// the lower. A message that is not in one block is answered like an empty one.
//
//go:wasmexport call
func call(address, length uint32) uint64 {
	var m []byte
	if block := blocks[address]; uint64(length) <= uint64(len(block)) {
		m = block[:length]
	}
	answer := host.Call(m)
	return uint64(hold(answer))<<32 | uint64(len(answer))
}
