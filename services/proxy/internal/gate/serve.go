package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
	"github.com/tufwalk/tufwalk/verify"
)

// request is a request at work.
type request struct {
	gate    *Gate
	w       *writer
	r       *http.Request
	route   *route
	outcome outcome
}

// outcome is how a request ended, for the metrics.
type outcome int

const (
	badRequest outcome = iota
	verified
	rendered
	streamed
	notModified
	redirected
	noTarget
	uncertain
	refused
	unreachable
	byOther
	broken
)

var outcomes = [...]string{
	"bad request", "verified", "rendered", "streamed", "not modified", "redirected", "no target", "uncertain", "refused",
	"unreachable", "unverified", "broken off",
}

func (q *request) serve() {
	escaped := q.r.URL.EscapedPath()
	q.route = q.gate.routeOf(escaped)
	switch {
	case q.r.Method != http.MethodGet && q.r.Method != http.MethodHead:
		q.w.Header().Set("Allow", "GET, HEAD")
		q.bad(http.StatusMethodNotAllowed, "only GET and HEAD")
	case q.r.URL.IsAbs() || !strings.HasPrefix(q.r.RequestURI, "/"):
		q.bad(http.StatusBadRequest, "this is no forward proxy")
	case q.r.ContentLength != 0:
		q.w.Header().Set("Connection", "close")
		q.bad(http.StatusRequestEntityTooLarge, "a request has no body")
	case hasDots(q.r.URL.Path):
		q.bad(http.StatusBadRequest, "the path has segments of dots")
	case q.r.Host == "", strings.Trim(q.r.Host, hostCharacters) != "":
		q.bad(http.StatusBadRequest, "there is no such host")
	case q.route == nil:
		q.bad(http.StatusNotFound, "there is no such route")
	default:
		q.plan(escaped[len(q.route.prefix):])
	}
}

// hostCharacters are those of a host with a port. The host stands in links.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"

// hasDots says whether a path would lead elsewhere.
func hasDots(path string) bool {
	return strings.Contains(path, "/.") && slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool {
		return s == "." || s == ".."
	})
}

// plan asks the protocol how to answer.
func (q *request) plan(path string) {
	asked := protocol.Request{Path: path, Header: q.r.Header, Base: q.base()}
	if q.r.URL.RawQuery != "" {
		asked.Query = q.r.URL.Query()
	}
	plan, err := q.route.Protocol.Plan(asked)
	bad := new(protocol.RequestError)
	switch {
	case errors.As(err, &bad):
		q.bad(http.StatusNotFound, bad.Reason)
	case err != nil:
		q.refuse(refuse(err))
	case plan.Redirect != "":
		q.outcome = redirected
		q.w.Header().Set("Location", q.route.prefix+strings.TrimLeft(plan.Redirect, "/"))
		q.w.WriteHeader(http.StatusMovedPermanently)
	case plan.Refuse != "":
		q.refuse(refusedFor(http.StatusForbidden, plan.Refuse))
	default:
		if err := q.answer(plan); err != nil && q.r.Context().Err() == nil {
			q.refuse(refuse(err))
		} else if err != nil { // the client has gone
			q.outcome = broken
			panic(http.ErrAbortHandler)
		}
	}
}

// base is the URL of the route as the client sees it.
func (q *request) base() string {
	scheme := "http"
	if q.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + q.r.Host + q.route.prefix
}

// answer sends a verified file, or what an upstream without TUF says where it
// may.
func (q *request) answer(plan protocol.Plan) error {
	targets := q.prefixed(plan.Targets)
	if other := q.other(plan, targets); other != nil {
		return q.askOther(other, plan, targets)
	}
	a, err := q.first(targets)
	if err == nil && plan.Choose != nil {
		a, err = q.choose(plan, a)
	}
	if err != nil {
		return err
	}
	return q.send(plan, a)
}

func (q *request) prefixed(targets []string) []string {
	if q.route.Prefix == "" {
		return targets
	}
	list := make([]string, len(targets))
	for i, t := range targets {
		list[i] = q.route.Prefix + t
	}
	return list
}

