package gate

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Cached files through the proxy, and the same files through http.FileServer,
// in turn in the same run: requests a second and the median latency.
//
//	go test ./services/proxy/internal/gate -run '^$' -bench Cached
func BenchmarkCached(b *testing.B) {
	sizes := []struct {
		name string
		size int
	}{{"1kB", 1e3}, {"100kB", 1e5}, {"10MB", 1e7}}
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) { benchCached(b, s.size) })
	}
}

func benchCached(b *testing.B, size int) {
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i * 7 >> 3)
	}
	w := newWorldFor(b, func(w *world) {
		w.repo.Targets().AddTarget("file", body)
		w.repo.Publish()
		w.m1.Publish(w.repo)
		w.m2.Publish(w.repo)
	})
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "file"), body, 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	plain := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	go func() { _ = plain.Serve(listener) }()
	defer plain.Close()
	ours, theirs := w.url+"/corp/file", "http://"+listener.Addr().String()+"/file"
	load(b, ours, size, 50*time.Millisecond)
	load(b, theirs, size, 50*time.Millisecond)
	var a, o figures
	for b.Loop() { // in turn, so that what else the machine does is shared
		o = o.with(load(b, theirs, size, 500*time.Millisecond))
		a = a.with(load(b, ours, size, 500*time.Millisecond))
	}
	b.ReportMetric(a.perSecond(), "req/s")
	b.ReportMetric(o.perSecond(), "FileServer-req/s")
	b.ReportMetric(a.perSecond()/o.perSecond(), "ratio")
	b.ReportMetric(float64(a.median().Microseconds()), "µs-median")
	b.ReportMetric(float64(o.median().Microseconds()), "FileServer-µs-median")
	b.ReportMetric(0, "ns/op")
}

type figures struct {
	took  time.Duration
	times []time.Duration
}

func (f figures) with(o figures) figures {
	return figures{f.took + o.took, append(f.times, o.times...)}
}

func (f figures) perSecond() float64 { return float64(len(f.times)) / f.took.Seconds() }

func (f figures) median() time.Duration {
	slices.Sort(f.times)
	return f.times[len(f.times)/2]
}

// load has four clients ask for a file for some time.
func load(b *testing.B, url string, size int, long time.Duration) figures {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	defer c.CloseIdleConnections()
	var wrong atomic.Int64
	var mu sync.Mutex
	f := figures{took: long}
	var clients sync.WaitGroup
	end := time.Now().Add(long)
	for range 4 {
		clients.Go(func() {
			var times []time.Duration
			for begun := time.Now(); begun.Before(end); begun = time.Now() {
				n, err := fetch(c, url)
				if err != nil || n != int64(size) {
					wrong.Add(1)
				}
				times = append(times, time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			f.times = append(f.times, times...)
		})
	}
	clients.Wait()
	require.Zero(b, wrong.Load())
	return f
}

func fetch(c *http.Client, url string) (int64, error) {
	res, err := c.Get(url)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %s", res.Status)
	}
	return io.Copy(io.Discard, res.Body)
}

// A cold page of an index with as many bins as PEP 458 has: metadata of its bin
// and the page are fetched, beside the time of one request to the mirror.
//
//	go test ./services/proxy/internal/gate -run '^$' -bench Cold -benchtime 300x
func BenchmarkCold(b *testing.B) {
	const bins, others = 1 << 14, 20
	var paths []string
	w := newWorldFor(b, func(w *world) {
		top := w.repo.Targets()
		top.DelegateBins("bin", bins)
		for i := range bins / 4 {
			path := fmt.Sprintf("simple/project-%d/index.json", i)
			top.AddToBin(path, []byte(path))
			for j := range others {
				top.Bin(path).AddTargetInfo(fmt.Sprint(path, j), 1, map[string]string{"sha256": strings.Repeat("0", 64)})
			}
			paths = append(paths, path)
		}
		w.repo.Publish()
		w.m1.Publish(w.repo)
		w.m2.Publish(w.repo)
	})
	c := &http.Client{}
	_, err := fetch(c, w.url+"/corp/hello.txt")
	require.NoError(b, err)
	mirror := &http.Client{Transport: w.network.Transport()}
	n, direct := 0, time.Duration(0)
	for b.Loop() {
		_, err := fetch(c, w.url+"/corp/"+paths[n%len(paths)])
		require.NoError(b, err)
		b.StopTimer()
		begun := time.Now()
		_, err = fetch(mirror, "https://m1/metadata/timestamp.json")
		require.NoError(b, err)
		direct += time.Since(begun)
		n++
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(n), "ms/page")
	b.ReportMetric(float64(direct.Microseconds())/1000/float64(n), "ms/mirror-request")
}
