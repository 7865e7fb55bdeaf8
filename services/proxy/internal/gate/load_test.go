package gate

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
)

var loadFor = flag.Duration("load", 2*time.Second, "how long TestLoad asks")

// Many clients at once, a tenth of them slow, while one mirror after the other
// fails in one way after the other, files leave the cache, and the repository
// publishes: nothing wrong is served, and whatever a good mirror has is.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	const clients, files = 500, 40
	w := newWorld(t, func(w *world) {
		for i := range files {
			w.repo.Targets().AddTarget(fmt.Sprintf("file-%d", i), content(i, 0))
		}
		w.repo.Publish()
		w.m1.Publish(w.repo)
		w.m2.Publish(w.repo)
	})
	before := heap()
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { w.fail(stop) })
	others.Go(func() { w.forget(stop) })
	var published atomic.Int64
	others.Go(func() {
		for until(stop, 700*time.Millisecond) {
			n := published.Load() + 1
			for i := 0; i < files; i += 4 {
				w.repo.Targets().AddTarget(fmt.Sprintf("file-%d", i), content(i, int(n)%contents))
			}
			w.repo.Publish()
			published.Store(n)
			w.m1.Publish(w.repo)
			w.m2.Publish(w.repo)
			_ = w.refresh() // as the watch does; a mirror may be failing
		}
	})
	var asked, wrong, failed atomic.Int64
	var first sync.Once
	var askers sync.WaitGroup
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	end := time.Now().Add(*loadFor)
	for n := range clients {
		slow := n%10 == 0
		askers.Go(func() {
			c := &http.Client{Transport: transport}
			for time.Now().Before(end) {
				i := rand.IntN(files)
				body, err := read(c, fmt.Sprintf("%s/corp/file-%d", w.url, i), slow)
				asked.Add(1)
				switch {
				case err != nil:
					failed.Add(1)
					first.Do(func() { t.Log("the first failure: ", err) })
				case !isContent(body, i):
					wrong.Add(1)
				}
			}
		})
	}
	askers.Wait()
	close(stop)
	others.Wait()
	transport.CloseIdleConnections()
	after := heap()
	t.Logf("%d requests in %s, %d wrong, %d failed; heap %.1f MB before, %.1f MB after", asked.Load(), *loadFor,
		wrong.Load(),
		failed.Load(), float64(before)/1e6, float64(after)/1e6)
	require.Zero(t, wrong.Load())
	require.Zero(t, failed.Load())
	require.Less(t, after, before+64<<20)
}

// content is that of a file in a version.
func content(file, version int) []byte {
	if file%4 != 0 {
		version = 0 // it stays
	}
	return bytes.Repeat(fmt.Appendf(nil, "file %d, version %d\n", file, version), 1+file*file*10)
}

// contents is how many versions there are: the repository has them in turn, so
// that what this test itself has in memory does not grow.
const contents = 3

// isContent says whether a body is that of a version of the file.
func isContent(body []byte, file int) bool {
	for v := range contents {
		if bytes.Equal(body, content(file, v)) {
			return true
		}
	}
	return false
}

// until waits, and says whether to go on.
func until(stop chan struct{}, pause time.Duration) bool {
	select {
	case <-stop:
		return false
	case <-time.After(pause):
		return true
	}
}

// fail has one mirror fail, and then the other one.
func (w *world) fail(stop chan struct{}) {
	faults := []clienttest.Fault{
		clienttest.Wrong(), clienttest.Status(500), clienttest.Cut(100), clienttest.WebPage(), clienttest.Status(404),
		clienttest.Length(10),
	}
	turn := max(400*time.Millisecond, *loadFor/100)
	for n := 0; until(stop, turn); n++ {
		bad, good := w.m1, w.m2
		if n%2 == 1 {
			bad, good = good, bad
		}
		bad.Heal()
		good.Heal()
		if !until(stop, turn/4) {
			return
		}
		bad.Always("/*/*", faults[n/2%len(faults)])
	}
}

// forget removes files from the cache.
func (w *world) forget(stop chan struct{}) {
	folder := w.config.Files.(*Folder).path
	for until(stop, 20*time.Millisecond) {
		names, _ := filepath.Glob(filepath.Join(folder, "sha256-*"))
		if len(names) > 0 {
			_ = os.Remove(names[rand.IntN(len(names))])
		}
	}
}

// read asks for a file, fast or slowly.
func read(c *http.Client, url string, slow bool) ([]byte, error) {
	res, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	if !slow {
		return io.ReadAll(res.Body)
	}
	var body bytes.Buffer
	for {
		_, err := io.CopyN(&body, res.Body, 32<<10)
		if err == io.EOF {
			return body.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