// first returns the answer about the first target that exists. The next one is
// asked for only if it is certain that there is none before it.
func (q *request) first(targets []string) (*answer, error) {
	var last *verify.NoTargetError
	for i, target := range targets {
		a, err := q.route.upstream.find(q.r.Context(), target)
		switch {
		case err != nil:
			return nil, err
		case a.no == nil:
			return a, nil
		case !a.no.Certain && i < len(targets)-1:
			return nil, uncertainNo(a.no)
		}
		last = a.no
	}
	if last == nil {
		return nil, refusedFor(http.StatusNotFound, "there is no such file")
	}
	return nil, last
}

// choose finds the target that a verified file names.
func (q *request) choose(plan protocol.Plan, index *answer) (*answer, error) {
	body, _, release, err := q.body(index)
	if err != nil {
		return nil, err
	}
	defer release()
	targets, err := plan.Choose(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", metadata.Printable(index.path), err)
	}
	return q.first(q.prefixed(targets))
}

// maxTries is how often a file is asked for, if the repository publishes
// meanwhile.
const maxTries = 4

// open returns the verified file of an answer. If no mirror had it, they are
// asked once more, since one may have failed while the next one was asked. If
// one of them has another file, there may be a newer answer: it is returned.
func (q *request) open(a *answer) (f *File, now *answer, err error) {
	u, ctx := q.route.upstream, q.r.Context()
	again := false // the same file was asked for twice
	for range maxTries {
		if f, err = u.get(ctx, a); err == nil || ctx.Err() != nil {
			return f, a, err
		}
		next := a
		if isReplaced(err) {
			moved, movedErr := u.moveOn(ctx, a, err)
			if movedErr != nil {
				err = movedErr
				break
			}
			next = moved
		} else if !errors.As(err, new(*client.DownloadError)) {
			break
		}
		if next.same(a) && !errors.Is(err, errChanged) {
			if again {
				break
			}
			again = true
			if err := pause(ctx, onceMore); err != nil {
				return nil, a, err
			}
		}
		a = next
	}
	if ctx.Err() == nil {
		r := refuse(err)
		u.answers.refuse(a.path, r)
		err = r
	}
	return nil, a, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// body reads a verified file into memory, which is bounded for all together.
func (q *request) body(a *answer) (body []byte, now *answer, release func(), err error) {
	f, a, err := q.open(a)
	if err != nil {
		return nil, nil, nil, err
	}
	defer f.Close()
	if f.Size > MaxRendered {
		return nil, nil, nil, fmt.Errorf("%s: %w: %d bytes, at most %d", metadata.Printable(a.path), verify.ErrLimit,
			f.Size, MaxRendered)
	}
	if err := q.gate.rendering.Acquire(q.r.Context(), f.Size); err != nil {
		return nil, nil, nil, err
	}
	release = sync.OnceFunc(func() { q.gate.rendering.Release(f.Size) })
	body = make([]byte, f.Size)
	if _, err := io.ReadFull(f, body); err != nil {
		release()
		return nil, nil, nil, &verify.CopyError{Path: a.path, Writing: true, Err: err}
	}
	return body, a, release, nil
}

// send sends a verified file, or what is rendered of it.
func (q *request) send(plan protocol.Plan, a *answer) error {
	if plan.Render != nil {
		return q.render(plan, a)
	}
	if q.gate.config.Stream && plan.Streams && a.length >= streamFrom && q.r.Method == http.MethodGet &&
		q.r.Header.Get("Range") == "" && !a.broke.Load() && !q.gate.config.Files.Has(a.digest) {
		if q.stream(plan, a) {
			return nil
		}
	}
	return q.sendWhole(plan, a)
}

// sendWhole sends a file that is verified.
func (q *request) sendWhole(plan protocol.Plan, a *answer) error {
	f, a, err := q.open(a)
	if err != nil {
		return err
	}
	defer f.Close()
	q.gate.metrics.fileSent.Inc()
	q.header(plan, a, plan.ContentType)
	modified := time.Time{}
	if plan.Fixed { // otherwise a date could make an older file look newer
		modified = f.ModTime
	}
	if f.Size <= smallFile {
		return q.small(f, a, modified)
	}
	http.ServeContent(q.w, q.r, "", modified, f.ReadSeekCloser)
	q.sent(verified, f.Size)
	return nil
}

var small = sync.Pool{New: func() any { return new([smallFile]byte) }}

// small sends a small file in one piece.
func (q *request) small(f *File, a *answer, modified time.Time) error {
	buffer := small.Get().(*[smallFile]byte)
	defer small.Put(buffer)
	body := buffer[:f.Size]
	if _, err := io.ReadFull(f, body); err != nil {
		q.w.ResponseWriter.Header().Del("ETag")
		return &verify.CopyError{Path: a.path, Writing: true, Err: err}
	}
	http.ServeContent(q.w, q.r, "", modified, bytes.NewReader(body))
	q.sent(verified, f.Size)
	return nil
}

// sent notes what became of an answer.
func (q *request) sent(o outcome, size int64) {
	switch {
	case q.w.status == http.StatusNotModified:
		q.outcome = notModified
	case q.w.status == http.StatusOK && q.r.Method == http.MethodGet && q.w.bytes < size:
		q.outcome = broken
	default:
		q.outcome = o
	}
}

// render sends what the protocol makes of a verified file.
func (q *request) render(plan protocol.Plan, a *answer) error {
	body, a, release, err := q.body(a)
	if err != nil {
		return err
	}
	defer release()
	reply, err := plan.Render(strings.TrimPrefix(a.path, q.route.Prefix), body)
	if err != nil {
		return fmt.Errorf("%s: %w", metadata.Printable(a.path), err)
	}
	for name, values := range reply.Header {
		q.w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	q.header(plan, a, reply.ContentType)
	size := int64(len(reply.Body))
	if err := q.sendRendered(reply.ContentType, reply.Body, release); err != nil {
		return &verify.CopyError{Path: a.path, Writing: true, Err: err}
	}
	q.sent(rendered, size)
	return nil
}

// stream sends a file while it comes, and says whether it has begun. The last
// bytes wait for the result, and if that is bad the client sees a connection
// that breaks.
func (q *request) stream(plan protocol.Plan, a *answer) (begun bool) {
	u := q.route.upstream
	f, err := q.gate.config.Files.Follow(q.r.Context(), a.digest, a.length, u.fill(a))
	if err != nil {
		return false
	}
	defer f.Close()
	first := make([]byte, 4<<10) // until they have come, another mirror may have it, or there is a newer file
	n, err := io.ReadFull(f, first)
	if err != nil {
		return false
	}
	q.header(plan, a, plan.ContentType)
	q.w.Header().Set("Content-Length", strconv.FormatInt(a.length, 10))
	_, err = q.w.Write(first[:n])
	if err == nil {
		_, err = io.Copy(q.w, f)
	}
	if err == nil && q.w.bytes == a.length {
		q.outcome = streamed
		return true
	}
	q.outcome = broken
	if err != nil && q.r.Context().Err() == nil {
		a.broke.Store(true) // the next client gets it whole, or the reason
		q.gate.noteRefusal(q, refuse(err))
	}
	_ = q.w.control.Flush()
	panic(http.ErrAbortHandler)
}

var noCache = []string{"no-cache"}

// header sets what all answers with a verified file have.
func (q *request) header(plan protocol.Plan, a *answer, contentType string) {
	h := q.w.Header()
	h["Etag"] = a.etag
	h["Content-Type"] = []string{contentType}
	for i, name := range stampNames {
		if a.stamps[i] != nil {
			h[name] = a.stamps[i]
		}
	}
	h["Cache-Control"] = noCache
	if left := a.expires.Sub(q.gate.config.Now()); plan.Fixed && left > 0 {
		h["Cache-Control"] = []string{"max-age=" + strconv.FormatInt(int64(left/time.Second), 10)}
	}
}

// other returns the upstream without TUF that answers in place of the
// repositories: one that is named with a pattern for each of the targets, while
// no repository decides about one of them, nor about the name that they have.
func (q *request) other(plan protocol.Plan, targets []string) *unverified {
	if len(q.route.unverified) == 0 || plan.Choose != nil || len(targets) == 0 {
		return nil
	}
	covers := q.route.upstream.covers
	if slices.ContainsFunc(targets, covers) || slices.ContainsFunc(q.prefixed(plan.Index), covers) {
		return nil
	}
	for _, o := range q.route.unverified {
		if !slices.ContainsFunc(targets, func(t string) bool { return !matches(o.Patterns, t) }) {
			return o
		}
	}
	return nil
}
