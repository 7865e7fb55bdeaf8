package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// reports collects what was reported.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) all() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}

var errNotNeeded = errors.New("it is there already")

func notNeeded(context.Context, client.Partial) error { return errNotNeeded }

// requireGet requires that a file is there, or comes, with the right bytes.
func requireGet(t *testing.T, f *Files, data []byte, fill Fill) {
	t.Helper()
	file, err := f.Get(t.Context(), digestOf(data), int64(len(data)), fill)
	require.NoError(t, err)
	defer file.Close()
	require.Equal(t, int64(len(data)), file.Size)
	got, err := io.ReadAll(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

// settled waits until what goes on in the background is over.
func settled(f *Files) { f.running.Wait() }

// The sizes of files: in memory and in a spool file, where the bucket is no
// folder.
var sizes = []int{0, 1, 1000, smallBytes, smallBytes + 1}

func TestFilesAreFilledOnce(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		var r reports
		for _, size := range sizes {
			data := bodyOf("once", size)
			b := open()
			f := b.Files(FilesOptions{Report: r.add})
			filled := &filling{data: data}
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					file, err := f.Get(t.Context(), digestOf(data), int64(size), filled.fill)
					if err != nil {
						r.add(err)
						return
					}
					defer file.Close()
					if got, err := io.ReadAll(file); err != nil || !bytes.Equal(data, got) {
						r.add(fmt.Errorf("other bytes, %w", err))
					}
				})
			}
			all.Wait()
			require.Equal(t, 1, filled.count())
			settled(f)
			require.True(t, f.Has(digestOf(data)))

			again := open().Files(FilesOptions{Report: r.add}) // another process
			requireGet(t, again, data, notNeeded)
			requireGet(t, again, data, notNeeded)
		}
		require.NoError(t, r.all())
	})
}

func TestSha512(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		data := []byte("hello")
		digest := multirepo.Hash{Algorithm: "sha512", Digest: "" +
			"9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca7" +
			"2323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043"}
		f := open().Files(FilesOptions{})
		file, err := f.Get(t.Context(), digest, 5, (&filling{data: data}).fill)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		settled(f)
		file, err = open().Files(FilesOptions{}).Get(t.Context(), digest, 5, notNeeded)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	})
}

func TestDigestsThatAreNone(t *testing.T) {
	f := opened(t, "mem://").Files(FilesOptions{})
	good := digestOf(nil)
	for _, d := range []struct {
		digest multirepo.Hash
		length int64
	}{
		{multirepo.Hash{Algorithm: "md5", Digest: good.Digest[:32]}, 0},
		{multirepo.Hash{Algorithm: "sha256", Digest: good.Digest[:62] + "/."}, 0},
		{multirepo.Hash{Algorithm: "sha256", Digest: good.Digest[:62]}, 0},
		{multirepo.Hash{Algorithm: "sha256", Digest: "E" + good.Digest[1:]}, 0},
		{good, -1},
	} {
		_, err := f.Get(t.Context(), d.digest, d.length, notNeeded)
		require.ErrorIs(t, err, ErrDigest)
	}
}

// What a fill gets wrong is neither returned nor stored.
func TestAWrongFill(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		for _, size := range sizes[2:] {
			data := bodyOf("right", size)
			for _, wrong := range [][]byte{bodyOf("wrong", size), data[1:], append(bytes.Clone(data), 'x')} {
				var r reports
				f := open().Files(FilesOptions{Report: r.add})
				_, err := f.Get(t.Context(), digestOf(data), int64(size), (&filling{data: wrong}).fill)
				require.ErrorAs(t, err, new(*DamagedError))
				require.ErrorAs(t, r.all(), new(*DamagedError))
				_, err = f.Get(t.Context(), digestOf(data), int64(size), notNeeded)
				require.ErrorIs(t, err, errNotNeeded)
			}
		}
	})
}

// A file that is damaged in the bucket, before it is read by this process or
// after, is removed, reported and filled again.
func TestDamagedFiles(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		for _, size := range sizes[2:] {
			data := bodyOf("damaged", size)
			key := wanted{digestOf(data), int64(size)}.key()
			for name, damaged := range map[string][]byte{
				"other bytes": bodyOf("DAMAGED", size), "short": data[:size/2], "empty": nil,
			} {
				t.Run(fmt.Sprint(size, " ", name), func(t *testing.T) {
					var r reports
					b := open()
					require.NoError(t, b.objects.write(t.Context(), key, damaged, false))
					f := b.Files(FilesOptions{Report: r.add})
					filled := &filling{data: data}
					requireGet(t, f, data, filled.fill)
					require.Equal(t, 1, filled.count())
					require.ErrorAs(t, r.all(), new(*DamagedError))
					settled(f)
					requireGet(t, open().Files(FilesOptions{}), data, notNeeded)
				})
			}
		}
	})
}

