package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a mirror does to a body, and whether it is reported as a liar. In any
// case the next mirror is asked.
func TestBadBodies(t *testing.T) {
	for name, c := range map[string]struct {
		answer  reply
		liar    bool
		because string
	}{
		"tampered": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			_, _ = rw.Write(bytes.ToUpper(data))
			return true
		}, true, "hash mismatch"},
		"truncated": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			_, _ = rw.Write(data[:1000])
			return true
		}, true, "length"},
		"truncated, of unknown length": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			_, _ = rw.Write(data[:1000])
			_ = http.NewResponseController(rw).Flush()
			return true
		}, true, "length"},
		"one byte more": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			_, _ = rw.Write(append(bytes.Clone(data), 'x'))
			return true
		}, true, "length"},
		"endless": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			for _, err := rw.Write(data); err == nil; _, err = rw.Write(data) {
			}
			return true
		}, true, "length"},
		"empty":         {func(http.ResponseWriter, *http.Request, []byte) bool { return true }, true, "length"},
		"breaks off":    {cut, false, "unexpected EOF"},
		"not there":     {status(http.StatusNotFound), false, "404"},
		"not permitted": {status(http.StatusUnauthorized), false, "401"},
		"gone down":     {status(http.StatusBadGateway), false, "502"},
		"half of it, unrequested": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes 0-999/%d", len(data)))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(data[:1000])
			return true
		}, false, "206"},
		"packed": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			rw.Header().Set("Content-Encoding", "gzip")
			_, _ = rw.Write(data)
			return true
		}, false, "Content-Encoding"},
		"no connection": {func(http.ResponseWriter, *http.Request, []byte) bool {
			panic(http.ErrAbortHandler)
		}, false, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, size)
			w.mirror("bad", forTargets(c.answer))
			stdout, stderr := w.fail("files/00.bin is not downloaded:\n  bad: ", "--retries", "1")
			require.Contains(t, stderr, c.because)
			require.Empty(t, w.visible())
			w.mirror("good", nil)
			for _, text := range []string{stdout, w.must("--retries", "1")} {
				require.Equal(t, c.liar, strings.Contains(text, "bad served a wrong files/00.bin: "), text)
				require.Equal(t, !c.liar, strings.Contains(text, "bad failed at files/00.bin: "), text)
				require.NotContains(t, text, "good served a wrong")
			}
		})
	}
}

// An earlier run left half of a file. Afterwards something happens to the file
// or to the mirror, and the next run has to succeed.
func TestResume(t *testing.T) {
	half := strconv.Itoa(size / 2)
	rest := "bytes=" + half + "-" // the range that is missing
	replace := func(data []byte) func(*world, string) {
		return func(_ *world, part string) { _ = os.WriteFile(part, data, 0o600) }
	}
	for name, c := range map[string]resumption{
		"the rest comes":       {nil, withETag, []string{rest}, "from m, resumed at byte " + half},
		"ranges are not known": {nil, whole, []string{rest}, "from m ("},
		"the file has changed": {nil, func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
			rw.Header().Set("ETag", `"other"`)
			http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
			return true
		}, []string{rest}, "from m ("},
		"no such range": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}), []string{rest, ""}, "from m ("},
		"another range": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(data)-1, len(data)))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(data)
		}), []string{rest, ""}, "from m ("},
		"the range of a longer file": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %s-%d/%d", half, len(data)-1, len(data)+1))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(data[size/2:])
		}), []string{rest, ""}, "from m ("},
		"a wrong rest": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %s-%d/%d", half, len(data)-1, len(data)))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(bytes.ToUpper(data[size/2:]))
		}), []string{rest, ""}, "from m ("},
		"the rest in two parts": {nil, func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
			if r.Header.Get("Range") != rest {
				return withETag(rw, r, data)
			}
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %s-%d/%d", half, size/2+999, size))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(data[size/2 : size/2+1000])
			return true
		}, []string{rest, "bytes=101000-"}, "from m, resumed at byte 101000"},
		"it was tampered with":     {replace(make([]byte, size/2)), withETag, []string{rest, ""}, "from m ("},
		"it was made longer":       {replace(make([]byte, 2*size)), nil, []string{""}, "from m ("},
		"it is complete and wrong": {replace(make([]byte, size)), nil, []string{""}, "from m ("},
		"it is complete and right": {func(w *world, part string) {
			replace(w.content["files/00.bin"])(w, part)
		}, nil, nil, "was complete"},
		"it is empty": {replace(nil), nil, []string{""}, "from m ("},
		"it is a directory": {func(w *world, part string) {
			require.NoError(w.t, os.Remove(part))
			require.NoError(w.t, os.MkdirAll(filepath.Join(part, "deep"), 0o700))
		}, nil, []string{""}, "from m ("},
		"its ETag is invalid": {func(w *world, part string) {
			replace([]byte("x\n\"a\r\nHost: evil\""))(w, part+".etag")
		}, nil, []string{rest}, "from m, resumed at byte " + half},
		"it is an older version's": {func(w *world, _ string) {
			w.content["files/00.bin"] = bytes.Repeat([]byte("new"), size/3)
			w.repo.Targets().AddToBin("files/00.bin", w.content["files/00.bin"])
			w.repo.Publish()
		}, nil, []string{""}, "from m ("},
	} {
		t.Run(name, c.test)
	}
}

