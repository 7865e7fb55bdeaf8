package bucket

import (
	"context"
	"regexp"
	"slices"
	"time"
)

var isFileKey = regexp.MustCompile(`^files/sha(256/[0-9a-f]{2}/[0-9a-f]{64}|512/[0-9a-f]{2}/[0-9a-f]{128})$`)

// relist lists the bucket in the background: what an earlier process left, and
// later what other replicas have added and removed. The caller holds the lock.
func (f *Files) relist() {
	if f.listing || f.closed {
		return
	}
	f.listing, f.added = true, 0
	f.goes(func() {
		f.list(f.ctx)
		f.makeRoom()
	})
}

func (f *Files) list(ctx context.Context) {
	began := time.Now()
	list, err := f.objects.list(ctx, filesPrefix)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listing = false
	if err != nil {
		if ctx.Err() == nil {
			f.goes(func() { f.report(err) }) // not under the lock
		}
		return
	}
	slices.SortStableFunc(list, func(a, b object) int { return b.modTime.Compare(a.modTime) })
	there := make(map[string]bool, len(list))
	for _, o := range list {
		if isFileKey.MatchString(o.key) {
			there[o.key] = true
			f.index.setOldest(o.key, o.size)
		}
	}
	for key, e := range f.index.items {
		if it := e.Value.(*item[entry]); !there[key] && it.open == 0 && it.value.used.Before(began) {
			f.index.drop(key)
		}
	}
}

// makeRoom removes what was not used for the longest time.
func (f *Files) makeRoom() {
	f.mu.Lock()
	keys := f.index.shrink(f.options.MaxBytes)
	for _, key := range keys {
		f.memory.drop(key)
	}
	f.mu.Unlock()
	for _, key := range keys {
		if err := f.objects.remove(f.ctx, key); err != nil && f.ctx.Err() == nil {
			f.report(err)
		}
	}
}

// isAdded notes that this process has added a file. Other replicas may have
// too: from time to time the bucket is listed again.
func (f *Files) isAdded(w wanted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.added += w.length; f.added > f.options.MaxBytes/8 {
		f.relist()
	}
}