// In a folder, a file that was changed after its digest was compared is
// compared again.
func TestAFileThatChangesLater(t *testing.T) {
	dir := t.TempDir()
	f := opened(t, "file://"+filepath.ToSlash(dir)).Files(FilesOptions{})
	data := bodyOf("later", 1000)
	filled := &filling{data: data}
	requireGet(t, f, data, filled.fill)
	name := filepath.Join(dir, filepath.FromSlash(wanted{digestOf(data), 1000}.key()))
	require.NoError(t, os.WriteFile(name, bodyOf("LATER", 1000), 0o600))
	requireGet(t, f, data, filled.fill)
	require.Equal(t, 2, filled.count())
	require.NoError(t, os.Remove(name))
	requireGet(t, f, data, filled.fill)
	require.Equal(t, 3, filled.count())
}

// Somebody who may list a digest with another length does not remove the file
// of those who list it right.
func TestAnotherLengthRemovesNothing(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		f := open().Files(FilesOptions{})
		data := bodyOf("length", 1000)
		requireGet(t, f, data, (&filling{data: data}).fill)
		_, err := f.Get(t.Context(), digestOf(data), 999, (&filling{data: data}).fill)
		require.ErrorAs(t, err, new(*DamagedError))
		settled(f)
		requireGet(t, open().Files(FilesOptions{}), data, notNeeded)
	})
}

// One that gives up does not stop the others; when all have given up, the fill
// is cancelled, and the next one begins anew.
func TestGivingUp(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		f := open().Files(FilesOptions{})
		data := bodyOf("patience", 1000)
		begun, finish := make(chan struct{}), make(chan struct{})
		fill := func(ctx context.Context, dst client.Partial) error {
			close(begun)
			select {
			case <-finish:
				return put(dst, data)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		patient := make(chan error, 1)
		go func() {
			file, err := f.Get(t.Context(), digestOf(data), 1000, fill)
			if err == nil {
				err = file.Close()
			}
			patient <- err
		}()
		<-begun
		short, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.Get(short, digestOf(data), 1000, notNeeded)
		require.ErrorIs(t, err, context.Canceled)
		close(finish)
		require.NoError(t, <-patient)

		other := bodyOf("nobody", 1000)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		_, err = f.Get(ctx, digestOf(other), 1000, func(inner context.Context, _ client.Partial) error {
			cancel()
			<-inner.Done()
			ended <- context.Cause(inner)
			return context.Cause(inner)
		})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, <-ended, errAbandoned)
		requireGet(t, f, other, (&filling{data: other}).fill)
	})
}

// All files together have a bound. What was used last stays, and what is open;
// what an earlier process left counts as old.
func TestFilesAreBounded(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		const size, most = 1000, 5500
		f := open().Files(FilesOptions{MaxBytes: most})
		data := make([][]byte, 12)
		for i := range data {
			data[i] = bodyOf(fmt.Sprint("file ", i), size)
		}
		first, err := f.Get(t.Context(), digestOf(data[0]), size, (&filling{data: data[0]}).fill)
		require.NoError(t, err)
		for i := range 10 {
			requireGet(t, f, data[i], (&filling{data: data[i]}).fill)
			settled(f)
			if f.folder != nil { // a small file elsewhere is in memory: it is not open
				require.True(t, f.Has(digestOf(data[0])))
			}
		}
		got, err := io.ReadAll(first)
		require.NoError(t, err)
		require.Equal(t, data[0], got)
		require.NoError(t, first.Close())
		requireGet(t, f, data[9], notNeeded)
		files, bytes := f.Usage()
		require.LessOrEqual(t, bytes, int64(most))
		require.Equal(t, int64(files*size), bytes)

		b := open()
		again := b.Files(FilesOptions{MaxBytes: 2500})
		settled(again)
		list, err := b.objects.list(t.Context(), filesPrefix)
		require.NoError(t, err)
		require.Len(t, list, 2)
		files, bytes = again.Usage()
		require.Equal(t, 2, files)
		require.Equal(t, int64(2000), bytes)
	})
}

// A part that an earlier fill left, or a killed process, is gone on with.
func TestAFillGoesOn(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		spool := t.TempDir()
		data := bodyOf("resumed", 3*partWorth)
		broken := errors.New("the mirror dies")
		half := func(_ context.Context, dst client.Partial) error {
			if err := put(dst, data[:len(data)/2]); err != nil {
				return err
			}
			return broken
		}
		rest := func(_ context.Context, dst client.Partial) error {
			there, err := io.ReadAll(dst)
			if err != nil || !bytes.Equal(there, data[:len(data)/2]) {
				return fmt.Errorf("there are %d bytes: %w", len(there), errors.Join(err, errNotNeeded))
			}
			_, err = dst.Write(data[len(there):])
			return err
		}
		b := open()
		f := b.Files(FilesOptions{Spool: spool})
		_, err := f.Get(t.Context(), digestOf(data), int64(len(data)), half)
		require.ErrorIs(t, err, broken)
		f.close()
		requireGet(t, open().Files(FilesOptions{Spool: spool}), data, rest)
	})
}

