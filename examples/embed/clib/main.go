//go:build cgo

package main

// #include <stddef.h>
// #include <stdint.h>
import "C"

import (
	"sync"
	"unsafe"

	"github.com/tufwalk/tufwalk/examples/embed/message"
)

func main() {} // never called: this is a library

// host is a message.Host with an answer that its buffer was too small for.
type host struct {
	message.Host
	mutex  sync.Mutex
	answer []byte
}

var (
	mutex sync.Mutex
	hosts = make(map[C.int64_t]*host)
	last  C.int64_t
)

func hostOf(number C.int64_t) *host {
	mutex.Lock()
	defer mutex.Unlock()
	return hosts[number]
}

//export tufwalk_new
func tufwalk_new() C.int64_t {
	mutex.Lock()
	defer mutex.Unlock()
	last++
	hosts[last] = new(host)
	return last
}

//export tufwalk_free
func tufwalk_free(number C.int64_t) {
	mutex.Lock()
	defer mutex.Unlock()
	delete(hosts, number)
}

//export tufwalk_call
func tufwalk_call(
	number C.int64_t, text unsafe.Pointer, length C.size_t, answer unsafe.Pointer, capacity C.size_t,
) C.int64_t {
	h := hostOf(number)
	if h == nil {
		return -1
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	// One byte more than a message may have is as wrong as many more.
	h.answer = h.Call(bytesAt(text, min(length, message.MaxMessageBytes+1)))
	return h.write(answer, capacity)
}

//export tufwalk_answer
func tufwalk_answer(number C.int64_t, answer unsafe.Pointer, capacity C.size_t) C.int64_t {
	h := hostOf(number)
	if h == nil {
		return -1
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.answer == nil {
		return -1
	}
	return h.write(answer, capacity)
}

// write writes the answer if it fits, and returns its length.
func (h *host) write(to unsafe.Pointer, capacity C.size_t) C.int64_t {
	n := len(h.answer)
	if C.size_t(n) <= capacity {
		copy(bytesAt(to, C.size_t(n)), h.answer)
		h.answer = nil
	}
	return C.int64_t(n)
}

func bytesAt(p unsafe.Pointer, length C.size_t) []byte {
	if p == nil || length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(p), int(length))
}
