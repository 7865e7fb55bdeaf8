package bucket

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var kills = flag.Int("kills", 10, "how often TestReplicas kills a replica")

// TestReplicas has two and three processes share one bucket: real clients,
// which update from a mirror that is up to date and from one that is behind,
// and sweep. One of them is killed, again and again, at any moment. What is
// stored, as a fresh replica sees it, never falls, and all updates that
// succeeded are stored.
//
//	go test ./services/internal/bucket -run TestReplicas -kills 1000
func TestReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n, " on S3"), func(t *testing.T) { playReplicas(t, s3(t), n) })
		t.Run(fmt.Sprint(n, " in a folder"), func(t *testing.T) {
			playReplicas(t, "file://"+filepath.ToSlash(t.TempDir()), n)
		})
	}
}

// A replica is told what it needs in these variables.
const (
	replicaOf    = "TUFWALK_TEST_BUCKET"
	replicaRoot  = "TUFWALK_TEST_ROOT"
	replicaHosts = "TUFWALK_TEST_MIRRORS"
)

// beReplica is what a replica does. It prints what it trusts after each update
// that succeeded.
func beReplica(address string) {
	go func() { // the test has ended
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	be := updateForever
	if os.Getenv(replicaRoot) == "" {
		be = fillForever
	}
	if err := be(context.Background(), address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func updateForever(ctx context.Context, address string) error {
	b, err := Open(ctx, address)
	if err != nil {
		return err
	}
	root, err := os.ReadFile(os.Getenv(replicaRoot))
	if err != nil {
		return err
	}
	records := b.Records("corp", verify.Options{})
	mirrors := strings.Fields(os.Getenv(replicaHosts))
	for i := 0; ; i++ {
		c, err := client.Open(client.Config{
			TrustedRoot: root, Metadata: []string{mirrors[rand.IntN(len(mirrors))]}, Store: records,
		})
		if err != nil {
			return err
		}
		for range 5 {
			if err := c.Refresh(ctx); err == nil {
				v := c.View().Repositories[0]
				fmt.Println("trusts", v.Root, v.Timestamp)
			}
			if s, err := records.Session(ctx, root, time.Now()); err == nil {
				// The grace period is two seconds.
				if swept, _ := records.Sweep(ctx, s, time.Now().Add(SweepReplaced-2*time.Second)); swept.Removed > 0 {
					fmt.Println("swept", swept.Removed)
				}
			}
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
}

// worldOf is a repository that goes on, and its mirrors.
type worldOf struct {
	*testing.T
	mu      sync.Mutex
	repo    *verifytest.Repo
	states  []verifytest.Files
	trusted map[string]int // what replicas said
	most    [2]int64       // root and timestamp that some replica has trusted
}

func (w *worldOf) publish(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n%10 == 9 {
		w.repo.Rotate("timestamp", 1, w.repo.Key(fmt.Sprint("timestamp ", n)))
	}
	w.repo.Publish()
	w.states = append(w.states, w.repo.Metadata().Clone())
}

// mirror serves a state: the newest one, or one of the last few.
func (w *worldOf) mirror(behind int) http.Handler {
	return http.HandlerFunc(func(res http.ResponseWriter, req *http.Request) {
		w.mu.Lock()
		state := w.states[max(0, len(w.states)-1-rand.IntN(behind+1))]
		w.mu.Unlock()
		body, ok := state[strings.TrimPrefix(req.URL.Path, "/")]
		if !ok {
			http.NotFound(res, req)
			return
		}
		res.Write(body)
	})
}

func playReplicas(t *testing.T, address string, n int) {
	w := &worldOf{T: t, repo: verifytest.New(verifytest.Options{Start: time.Now()}), trusted: map[string]int{}}
	root := filepath.Join(t.TempDir(), "root.json")
	require.NoError(t, os.WriteFile(root, w.repo.TrustedRoot(), 0o600))
	w.publish(0)
	var mirrors []string
	for _, behind := range []int{0, 4} {
		s := httptest.NewServer(w.mirror(behind))
		t.Cleanup(s.Close)
		mirrors = append(mirrors, s.URL)
	}
	env := append(os.Environ(), replicaOf+"="+address, replicaRoot+"="+root, replicaHosts+"="+strings.Join(mirrors, " "))
	replicas := make([]*exec.Cmd, n)
	var ended sync.WaitGroup
	start := func(i int) {
		c := exec.Command(os.Args[0])
		c.Env, c.Stderr = env, os.Stderr
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		in, err := c.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		ended.Go(func() {
			defer in.Close()
			w.listen(out)
			c.Wait()
		})
		replicas[i] = c
	}
	for i := range replicas {
		start(i)
	}
	defer func() {
		for _, c := range replicas {
			c.Process.Kill()
		}
		ended.Wait()
	}()

	var stored [2]int64
	for i := range *kills {
		for range 3 {
			w.publish(3*i + 1)
			time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		}
		w.publish(10*i + 9)
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		victim := rand.IntN(n)
		require.NoError(t, replicas[victim].Process.Kill())
		start(victim)
		stored = w.compare(address, stored)
	}
	// They go on.
	w.mu.Lock()
	before := w.most
	w.mu.Unlock()
	w.publish(1)
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.most[1] > before[1] || w.most[0] > before[0]
	}, time.Minute, 20*time.Millisecond)
	stored = w.compare(address, stored)
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Logf("%d kills; root %d, timestamp %d stored; %v", *kills, stored[0], stored[1], w.trusted)
}

// listen notes what a replica says.
func (w *worldOf) listen(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var root, timestamp int64
		w.mu.Lock()
		if n, _ := fmt.Sscanf(lines.Text(), "trusts %d %d", &root, &timestamp); n == 2 {
			w.trusted["updates"]++
			if root > w.most[0] || root == w.most[0] && timestamp > w.most[1] {
				w.most = [2]int64{root, timestamp}
			}
		} else {
			w.trusted[strings.Fields(lines.Text() + " .")[0]]++
		}
		w.mu.Unlock()
	}
}

// compare has a fresh replica look at what is stored: nothing may have fallen,
// and all that a replica has trusted is there.
func (w *worldOf) compare(address string, before [2]int64) (now [2]int64) {
	w.Helper()
	w.mu.Lock()
	most, all := w.most, w.states[len(w.states)-1]
	w.mu.Unlock()
	b, err := Open(w.Context(), address)
	require.NoError(w, err)
	defer b.Close()
	stored := verify.LoadStored(w.Context(), b.Records("corp", verify.Options{}))
	for v := int64(1); ; v++ {
		raw, ok := all[fmt.Sprintf("%d.root.json", v)]
		if !ok {
			break
		}
		for _, saved := range stored.Root {
			if bytes.Equal(saved, raw) {
				now[0] = v
			}
		}
	}
	if now[0] == 0 {
		require.Zero(w, before[0])
		return now
	}
	s, err := verify.New(all[fmt.Sprintf("%d.root.json", now[0])], verify.Stored{}, time.Now(), verify.Options{})
	require.NoError(w, err)
	role, err := s.Role(metadata.RoleTimestamp)
	require.NoError(w, err)
	for _, saved := range stored.Timestamp {
		env, err := metadata.Parse[metadata.Timestamp](saved, metadata.Options{})
		require.NoError(w, err)
		if file, err := roles.Verify(env, role); err == nil {
			now[1] = max(now[1], file.Header().Version)
		}
	}
	for _, least := range [][2]int64{before, most} {
		require.GreaterOrEqual(w, now[0], least[0], "the stored root has fallen")
		if now[0] == least[0] {
			require.GreaterOrEqual(w, now[1], least[1], "the stored timestamp has fallen")
		}
	}
	return now
}
