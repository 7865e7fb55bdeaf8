package gate

import (
	"bufio"
	"cmp"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

const (
	// retryAfter is in seconds.
	retryAfter = "5"
	// closePatience is how long a client may go on sending after a refusal.
	closePatience = time.Second
)

// bad answers what is no request of the protocol.
func (q *request) bad(status int, reason string) {
	q.outcome = badRequest
	h := q.w.Header()
	h.Set("Cache-Control", "no-store")
	if q.route == nil {
		http.Error(q.w, reason, status)
		return
	}
	q.reply(status, q.route.Protocol.Refusal(status, reason))
}

func (q *request) reply(status int, reply protocol.Reply) {
	h := q.w.Header()
	maps.Copy(h, reply.Header)
	h.Set("Content-Type", reply.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	q.w.WriteHeader(status)
	if q.r.Method != http.MethodHead {
		_, _ = q.w.Write(reply.Body)
	}
}

// refuse answers without a file: 403, 404 or 503.
func (q *request) refuse(r *refusal) {
	q.outcome = map[int]outcome{403: refused, 404: noTarget, 503: unreachable}[r.status]
	h := q.w.Header()
	for _, name := range append(stampNames[:], "Etag", "Content-Type", "Cache-Control") {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	reply := q.route.Protocol.Refusal(r.status, printableASCII(r.reason, 8*maxPhrase))
	status := cmp.Or(reply.Status, r.status)
	switch status {
	case http.StatusNotFound:
		if r.uncertain {
			q.outcome = uncertain
			h.Set("Tuf-Uncertain", "true")
		}
		q.reply(status, reply)
		return
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter)
	}
	phrase := printableASCII(r.phrase, maxPhrase)
	h.Set("Tuf-Refused", phrase)
	q.gate.noteRefusal(q, r)
	if status == http.StatusForbidden && q.r.ProtoMajor == 1 && q.hijack(status, phrase, reply) {
		return
	}
	q.reply(status, reply)
}

// hijack writes the answer itself, since net/http has no way to set the status
// phrase. It says whether it has.
func (q *request) hijack(status int, phrase string, reply protocol.Reply) bool {
	conn, buffer, err := q.w.control.Hijack()
	if err != nil {
		return false
	}
	_ = conn.SetDeadline(time.Now().Add(WriteTimeout))
	h := q.w.Header()
	maps.Copy(h, reply.Header)
	h.Set("Content-Type", reply.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	out := bufio.NewWriter(conn)
	_, _ = out.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + phrase + "\r\n")
	_ = h.Write(out)
	_, _ = out.WriteString("\r\n")
	if q.r.Method != http.MethodHead {
		_, _ = out.Write(reply.Body)
	}
	q.w.status = status
	if out.Flush() != nil {
		_ = conn.Close()
		return true
	}
	go linger(conn, buffer.Reader)
	return true
}

// linger closes a connection when the client has read the answer: what it has
// sent meanwhile would have the system reset the connection.
func linger(conn net.Conn, sent io.Reader) {
	defer conn.Close()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(closePatience))
	_, _ = io.CopyN(io.Discard, sent, 64<<10)
}
