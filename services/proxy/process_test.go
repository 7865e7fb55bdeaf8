package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var (
	bins  = flag.Int("bins", 256, "hash bins of TestMemory (16384 is the size of PEP 458)")
	kills = flag.Int("kills", 8, "how often TestKill kills the proxy")
)

// childEnv has the test binary be the proxy.
const childEnv = "TUFWALK_TEST_PROXY"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// child is the proxy as a process of its own.
type child struct {
	*testing.T
	command      *exec.Cmd
	proxy, admin string
	ready        time.Duration // until it listened
}

// startChild starts the proxy before a mirror, with its bucket in a folder.
func startChild(t *testing.T, dir, mirror string, root []byte, more string) *child {
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.json"), root, 0o600))
	file := filepath.Join(dir, "proxy.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `listen: 127.0.0.1:0
admin: localhost:0
bucket: file://%[1]s/bucket
repositories:
  corp: {root: root.json, metadata: ["%[2]s/metadata"], targets: ["%[2]s/targets"]}
routes:
  /corp/: {protocol: plain, repository: corp}
log: {level: error}
%[3]s`, dir, mirror, more), 0o600))
	c := &child{T: t, command: exec.Command(os.Args[0], "--config", file)}
	c.command.Env = append(os.Environ(), childEnv+"=1")
	c.command.Stderr = os.Stderr
	out, err := c.command.StdoutPipe()
	require.NoError(t, err)
	begun := time.Now()
	require.NoError(t, c.command.Start())
	t.Cleanup(c.kill)
	lines := bufio.NewScanner(out)
	for _, url := range []*string{&c.proxy, &c.admin} {
		require.True(t, lines.Scan(), "the proxy ended")
		_, address, _ := strings.Cut(lines.Text(), " at ")
		*url = "http://" + address
	}
	c.ready = time.Since(begun)
	return c
}

// kill ends it as kill -9 does.
func (c *child) kill() {
	_ = c.command.Process.Kill()
	_ = c.command.Wait()
}

func (c *child) get(url string) (string, error) {
	res, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return fmt.Sprint(res.StatusCode, " ", string(body)), err
}

// peak is the most memory that the process has had, in bytes; 0 where the
// system does not say.
func (c *child) peak() int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.command.Process.Pid))
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(data)
	require.NotNil(c, found)
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	require.NoError(c, err)
	return n << 10
}

// binned returns a repository with hash bins, and a target in each of them,
// whose content is its path; each bin lists others too.
func binned(bins, others int) (repo *verifytest.Repo, paths []string) {
	repo = verifytest.New(verifytest.Options{Compact: true})
	top := repo.Targets()
	top.DelegateBins("bin", bins)
	full := map[string]int{}
	for i := 0; len(full) < bins || len(paths) < bins; i++ {
		path := fmt.Sprintf("packages/file-%d", i)
		bin := top.Bin(path)
		if full[bin.Name()]++; full[bin.Name()] > 1 {
			continue
		}
		bin.AddTarget(path, []byte(path))
		paths = append(paths, path)
		for j := range others {
			sum := sha256.Sum256([]byte(fmt.Sprint(path, j)))
			bin.AddTargetInfo(fmt.Sprintf("packages/other-%d-%d", i, j), 1000,
				map[string]string{"sha256": hex.EncodeToString(sum[:])})
		}
	}
	repo.Publish()
	return repo, paths
}

// All bins are asked for: the answers are right, and memory stays below the
// limit.
func TestMemory(t *testing.T) {
	const others = 30
	limit := int64(64 << 20)
	if *bins > 1000 {
		limit = 256 << 20
	}
	repo, paths := binned(*bins, others)
	size := 0
	for _, data := range repo.Metadata() {
		size += len(data)
	}
	mirror := httptest.NewServer(clienttest.NewServer(repo))
	defer mirror.Close()
	c := startChild(t, t.TempDir(), mirror.URL, repo.TrustedRoot(), fmt.Sprintf("limits: {memory: %dB}\n", limit))
	began := time.Now()
	var askers sync.WaitGroup
	var wrong sync.Map
	for n := range 8 {
		askers.Go(func() {
			for i := n; i < len(paths); i += 8 {
				if answer, err := c.get(c.proxy + "/corp/" + paths[i]); err != nil || answer != "200 "+paths[i] {
					wrong.Store(paths[i], fmt.Sprint(answer, err))
				}
			}
		})
	}
	askers.Wait()
	took := time.Since(began)
	wrong.Range(func(path, answer any) bool {
		t.Errorf("%s: %s", path, answer)
		return false
	})
	t.Logf("%d bins, %.1f MB of metadata: %.1f ms for each, %.0f MB of memory at most, limit %.0f MB", *bins,
		float64(size)/1e6,
		took.Seconds()*1000/float64(*bins), float64(c.peak())/1e6, float64(limit)/1e6)
	if !raced { // the race detector needs several times as much
		require.LessOrEqual(t, c.peak(), limit)
	}
}

// Killed at a random point, again and again: the next start serves at once.
func TestKill(t *testing.T) {
	repo, paths := binned(16, 4)
	body := make([]byte, 2<<20)
	for i := range body {
		body[i] = byte(i * i >> 7)
	}
	repo.Targets().AddToBin("packages/large", body)
	repo.Publish()
	handler := clienttest.NewServer(repo)
	mirror := httptest.NewServer(handler)
	defer mirror.Close()
	dir := t.TempDir()
	longest := time.Duration(0)
	for n := range *kills {
		if n%5 == 4 { // there is something new
			repo.Targets().AddToBin(paths[n%16], []byte(paths[n%16]))
			repo.Publish()
			handler.Publish(repo)
		}
		if n%7 == 6 { // and something to download
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "bucket", "files")))
		}
		c := startChild(t, dir, mirror.URL, repo.TrustedRoot(), "")
		begun := time.Now()
		answer, err := c.get(c.proxy + "/corp/" + paths[n%16])
		require.NoError(t, err)
		require.Equal(t, "200 "+paths[n%16], answer)
		longest = max(longest, c.ready+time.Since(begun))
		var askers sync.WaitGroup
		for i := range 4 {
			askers.Go(func() {
				for j := i; ; j++ {
					path, want := paths[j%16], "200 "+paths[j%16]
					if j%8 == 0 {
						path, want = "packages/large", "200 "+string(body)
					}
					answer, err := c.get(c.proxy + "/corp/" + path)
					if err != nil {
						return // it was killed
					}
					if answer != want {
						t.Errorf("%s: %.200s", path, answer)
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		c.kill()
		askers.Wait()
	}
	t.Logf("killed %d times; the first answer came after %s at most, the start included", *kills,
		longest.Round(time.Millisecond))
}
