package gate

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// maxRedirects is how many redirects of an upstream without TUF are followed,
// on its own host.
const maxRedirects = 3

// unverified is an upstream without TUF. What it answers is not verified by
// anything but its TLS.
type unverified struct {
	Unverified
	name   string
	client *http.Client
}

func newUnverified(name string, c Unverified) *unverified {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = silenceTimeout
	transport.MaxResponseHeaderBytes = 64 << 10
	return &unverified{c, name, &http.Client{Transport: transport, CheckRedirect: sameHost}}
}

var errOtherHost = errors.New("it redirects to another host")

// sameHost follows redirects on one host only.
func sameHost(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
		return errOtherHost
	}
	return nil
}

// askOther answers with what an upstream without TUF says: marked, and never
// among the verified files.
func (q *request) askOther(o *unverified, plan protocol.Plan, targets []string) error {
	q.w.Header().Set("Tuf-Unverified", o.name)
	q.gate.history.unverified(o.name, q.r.URL.Path)
	q.gate.log.Warn("not verified", "unverified", o.name, "path", q.r.URL.Path)
	res, err := o.get(q, plan.Render != nil)
	if err != nil {
		status := http.StatusServiceUnavailable
		if errors.Is(err, errOtherHost) {
			status = http.StatusForbidden
		}
		return refusedFor(status, "the upstream "+o.name+", without TUF: "+err.Error(), o.name)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone:
		return refusedFor(http.StatusNotFound, "the upstream "+o.name+" has no such file")
	case res.StatusCode != http.StatusOK:
		reason := fmt.Sprintf("the upstream %s, without TUF, answers %d", o.name, res.StatusCode)
		return refusedFor(http.StatusForbidden, reason, o.name)
	case res.ContentLength > q.gate.config.Limits.File:
		return refusedFor(http.StatusForbidden, "the file is too long")
	}
	q.outcome = byOther
	q.w.Header().Set("Cache-Control", "no-cache")
	if plan.Render != nil {
		return q.renderOther(res, plan, targets)
	}
	return q.passOn(res, plan)
}

// get asks for what the client has asked for. Nothing that could identify the
// client is sent.
func (o *unverified) get(q *request, rendered bool) (*http.Response, error) {
	address := o.URL + strings.TrimPrefix(q.r.URL.EscapedPath(), q.route.prefix)
	if q.r.URL.RawQuery != "" {
		address += "?" + q.r.URL.RawQuery
	}
	method := q.r.Method
	if rendered {
		method = http.MethodGet // the length depends on the body
	}
	req, err := http.NewRequestWithContext(q.r.Context(), method, address, nil)
	if err != nil {
		return nil, err
	}
	if accept := q.r.Header.Get("Accept"); accept != "" {
		req.Header.Set("Accept", accept)
	}
	req.Header.Set("Accept-Encoding", "identity")
	return o.client.Do(req)
}

// renderOther sends what the protocol makes of an index, so that its links lead
// here.
func (q *request) renderOther(res *http.Response, plan protocol.Plan, targets []string) error {
	body, release, err := q.readOther(res)
	if err != nil {
		return err
	}
	defer release()
	target := targetLike(targets, res.Header.Get("Content-Type"))
	reply, err := plan.Render(strings.TrimPrefix(target, q.route.Prefix), body)
	if err != nil {
		return err
	}
	h := q.w.Header()
	for name, values := range reply.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	return q.sendRendered(reply.ContentType, reply.Body, release)
}

// firstOther is for how many bytes of a body there is room at first.
const firstOther = 64 << 10

// readOther reads a body into memory, which is bounded for all together. It
// waits for no room: who has it may be waiting for an upstream that is slow.
func (q *request) readOther(res *http.Response) (_ []byte, release func(), err error) {
	var body []byte
	var held int64
	free := sync.OnceFunc(func() { q.gate.others.Release(held) })
	defer func() {
		if err != nil {
			free()
		}
	}()
	for {
		if len(body) == cap(body) {
			more := max(int64(len(body)), firstOther)
			switch {
			case held+more > MaxRendered:
				return nil, nil, refusedFor(http.StatusForbidden, "the upstream sends too much")
			case !q.gate.others.TryAcquire(more):
				return nil, nil, refusedFor(http.StatusServiceUnavailable, "too many large pages at once")
			}
			held += more
			body = append(make([]byte, 0, held), body...)
		}
		n, err := res.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, free, nil
		case err != nil:
			return nil, nil, refusedFor(http.StatusServiceUnavailable, "the upstream broke off: "+err.Error())
		}
	}
}

// targetLike returns the target whose name goes with a content type, such as
// index.html with text/html; otherwise the first.
func targetLike(targets []string, contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	for _, t := range targets {
		if ext := strings.TrimPrefix(path.Ext(t), "."); ext != "" && strings.HasSuffix(kind, ext) {
			return t
		}
	}
	return targets[0]
}

// passOn sends a body as it comes. It always has a length: without one, some
// clients take a cut for the end.
func (q *request) passOn(res *http.Response, plan protocol.Plan) error {
	unknown := res.ContentLength < 0
	if unknown && q.r.Method != http.MethodHead {
		body, release, err := q.readOther(res)
		if err != nil {
			return err
		}
		defer release()
		return q.sendRendered(plan.ContentType, body, release)
	}
	h := q.w.Header()
	h.Set("Content-Type", plan.ContentType)
	if !unknown {
		h.Set("Content-Length", strconv.FormatInt(res.ContentLength, 10))
	}
	q.w.WriteHeader(http.StatusOK)
	if q.r.Method == http.MethodHead {
		return nil
	}
	if n, err := io.Copy(q.w, res.Body); err != nil || n != res.ContentLength {
		q.outcome = broken
		_ = q.w.control.Flush()
		panic(http.ErrAbortHandler)
	}
	return nil
}

// shown is the URL without secrets.
func (o *unverified) shown() string {
	u, err := url.Parse(o.URL)
	if err != nil {
		return ""
	}
	return u.Redacted()
}
