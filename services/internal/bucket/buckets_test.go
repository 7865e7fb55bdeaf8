package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// eachBucket runs a test with a bucket of each kind. It is given a function
// that opens the bucket once more, as another process would; in memory there is
// only one.
func eachBucket(t *testing.T, test func(t *testing.T, open func() *Bucket)) {
	t.Run("folder", func(t *testing.T) {
		address := "file://" + filepath.ToSlash(t.TempDir())
		test(t, func() *Bucket { return opened(t, address) })
	})
	t.Run("memory", func(t *testing.T) {
		b := opened(t, "mem://")
		test(t, func() *Bucket { return &Bucket{objects: b.objects} })
	})
	t.Run("S3", func(t *testing.T) {
		address := s3(t)
		test(t, func() *Bucket { return opened(t, address) })
	})
}

func opened(t *testing.T, address string) *Bucket {
	b, err := Open(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// server is one S3 server for all tests. It ends with the process.
var server = sync.OnceValues(startS3)

// buckets is the folder of the server's buckets.
type s3Server struct {
	folder, address string
	command         *exec.Cmd
}

func TestMain(m *testing.M) {
	if address := os.Getenv(replicaOf); address != "" {
		beReplica(address)
		return
	}
	code := m.Run()
	if s, err := server(); err == nil {
		s.command.Process.Kill()
		s.command.Wait()
		os.RemoveAll(s.folder)
	}
	os.Exit(code)
}

// s3 returns the URL of a new bucket on an S3 server.
func s3(t *testing.T) string {
	s, err := server()
	if err != nil {
		if os.Getenv("CI") == "true" {
			require.NoError(t, err)
		}
		t.Skipf("there is no S3 server: %v (CONTRIBUTING.md says how to install one)", err)
	}
	name := "b" + strings.ToLower(hex.EncodeToString([]byte(time.Now().Format("150405.000000"))))
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "buckets", name), 0o700))
	return fmt.Sprintf("s3://%s?endpoint=http://%s&region=us-east-1&use_path_style=true"+
		"&response_checksum_validation=when_required", name, s.address)
}

// findS3 looks for versitygw.
func findS3() (string, error) {
	if path := os.Getenv("TUFWALK_VERSITYGW"); path != "" {
		return path, nil
	}
	path, err := exec.LookPath("versitygw")
	if err == nil {
		return path, nil
	}
	folders, e := exec.Command("go", "env", "GOPATH").Output()
	if e != nil {
		return "", err
	}
	return exec.LookPath(filepath.Join(strings.TrimSpace(string(folders)), "bin", "versitygw"))
}

func startS3() (*s3Server, error) {
	if testing.Short() {
		return nil, fmt.Errorf("it is not started in short tests")
	}
	path, err := findS3()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "versitygw-*")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"buckets", "sidecar"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		return nil, err
	}
	l.Close()
	s := &s3Server{folder: folder, address: l.Addr().String()}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		os.Setenv(name, value)
	}
	s.command = exec.Command(path, "--port", s.address, "--access", "test", "--secret", "secret", "--quiet",
		"posix", "--sidecar", filepath.Join(folder, "sidecar"), filepath.Join(folder, "buckets"))
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		if res, err := http.Get("http://" + s.address); err == nil {
			res.Body.Close()
			return s, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.command.Process.Kill()
	s.command.Wait()
	return nil, fmt.Errorf("%s does not answer", path)
}

// digestOf is the digest of a file.
func digestOf(data []byte) multirepo.Hash {
	sum := sha256.Sum256(data)
	return multirepo.Hash{Algorithm: "sha256", Digest: hex.EncodeToString(sum[:])}
}

// bodyOf makes a file.
func bodyOf(name string, length int) []byte {
	return bytes.Repeat([]byte(name+" "), length/(len(name)+1)+1)[:length]
}

// filling is a Fill that writes a file, and counts how often.
type filling struct {
	data  []byte
	mu    sync.Mutex
	times int
}

func (f *filling) fill(_ context.Context, dst client.Partial) error {
	f.mu.Lock()
	f.times++
	f.mu.Unlock()
	return put(dst, f.data)
}

func (f *filling) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times
}

// put writes a whole file.
func put(dst client.Partial, data []byte) error {
	if _, err := dst.Seek(0, 0); err != nil {
		return err
	}
	if err := dst.Truncate(0); err != nil {
		return err
	}
	_, err := dst.Write(data)
	return err
}
