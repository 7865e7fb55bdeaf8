package gate

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tufwalk/tufwalk/client"
)

// answers are the answers from a view, by target path, and the refusals of the
// last seconds.
type answers struct {
	now     func() time.Time
	known   *lru.Cache[string, *answer]
	refused *lru.Cache[string, *refusal]

	mu       sync.Mutex
	view     *client.View // the last one
	versions [][4]int64   // of each repository
	number   int          // counts views that differ
}

func newAnswers(now func() time.Time) *answers {
	a := &answers{now: now}
	a.known, _ = lru.New[string, *answer](maxAnswers) // fails for sizes below one only
	a.refused, _ = lru.New[string, *refusal](maxAnswers / 16)
	return a
}

// from drops what is from another view than this one, and returns its number.
func (a *answers) from(view *client.View) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if view != a.view {
		a.view = view
		if a.differs(view) {
			a.known.Purge()
			a.number++
		}
	}
	return a.number
}

// differs notes the versions of a view, and says whether they are others:
// otherwise its files are the same, and so are the answers. A repository of a
// map that is not yet up to date says nothing but which root it has.
func (a *answers) differs(view *client.View) (differs bool) {
	if view == nil {
		return true
	}
	for i, r := range view.Repositories {
		if i == len(a.versions) {
			a.versions = append(a.versions, [4]int64{})
		}
		now := versionsOf(r)
		if r.Timestamp == 0 {
			now = a.versions[i]
			now[0] = max(now[0], r.Root)
		}
		if now != a.versions[i] {
			a.versions[i], differs = now, true
		}
	}
	return differs
}

func versionsOf(r client.RepositoryView) [4]int64 {
	return [4]int64{r.Root, r.Timestamp, r.Snapshot, r.Targets}
}

// isOlder says whether something of a view is older than in the last one.
func (a *answers) isOlder(view *client.View) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, r := range view.Repositories {
		if i == len(a.versions) {
			break
		}
		for role, version := range versionsOf(r) {
			if r.Timestamp > 0 && version < a.versions[i][role] {
				return true
			}
		}
	}
	return false
}

// get returns an answer that is good.
func (a *answers) get(path string) *answer {
	if known, ok := a.known.Get(path); ok && known.good(a.now()) {
		return known
	}
	return nil
}

// add remembers an answer that was found in the view with a number.
func (a *answers) add(known *answer, number int) {
	if len(known.path) > maxRemembered {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if number == a.number {
		a.known.Add(known.path, known)
	}
}

// drop forgets an answer that did not do.
func (a *answers) drop(path string) { a.known.Remove(path) }

// refusal returns a refusal of the last seconds.
func (a *answers) refusal(path string) *refusal {
	if a.refused.Len() == 0 {
		return nil
	}
	if r, ok := a.refused.Get(path); ok && time.Since(r.at) < RefusedFor {
		return r
	}
	return nil
}

// refuse remembers a refusal for some seconds.
func (a *answers) refuse(path string, r *refusal) {
	if len(path) <= maxRemembered {
		a.refused.Add(path, r)
	}
}
