package bucket

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
)

// TestKilledFills kills a process that fills files, at any moment: the next one
// serves at once, the files that it finds are right, and what the killed one
// left in the spool does not stay.
func TestKilledFills(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	dir := t.TempDir()
	address := "file://" + filepath.ToSlash(dir)
	for range *kills {
		c := exec.Command(os.Args[0])
		c.Env, c.Stderr = append(os.Environ(), replicaOf+"="+address), os.Stderr
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		in, err := c.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		_, err = bufio.NewReader(out).ReadString('\n') // it has begun
		require.NoError(t, err)
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		require.NoError(t, c.Process.Kill())
		c.Wait()
		in.Close()

		var r reports
		b := opened(t, address)
		f := b.Files(FilesOptions{Report: r.add})
		for i := range filledFiles {
			data := filledFile(i)
			requireGet(t, f, data, slowly(data))
		}
		require.NoError(t, r.all())
		require.NoError(t, b.Close())
		left, err := filepath.Glob(filepath.Join(dir, spoolDir, "*"))
		require.NoError(t, err)
		require.Empty(t, left)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "files")))
	}
}

const filledFiles = 4

func filledFile(i int) []byte { return bodyOf(fmt.Sprint("filled ", i), 4*partWorth) }

// slowly is a Fill that goes on with what is there if it is right, as
// client.Mirrors.Download does.
func slowly(data []byte) Fill {
	return func(_ context.Context, dst client.Partial) error {
		there, err := io.ReadAll(dst)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(data, there) {
			if err := put(dst, nil); err != nil {
				return err
			}
			there = nil
		}
		for rest := data[len(there):]; len(rest) > 0; {
			n := min(len(rest), 32<<10)
			if _, err := dst.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
}

// fillForever is the process that is killed.
func fillForever(ctx context.Context, address string) error {
	b, err := Open(ctx, address)
	if err != nil {
		return err
	}
	f := b.Files(FilesOptions{})
	fmt.Println("begins")
	for n := 0; ; n++ {
		data := filledFile(n % filledFiles)
		w, err := newWanted(digestOf(data), int64(len(data)))
		if err != nil {
			return err
		}
		if err := b.objects.remove(ctx, w.key()); err != nil {
			return err
		}
		file, err := f.Get(ctx, digestOf(data), int64(len(data)), slowly(data))
		if err != nil {
			return err
		}
		file.Close()
	}
}