// resumption is a run after one that was cut off at half of a file.
type resumption struct {
	then   func(w *world, part string) // between the runs
	answer reply
	ranges []string // of all requests
	says   string
}

func (c resumption) test(t *testing.T) {
	w := newWorld(t, 1, size)
	answer := forTargets(cut)
	w.mirror("m", func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		return answer != nil && answer(rw, r, data)
	})
	w.fail("unexpected EOF", "--retries", "0")
	part := w.part()
	data, err := os.ReadFile(part)
	require.NoError(t, err)
	require.Len(t, data, size/2)
	require.Empty(t, w.visible())
	w.since()

	if answer = nil; c.answer != nil {
		answer = forTargets(c.answer)
	}
	if c.then != nil {
		c.then(w, part)
	}
	text := w.must()
	require.Contains(t, text, "files/00.bin: "+c.says)
	require.NotContains(t, text, "served a wrong", "no mirror is blamed for a mixture")
	var ranges []string
	for _, r := range w.since() {
		ranges = append(ranges, r.Header.Get("Range"))
	}
	require.Equal(t, c.ranges, ranges)
}

func TestETag(t *testing.T) {
	w := newWorld(t, 1, size)
	broken := true
	w.mirror("m", forTargets(func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if broken {
			return cut(rw, r, data)
		}
		return withETag(rw, r, data)
	}))
	w.fail("unexpected EOF", "--retries", "0")
	w.since()
	broken = false
	require.Contains(t, w.must(), "resumed at byte 100000")
	asked := w.since()
	require.Len(t, asked, 1)
	require.Equal(t, `"cut"`, asked[0].Header.Get("If-Range"))
}

// One mirror breaks off, and the next one sends the rest. The first mirror's
// ETag is not sent to it.
func TestResumeAtAnotherMirror(t *testing.T) {
	w := newWorld(t, 1, size)
	w.mirror("first", forTargets(cut))
	w.mirror("second", nil)
	text := w.must("--retries", "0")
	require.Contains(t, text, "from second, resumed at byte 100000")
	require.Contains(t, text, "first failed at files/00.bin: unexpected EOF")
	asked := w.since()
	require.Len(t, asked, 2)
	require.Empty(t, asked[1].Header.Get("If-Range"))
}

// A liar's first half and an honest mirror's second half do not fit. The honest
// mirror is asked for the whole file, and not blamed.
func TestHonestMirrorIsNotBlamedForAnothersBytes(t *testing.T) {
	w := newWorld(t, 1, size)
	w.mirror("liar", forTargets(func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		return cut(rw, r, bytes.ToUpper(data))
	}))
	w.mirror("honest", nil)
	text := w.must("--retries", "1")
	require.Contains(t, text, "00.bin: from honest (")
	require.NotContains(t, text, "honest served a wrong")
}

func TestRetriesAreBounded(t *testing.T) {
	w := newWorld(t, 1, size)
	failures := 3
	w.mirror("m", forTargets(func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		if failures--; failures >= 0 {
			rw.Header().Set("Retry-After", "0")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}))
	w.fail("503", "--retries", "1")
	require.Len(t, w.since(), 2)
	require.Regexp(t, `m +1 +\d+ +1 +0 +0 +0`, w.must("--retries", "1"))
	require.Len(t, w.since(), 2)

	w = newWorld(t, 1, size)
	w.mirror("m", forTargets(status(http.StatusBadGateway)))
	w.fail("502", "--retries", "2")
	require.Len(t, w.since(), 3)
}

func TestInterrupt(t *testing.T) {
	w := newWorld(t, 1, size)
	ctx, cancel := context.WithCancel(context.Background())
	w.mirror("m", forTargets(func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if ctx.Err() != nil {
			return false
		}
		_, _ = rw.Write(data[:size/2])
		_ = http.NewResponseController(rw).Flush()
		cancel()
		<-r.Context().Done()
		return true
	}))
	var stdout, stderr bytes.Buffer
	require.Equal(t, 130, run(ctx, w.args(), &stdout, &stderr))
	require.Contains(t, stderr.String(), "interrupted")
	require.Empty(t, w.visible())
	w.must()
}
