package client

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/verify"
)

// health is what is known of a mirror: until when it rests.
type health struct {
	mu            sync.Mutex
	failed, wrong time.Time
}

// failedFor has a mirror come after others for a while.
func (h *health) failedFor(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = time.Now().Add(d)
}

// sentWrong has a mirror come after all others.
func (h *health) sentWrong() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wrong = time.Now().Add(RestAfterWrong)
}

// answered ends the rest after a failure: what it sent may still be wrong.
func (h *health) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = time.Time{}
}

// rank is 0 for a mirror that is well.
func (h *health) rank() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(h.wrong):
		return 2
	case now.Before(h.failed):
		return 1
	}
	return 0
}

// note draws the conclusion from how a request ended.
func (h *health) note(err error) {
	failure := new(HTTPError)
	switch {
	case err == nil || errors.Is(err, verify.ErrNotAtSource):
		h.answered()
	case errors.As(err, &failure):
		h.failedFor(min(max(failure.RetryAfter, RestAfterFailure), RestAfterWrong))
	}
}

// inOrder returns mirrors, the best first.
func (m *Mirrors) inOrder(list []*httpMirror) []*httpMirror {
	sorted := slices.Clone(list)
	if m.config.KeepOrder {
		return sorted
	}
	ranks := make(map[*httpMirror]int, len(list))
	for _, one := range list {
		ranks[one] = one.health.rank()
	}
	slices.SortStableFunc(sorted, func(a, b *httpMirror) int { return cmp.Compare(ranks[a], ranks[b]) })
	return sorted
}
