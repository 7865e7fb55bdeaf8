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

const size = 200_000

// What a mirror does to a body, and whether it is called a liar for it. The
// next mirror's copy is taken in any case.
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
		"cut short": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
			_, _ = rw.Write(data[:1000])
			return true
		}, true, "length"},
		"cut short, of unknown length": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
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
		"half of it unasked": {func(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
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
		"no connection": {func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) }, false, "EOF"},
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

func status(code int) reply {
	return func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		rw.WriteHeader(code)
		return true
	}
}

// An earlier run left half of a file. What the next one makes of it, whatever
// has happened since to the file or the mirror.
func TestResume(t *testing.T) {
	half := strconv.Itoa(size / 2)
	write := func(name string, data []byte) { _ = os.WriteFile(name, data, 0o600) }
	for name, c := range map[string]struct {
		then   func(w *world, part string) // between the runs
		answer reply
		ranges []string // of all requests
		says   string
	}{
		"the rest comes":       {nil, withETag, []string{"bytes=" + half + "-"}, "from m, on from byte " + half},
		"ranges are not known": {nil, whole, []string{"bytes=" + half + "-"}, "from m ("},
		"the file has changed": {nil, func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
			rw.Header().Set("ETag", `"other"`)
			http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
			return true
		}, []string{"bytes=" + half + "-"}, "from m ("},
		"no such range": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}), []string{"bytes=" + half + "-", ""}, "from m ("},
		"another range": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(data)-1, len(data)))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(data)
		}), []string{"bytes=" + half + "-", ""}, "from m ("},
		"the range of a longer file": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %s-%d/%d", half, len(data)-1, len(data)+1))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(data[size/2:])
		}), []string{"bytes=" + half + "-", ""}, "from m ("},
		"a wrong rest": {nil, unlessWhole(func(rw http.ResponseWriter, data []byte) {
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %s-%d/%d", half, len(data)-1, len(data)))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(bytes.ToUpper(data[size/2:]))
		}), []string{"bytes=" + half + "-", ""}, "from m ("},
		"the rest in two parts": {nil, func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
			if r.Header.Get("Range") != "bytes="+half+"-" {
				return withETag(rw, r, data)
			}
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %s-%d/%d", half, size/2+999, size))
			rw.WriteHeader(http.StatusPartialContent)
			_, _ = rw.Write(data[size/2 : size/2+1000])
			return true
		}, []string{"bytes=" + half + "-", "bytes=101000-"}, "from m, on from byte 101000"},
		"it was tampered with":  {func(_ *world, part string) { write(part, make([]byte, size/2)) }, withETag, []string{"bytes=" + half + "-", ""}, "from m ("},
		"it was made longer":    {func(_ *world, part string) { write(part, make([]byte, 2*size)) }, nil, []string{""}, "from m ("},
		"it is whole and wrong": {func(_ *world, part string) { write(part, make([]byte, size)) }, nil, []string{""}, "from m ("},
		"it is whole and right": {func(w *world, part string) { write(part, w.content["files/00.bin"]) }, nil, nil, "was all there"},
		"it is empty":           {func(_ *world, part string) { write(part, nil) }, nil, []string{""}, "from m ("},
		"it is a link": {func(w *world, part string) {
			require.NoError(w.t, os.Remove(part))
			if err := os.Symlink("elsewhere", part); err != nil { // Windows asks for a privilege
				w.t.Skip(err)
			}
		}, nil, []string{""}, "from m ("},
		"it is a directory": {func(w *world, part string) {
			require.NoError(w.t, os.Remove(part))
			require.NoError(w.t, os.MkdirAll(filepath.Join(part, "deep"), 0o700))
		}, nil, []string{""}, "from m ("},
		"its ETag is rubbish": {func(_ *world, part string) { write(part+".etag", []byte("x\n\"a\r\nHost: evil\"")) }, nil, []string{"bytes=" + half + "-"}, "from m, on from byte " + half},
		"it is an older version's": {func(w *world, _ string) {
			w.content["files/00.bin"] = bytes.Repeat([]byte("new"), size/3)
			w.repo.Targets().AddToBin("files/00.bin", w.content["files/00.bin"])
			w.repo.Publish()
		}, nil, []string{""}, "from m ("},
	} {
		t.Run(name, func(t *testing.T) {
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
			require.NotContains(t, text, "served a wrong", "nobody is to blame for a mixture")
			var ranges []string
			for _, r := range w.since() {
				ranges = append(ranges, r.Header.Get("Range"))
			}
			require.Equal(t, c.ranges, ranges)
		})
	}
}

func whole(rw http.ResponseWriter, _ *http.Request, data []byte) bool {
	_, _ = rw.Write(data)
	return true
}

// withETag answers with the ETag that cut has.
func withETag(rw http.ResponseWriter, r *http.Request, data []byte) bool {
	rw.Header().Set("ETag", `"cut"`)
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
	return true
}

// unlessWhole answers requests for a range.
func unlessWhole(f func(rw http.ResponseWriter, data []byte)) reply {
	return func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
		if r.Header.Get("Range") == "" {
			return false
		}
		f(rw, data)
		return true
	}
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
	require.Contains(t, w.must(), "on from byte 100000")
	asked := w.since()
	require.Len(t, asked, 1)
	require.Equal(t, `"cut"`, asked[0].Header.Get("If-Range"))
}

// One mirror breaks off, and the next goes on: its ETags are its own, so the
// first one's are not for it.
func TestGoingOnAtAnotherMirror(t *testing.T) {
	w := newWorld(t, 1, size)
	w.mirror("first", forTargets(cut))
	w.mirror("second", nil)
	text := w.must("--retries", "0")
	require.Contains(t, text, "from second, on from byte 100000")
	require.Contains(t, text, "first failed at files/00.bin: unexpected EOF")
	asked := w.since()
	require.Len(t, asked, 2)
	require.Empty(t, asked[1].Header.Get("If-Range"))
}

// A liar's first half and an honest mirror's second do not fit. The honest one
// is asked for the whole and not blamed.
func TestHonestMirrorIsNotBlamedForAnothersBytes(t *testing.T) {
	w := newWorld(t, 1, size)
	w.mirror("poisoner", forTargets(func(rw http.ResponseWriter, r *http.Request, data []byte) bool {
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
