package message

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If the library had a defect after all, it would be an answer, and end no more
// than its session.
func TestBorder(t *testing.T) {
	calls["break"] = inSession(func(*Host, *session, *call) (*answer, [][]byte, error) { panic("defect") })
	defer delete(calls, "break")
	h := Host{sessions: map[int64]*session{1: newSession(nil), 2: newSession(nil)}}
	require.JSONEq(t, `{"v":1,"error":{"kind":"unknown","internal":true,`+
		`"text":"internal error, please report it: defect"}}`, string(h.Call([]byte(`{"v":1,"call":"break","session":1}`))))
	require.NotContains(t, h.sessions, int64(1))
	require.Contains(t, h.sessions, int64(2))
	require.Contains(t, string(h.Call([]byte(`{"v":1,"call":"versions"}`))), `"versions":[1]`)
}
