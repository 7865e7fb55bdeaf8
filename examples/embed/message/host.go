package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/tufwalk/tufwalk/verify"
)

// Version is the version of the messages that this package speaks.
const Version = 1

// The limits of a host. What a session accepts is limited by its options.
const (
	MaxMessageBytes = 1 << 28 // of a message, its body included
	MaxLineBytes    = 1 << 20 // of its line of JSON
	MaxSessions     = 1000    // open at a time
	MaxHandles      = 100_000 // lookups and verifiers of one session at a time
)

// Host holds the sessions of one program. It is safe for concurrent use: calls
// wait for each other. The zero Host is ready for use.
type Host struct {
	mutex    sync.Mutex
	sessions map[int64]*session
	last     int64
}

// Call answers a message: a line of JSON, a newline, and a body. So is the
// answer. The newline may be missing if there is no body. It never panics, and
// the message remains the caller's.
func (h *Host) Call(message []byte) []byte {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	a, body := h.safely(message)
	a.V = Version
	line, err := json.Marshal(a)
	if err != nil { // no value of an answer has an error
		line = []byte(`{"v":1,"error":{"kind":"unknown","text":"internal error","internal":true}}`)
	}
	answer := make([]byte, 0, len(line)+1+size(body))
	answer = append(append(answer, line...), '\n')
	for _, part := range body {
		answer = append(answer, part...)
	}
	return answer
}

func size(parts [][]byte) (n int) {
	for _, part := range parts {
		n += len(part)
	}
	return n
}

// safely is the border: a panic would end the program around us. The library
// does not panic, and FuzzCall looks for one that does. The session is closed,
// since nobody knows its state.
func (h *Host) safely(message []byte) (a *answer, body [][]byte) {
	var m call
	defer func() {
		if r := recover(); r != nil {
			delete(h.sessions, m.Session)
			a = &answer{Error: &Error{Kind: verify.KindUnknown.String(), Internal: true,
				Text: fmt.Sprintf("internal error, please report it: %v", r)}}
			body = nil
		}
	}()
	a, body, err := h.answer(&m, message)
	if a == nil {
		a = new(answer)
	}
	if err != nil {
		a.Error = errorOf(err)
	}
	return a, body
}

func (h *Host) answer(m *call, message []byte) (*answer, [][]byte, error) {
	if len(message) > MaxMessageBytes {
		return nil, nil, mistake{text: "message is too long", expected: MaxMessageBytes, found: int64(len(message))}
	}
	line, body, _ := bytes.Cut(message, []byte("\n"))
	if len(line) > MaxLineBytes {
		return nil, nil, mistake{text: "line of JSON is too long", expected: MaxLineBytes, found: int64(len(line))}
	}
	if err := readLine(line, m); err != nil {
		return nil, nil, err
	}
	f, ok := calls[m.Call]
	if !ok {
		return nil, nil, mistakef("unknown call %q", m.Call)
	}
	m.body = body
	a, out, err := f(h, m)
	return a, out, err
}

// readLine reads a line of JSON. The version comes first: a message of another
// version may have any members.
func readLine(line []byte, m *call) error {
	var head struct {
		V *int64 `json:"v"`
	}
	switch err := json.Unmarshal(line, &head); {
	case err != nil:
		return mistakef("not a line of JSON: %v", err)
	case head.V == nil:
		return mistakef(`message has no "v"`)
	case *head.V != Version:
		return mistake{text: "message has another version", expected: Version, found: *head.V}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields() // an option that is misspelt must not be left out
	if err := d.Decode(m); err != nil {
		return mistakef("not a message: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return mistakef("not a message: there is more than one JSON value in the line")
	}
	return nil
}

// add gives a session its number.
func (h *Host) add(s *verify.Session) (*answer, [][]byte, error) {
	if h.sessions == nil {
		h.sessions = make(map[int64]*session)
	}
	h.last++
	h.sessions[h.last] = newSession(s)
	return &answer{Session: h.last}, nil, nil
}

func (h *Host) room() error {
	if len(h.sessions) >= MaxSessions {
		return mistake{text: "too many open sessions", expected: MaxSessions, found: int64(len(h.sessions) + 1)}
	}
	return nil
}
