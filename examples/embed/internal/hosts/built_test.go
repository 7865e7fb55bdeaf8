package hosts_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/examples/embed/internal/hosts"
)

var (
	dir       string
	underRace bool
)

func TestMain(m *testing.M) {
	if underRace {
		fmt.Println("left out under the race detector: it does not see into other programs")
		return
	}
	var err error
	if dir, err = os.MkdirTemp("", "tufwalk-embed-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var (
	buildModule  = sync.OnceValues(func() (string, error) { return hosts.BuildModule(context.Background(), dir) })
	buildLibrary = sync.OnceValues(func() (string, error) { return hosts.BuildLibrary(context.Background(), dir) })
)

// depends reads the files below folders that other programs read, so that go
// test runs the test again after a change.
func depends(t *testing.T, folders ...string) {
	for _, folder := range folders {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				_, err = os.ReadFile(path)
			}
			return err
		}))
	}
}

func module(t *testing.T) string {
	depends(t, "../../reactor", "../../node")
	file, err := buildModule()
	require.NoError(t, err)
	return file
}

// library returns the C library; without a C compiler, the test is skipped, and
// on systems where libraries have other names.
func library(t *testing.T) string {
	if runtime.GOOS != "linux" {
		t.Skip("for Linux only")
	}
	needed(t, "gcc")
	depends(t, "../../clib", "../../python")
	file, err := buildLibrary()
	require.NoError(t, err)
	return file
}

// needed skips the test if a program is missing. In CI it must be there.
func needed(t *testing.T, program string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		require.False(t, os.Getenv("CI") == "true" && runtime.GOOS == "linux", "%s is missing", program)
		t.Skipf("%s is not installed", program)
	}
	return path
}

// output runs a command that must succeed.
func output(t *testing.T, environment []string, name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
