package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

// fake is a bucket in memory, whose clock is the test's. Before and after each
// operation the test may step in, and make it fail.
type fake struct {
	mu      sync.Mutex
	clock   time.Time
	objects map[string]fakeObject
	changes int
}

type fakeObject struct {
	data    []byte
	modTime time.Time
}

// put writes an object.
func (f *fake) put(key string, data []byte) {
	f.objects[key] = fakeObject{bytes.Clone(data), f.clock}
	f.changes++
}

func newFake() *fake {
	return &fake{clock: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), objects: map[string]fakeObject{}}
}

// with returns the same bucket with another way to step in: that of one
// replica.
func (f *fake) with(step func(op, key string, after bool) error) objects { return &fakeView{f, step} }

type fakeView struct {
	*fake
	step func(op, key string, after bool) error
}

func (v *fakeView) do(ctx context.Context, op, key string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := v.step(op, key, false); err != nil {
		return err
	}
	v.mu.Lock()
	err := do()
	v.mu.Unlock()
	if late := v.step(op, key, true); late != nil {
		return late
	}
	return err
}

func (v *fakeView) list(ctx context.Context, prefix string) (list []object, err error) {
	err = v.do(ctx, "list", prefix, func() error {
		for key, o := range v.objects {
			if strings.HasPrefix(key, prefix) {
				list = append(list, object{key, int64(len(o.data)), o.modTime})
			}
		}
		sort.Slice(list, func(i, j int) bool { return list[i].key < list[j].key })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (v *fakeView) open(ctx context.Context, key string) (b *body, err error) {
	err = v.do(ctx, "open", key, func() error {
		o, ok := v.objects[key]
		if !ok {
			return fmt.Errorf("%s: %w", key, fs.ErrNotExist)
		}
		b = &body{io.NopCloser(bytes.NewReader(o.data)), int64(len(o.data)), o.modTime}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (v *fakeView) write(ctx context.Context, key string, data []byte, _ bool) error {
	return v.do(ctx, "write", key, func() error {
		v.put(key, data)
		return nil
	})
}

func (v *fakeView) add(ctx context.Context, key string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	data := make([]byte, info.Size())
	if _, err := file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return v.write(ctx, key, data, false)
}

func (v *fakeView) remove(ctx context.Context, key string) error {
	return v.do(ctx, "remove", key, func() error {
		delete(v.objects, key)
		v.changes++
		return nil
	})
}

func (v *fakeView) close() error { return nil }

func quiet(string, string, bool) error { return nil }