// Whatever call of the bucket fails, a file that is filled is right, and is
// returned.
func TestTheBucketFails(t *testing.T) {
	for _, size := range sizes[2:] {
		for _, op := range []string{"list", "open", "write", "remove"} {
			for _, late := range []bool{false, true} {
				t.Run(fmt.Sprint(size, op, late), func(t *testing.T) {
					store, data := newFake(), bodyOf("fault", size)
					failing := store.with(func(what, _ string, after bool) error {
						if what == op && after == late {
							return errFault
						}
						return nil
					})
					var r reports
					b := &Bucket{objects: failing}
					f := b.Files(FilesOptions{MaxBytes: int64(size) * 3 / 2, Report: r.add})
					requireGet(t, f, data, (&filling{data: data}).fill)
					requireGet(t, f, data, (&filling{data: data}).fill)
					other := bodyOf("other", size)
					requireGet(t, f, other, (&filling{data: other}).fill)
					settled(f)
					require.ErrorIs(t, r.all(), errFault)
					require.NoError(t, b.Close())
				})
			}
		}
	}
}

func TestClosedFiles(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		b := open()
		f := b.Files(FilesOptions{})
		begun, ended := make(chan struct{}), make(chan error, 1)
		data := bodyOf("closed", 1000)
		go func() {
			_, err := f.Get(t.Context(), digestOf(data), 1000, func(ctx context.Context, _ client.Partial) error {
				close(begun)
				<-ctx.Done()
				return context.Cause(ctx)
			})
			ended <- err
		}()
		<-begun
		f.close()
		require.ErrorIs(t, <-ended, fs.ErrClosed)
		_, err := f.Get(t.Context(), digestOf(data), 1000, notNeeded)
		require.ErrorIs(t, err, fs.ErrClosed)
	})
}

// A stream has what has come, less what is held back.
func TestFollow(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		const hold = 100
		data := bodyOf("stream", smallBytes+1000)
		f := open().Files(FilesOptions{HoldBack: hold})
		step := make(chan struct{})
		fill := func(_ context.Context, dst client.Partial) error {
			if err := put(dst, data[:500]); err != nil {
				return err
			}
			<-step
			if _, err := dst.Write(data[500:]); err != nil {
				return err
			}
			<-step
			return nil
		}
		s, err := f.Follow(t.Context(), digestOf(data), int64(len(data)), fill)
		require.NoError(t, err)
		defer s.Close()
		got := make([]byte, len(data))
		_, err = io.ReadFull(s, got[:500])
		require.NoError(t, err)
		step <- struct{}{}
		_, err = io.ReadFull(s, got[500:len(data)-hold])
		require.NoError(t, err)
		more := make(chan struct{})
		go func() {
			defer close(more)
			_, err = io.ReadFull(s, got[len(data)-hold:])
		}()
		select {
		case <-more:
			require.Fail(t, "the end came before the file was verified")
		case <-time.After(20 * time.Millisecond):
		}
		step <- struct{}{}
		<-more
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got))
		_, err = s.Read(got)
		require.ErrorIs(t, err, io.EOF)
	})
}

// A mirror sends wrong bytes, and the next one the right ones: who was sent the
// wrong ones sees an error, and never a whole file. If only what was not sent
// yet was wrong, nobody sees it.
func TestFollowAfterWrongBytes(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		for name, c := range map[string]struct {
			right int // so many bytes of the first mirror are right
			err   error
		}{
			"wrong from the beginning": {0, ErrStreamBroken},
			"wrong later":              {2000, nil},
		} {
			t.Run(name, func(t *testing.T) {
				data := bodyOf(name, 10000) // a file of its own: an upload may go on when a test has ended
				first := append(bytes.Clone(data[:c.right]), bodyOf("FIRST", 5000-c.right)...)
				f := open().Files(FilesOptions{HoldBack: 100})
				step := make(chan struct{})
				fill := func(_ context.Context, dst client.Partial) error {
					if err := put(dst, first); err != nil {
						return err
					}
					<-step
					err := put(dst, data)
					step <- struct{}{}
					return err
				}
				s, err := f.Follow(t.Context(), digestOf(data), 10000, fill)
				require.NoError(t, err)
				defer s.Close()
				_, err = io.ReadFull(s, make([]byte, 1000))
				require.NoError(t, err)
				step <- struct{}{}
				<-step
				rest, err := io.ReadAll(s)
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
					require.Less(t, len(rest), 9000)
					return
				}
				require.NoError(t, err)
				require.Equal(t, data[1000:], rest)
			})
		}
	})
}

// A fill that fails breaks its streams off; one that fails at once fails
// Follow, so that nothing is sent.
func TestFollowAFillThatFails(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		f := open().Files(FilesOptions{HoldBack: 100})
		data, broken := bodyOf("broken", 10000), errors.New("no mirror has it")
		_, err := f.Follow(t.Context(), digestOf(data), 10000, func(context.Context, client.Partial) error { return broken })
		require.ErrorIs(t, err, broken)
		s, err := f.Follow(t.Context(), digestOf(data), 10000, func(_ context.Context, dst client.Partial) error {
			return errors.Join(put(dst, data[:9950]), broken)
		})
		if err == nil { // it may have failed before anything was read
			var got []byte
			got, err = io.ReadAll(s)
			require.LessOrEqual(t, len(got), 9900)
			s.Close()
		}
		require.ErrorIs(t, err, broken)
	})
}
