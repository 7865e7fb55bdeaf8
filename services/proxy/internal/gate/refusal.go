package gate

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
)

// refusal says why a request is not answered with a file.
type refusal struct {
	at        time.Time
	status    int         // 403, 404 or 503
	phrase    string      // for a status line: what, who, and why; short
	reason    string      // all of it
	blame     []string    // the mirrors that did something wrong
	kind      verify.Kind // of the error
	uncertain bool        // of a 404
	noted     atomic.Bool // it is in the log
}

func (r *refusal) Error() string { return r.reason }

// reasons begin the text of a refusal.
var reasons = map[verify.Kind]string{
	verify.KindUnreachable: "no mirror has it",
	verify.KindLimit:       "a limit was reached",
	verify.KindExpired:     "the metadata has expired, or a clock is wrong",
	verify.KindRollback:    "an older version than before",
	verify.KindWrongBytes:  "it did not verify",
	verify.KindUncertain:   "a mirror may have hidden it",
	verify.KindStore:       "the proxy cannot store it",
}

// refuse makes a refusal from an error. A "no such target" is a 404: the caller
// knows whether somebody else could answer.
func refuse(err error) *refusal {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r
	}
	r := &refusal{at: time.Now(), status: http.StatusForbidden, kind: verify.KindOf(err), blame: blamed(err)}
	no := new(verify.NoTargetError)
	switch {
	case errors.As(err, &no):
		r.status, r.uncertain, r.reason = http.StatusNotFound, !no.Certain, no.Error()
		return r
	case r.kind == verify.KindUnreachable && !anybodySays(err), errors.Is(err, client.ErrClosed):
		r.status, r.phrase = http.StatusServiceUnavailable, "no mirror can be reached"
	default:
		r.phrase = cmp.Or(reasons[r.kind], "refused")
	}
	if len(r.blame) > 0 {
		r.phrase += " (" + strings.Join(r.blame, ", ") + ")"
	}
	r.reason = r.phrase + ": " + err.Error()
	r.phrase += ": " + detail(err).Error()
	return r
}

// refusedFor is a refusal that no error is the reason of.
func refusedFor(status int, reason string, blame ...string) *refusal {
	return &refusal{at: time.Now(), status: status, phrase: reason, reason: reason, blame: blame}
}

// detail is the error of the first mirror that did something wrong, or else all
// of it.
func detail(err error) error {
	for one := range sourceErrors(err) {
		if isWrong(one) {
			return one.Err
		}
	}
	return err
}

// isWrong says that a mirror sent something wrong, or that it lacks a listed
// file. One that could not be reached is not to blame.
func isWrong(one *verify.SourceError) bool {
	kind := verify.KindOf(one.Err)
	return kind != verify.KindUnknown && kind != verify.KindUnreachable || errors.Is(one.Err, verify.ErrNotAtSource)
}

// anybodySays says whether a mirror could be reached: it said that a listed
// file does not exist, or began to send it.
func anybodySays(err error) bool {
	download := new(client.DownloadError)
	if errors.As(err, &download) && download.Replaced() || errors.Is(err, verify.ErrNotAtSource) {
		return true
	}
	for one := range sourceErrors(err) {
		answer := new(client.HTTPError)
		if errors.As(one.Err, &answer) && answer.Status/100 == 2 {
			return true
		}
	}
	return false
}

// blamed returns the mirrors that did something wrong.
func blamed(err error) (names []string) {
	for one := range sourceErrors(err) {
		if isWrong(one) && !slices.Contains(names, one.Name) && one.Name != "" {
			names = append(names, one.Name)
		}
	}
	return names
}

// kindOfSource is what a mirror did.
func kindOfSource(one *verify.SourceError) verify.Kind {
	if kind := verify.KindOf(one.Err); kind != verify.KindUnknown {
		return kind
	}
	return verify.KindUnreachable
}

// sourceErrors yields what each mirror did.
func sourceErrors(err error) func(yield func(*verify.SourceError) bool) {
	return func(yield func(*verify.SourceError) bool) { walkErrors(err, yield) }
}

func walkErrors(err error, yield func(*verify.SourceError) bool) bool {
	if one, ok := err.(*verify.SourceError); ok {
		return yield(one)
	}
	switch e := err.(type) {
	case *client.DownloadError: // Unwrap leaves some out
		for _, err := range e.Said {
			if !walkErrors(err, yield) {
				return false
			}
		}
	case interface{ Unwrap() error }:
		return e.Unwrap() == nil || walkErrors(e.Unwrap(), yield)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if !walkErrors(err, yield) {
				return false
			}
		}
	}
	return true
}

// maxPhrase bounds a status phrase, in bytes.
const maxPhrase = 400

// printableASCII is a text that a header or a status line may have.
func printableASCII(text string, most int) string {
	var b strings.Builder
	space := false
	for _, r := range text {
		if r <= ' ' || r == 0x7F {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
		}
		space = false
		if r > 0x7E {
			r = '?'
		}
		b.WriteRune(r)
		if b.Len() >= most {
			return b.String()[:most-3] + "..."
		}
	}
	return b.String()
}

// uncertainNo is the refusal where only a certain "no" may go on.
func uncertainNo(no *verify.NoTargetError) *refusal {
	return refuse(fmt.Errorf("%w: %v", verify.ErrUncertain, no))
}
