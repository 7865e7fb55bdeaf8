package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// inNetworks plays a test under a fake clock.
func inNetworks(t *testing.T, play func(w *networks, target Target, path string)) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetworks(t)
		target := w.lookup()
		play(w, target, "/targets/"+target.urlPaths[0])
	})
}

// onlyA leaves mirror a alone.
func (w *networks) onlyA() {
	w.config.Metadata, w.config.Targets, w.config.Headers = w.config.Metadata[:1], w.config.Targets[:1], nil
}

func (w *networks) download(m *Mirrors, t Target, dst Partial) error {
	return m.Download(w.Context(), t, dst, DownloadOptions{})
}

func TestDownloadCutAtEveryByte(t *testing.T) {
	for _, ranges := range []bool{true, false} {
		t.Run(fmt.Sprint("ranges ", ranges), func(t *testing.T) {
			inNetworks(t, func(w *networks, _ Target, _ string) {
				target := w.lookupOf(smallPath)
				path := "/targets/" + target.urlPaths[0]
				w.onlyA()
				w.config.Retries = -1
				m := w.mirrors()
				for n := range len(small) {
					fault := clienttest.Cut(n)
					if !ranges {
						fault = clienttest.All(fault, clienttest.NoRanges())
					}
					w.a.On(path, fault)
					var dst memoryFile
					require.Error(w, w.download(m, target, &dst))
					require.Equal(w, string(small[:n]), string(dst.data), "what has come stays")
					if !ranges {
						w.a.On(path, clienttest.NoRanges())
					}
					require.NoError(w, w.download(m, target, &dst))
					require.Equal(w, small, dst.data)
					last := w.a.Log()[len(w.a.Log())-1]
					if n > 0 {
						require.Equal(w, fmt.Sprintf("bytes=%d-", n), last.Header.Get("Range"))
					}
				}
			})
		})
	}
}

func TestMetadataCutAtEveryByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetworks(t)
		w.onlyA()
		for n := range len(w.file("/metadata/timestamp.json")) {
			w.a.On("/metadata/timestamp.json", clienttest.Cut(n), clienttest.Unframed(n))
			said, err := w.update(w.mirrors())
			require.NoError(t, err)
			require.NoError(t, said)
		}
	})
}

func TestDownloadThatMakesProgressGoesOn(t *testing.T) {
	for piece, goesOn := range map[int]bool{worthATry: true, worthATry - 1: false} {
		inNetworks(t, func(w *networks, _ Target, _ string) {
			big := bytes.Repeat([]byte("0123456789abcdef"), 4*worthATry/16)
			w.repo.Targets().AddTarget("big", big)
			w.repo.Publish()
			w.a.Publish(w.repo)
			w.onlyA()
			w.config.Retries = 1
			target := w.lookupOf("big")
			for range 3 { // more often than there are tries
				w.a.On("/targets/"+target.urlPaths[0], clienttest.Cut(piece))
			}
			err := w.download(w.mirrors(), target, new(memoryFile))
			require.Equal(w, goesOn, err == nil, "%v", err)
			if goesOn {
				require.Len(w, w.a.Log(), 4)
			} else {
				require.Len(w, w.a.Log(), 2)
			}
		})
	}
}

func TestDownloadContinuesAtTheNextMirror(t *testing.T) {
	inNetworks(t, func(w *networks, target Target, path string) {
		w.a.On(path, clienttest.Stall(1500), clienttest.Stall(0))
		w.a.Always(path, clienttest.Status(500))
		require.NoError(w, w.download(w.mirrors(), target, new(memoryFile)))
		require.Equal(w, "bytes=1500-", w.b.Log()[0].Header.Get("Range"))
	})
}

func TestWhatIsThereIsVerified(t *testing.T) {
	tests := map[string]struct {
		there    func(file []byte) []byte
		requests int
	}{
		"nothing":                    {func([]byte) []byte { return nil }, 1},
		"all of it":                  {bytes.Clone, 0},
		"a wrong beginning":          {func(f []byte) []byte { return make([]byte, 10) }, 2},
		"a wrong file":               {func(f []byte) []byte { return make([]byte, len(f)) }, 1},
		"the file and more":          {func(f []byte) []byte { return append(bytes.Clone(f), 0) }, 1},
		"all but the last byte":      {func(f []byte) []byte { return bytes.Clone(f[:len(f)-1]) }, 1},
		"a wrong file but one byte ": {func(f []byte) []byte { return make([]byte, len(f)-1) }, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inNetworks(t, func(w *networks, target Target, path string) {
				dst := &memoryFile{data: test.there(w.target)}
				require.NoError(w, w.download(w.mirrors(), target, dst))
				require.Equal(w, w.target, dst.data)
				require.Len(w, w.a.Log(), test.requests)
				require.Empty(w, w.b.Log())
			})
		})
	}
}

func TestAMirrorIsNotBlamedForAMixture(t *testing.T) {
	inNetworks(t, func(w *networks, target Target, path string) {
		m := w.mirrors()
		require.NoError(w, w.download(m, target, &memoryFile{data: make([]byte, 10)}))
		require.Zero(w, m.targets[0].health.rank())
	})
}

func TestPartsThatNobodyAskedFor(t *testing.T) {
	part := func(status int, contentRange string) clienttest.Fault {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				out.Header().Set("Content-Range", contentRange)
				out.WriteHeader(status)
				_, _ = io.WriteString(out, "x")
			})
		}
	}
	for name, fault := range map[string]clienttest.Fault{
		"another part":        part(206, "bytes 0-9/4028"),
		"of another length":   part(206, "bytes 10-99/100"),
		"no part":             part(206, ""),
		"beyond the end":      clienttest.Status(416),
		"a part that is less": part(206, "bytes 10-10/4028"),
	} {
		t.Run(name, func(t *testing.T) {
			inNetworks(t, func(w *networks, target Target, path string) {
				w.onlyA()
				w.a.On(path, fault)
				dst := &memoryFile{data: bytes.Clone(w.target[:10])}
				err := w.download(w.mirrors(), target, dst)
				require.NoError(w, err)
				require.Equal(w, w.target, dst.data)
			})
		})
	}
}

func TestWhoseFault(t *testing.T) {
	t.Run("a full disk", func(t *testing.T) {
		inNetworks(t, func(w *networks, target Target, path string) {
			m := w.mirrors()
			err := w.download(m, target, &memoryFile{fits: 100, full: syscall.ENOSPC})
			fault := new(verify.CopyError)
			require.ErrorAs(w, err, &fault)
			require.True(w, fault.Writing)
			require.ErrorIs(w, err, syscall.ENOSPC)
			require.Equal(w, verify.KindStore, verify.KindOf(err))
			require.Len(w, w.a.Log(), 1)
			require.Empty(w, w.b.Log(), "no other mirror can help")
			require.Zero(w, m.targets[0].health.rank(), "nor is one to blame")
		})
	})
	t.Run("wrong bytes", func(t *testing.T) {
		inNetworks(t, func(w *networks, target Target, path string) {
			w.a.Always(path, clienttest.Wrong())
			w.b.Always(path, clienttest.WebPage())
			err := w.download(w.mirrors(), target, new(memoryFile))
			require.Equal(w, verify.KindWrongBytes, verify.KindOf(err))
			require.ErrorContains(w, err, "dir/app.tgz could not be downloaded: a.example/targets: ")
			require.ErrorContains(w, err, "; b.example/targets: sent a web page (HTML)")
			require.True(w, asDownloadError(w, err).Replaced())
		})
	})
	t.Run("all say absent", func(t *testing.T) {
		inNetworks(t, func(w *networks, target Target, path string) {
			w.a.Remove(path)
			w.b.Remove(path)
			err := w.download(w.mirrors(), target, new(memoryFile))
			require.ErrorIs(w, err, verify.ErrNotAtSource)
			require.Equal(w, verify.KindUnreachable, verify.KindOf(err))
			require.True(w, asDownloadError(w, err).Replaced())
		})
	})
	t.Run("one says absent, one is down", func(t *testing.T) {
		inNetworks(t, func(w *networks, target Target, path string) {
			w.a.Remove(path)
			w.b.Always(path, clienttest.Status(403))
			err := w.download(w.mirrors(), target, new(memoryFile))
			require.NotErrorIs(w, err, verify.ErrNotAtSource)
			require.ErrorContains(w, err, "404 Not Found; b.example/targets: HTTP status 403 Forbidden")
			failure := new(HTTPError)
			require.ErrorAs(w, err, &failure)
			require.Equal(w, 403, failure.Status)
			require.Equal(w, "b.example/targets", failure.Source)
			require.Equal(w, "http://b.example"+path, failure.URL)
		})
	})
	t.Run("the caller's context", func(t *testing.T) {
		inNetworks(t, func(w *networks, target Target, path string) {
			w.a.Always(path, clienttest.Silence())
			ctx, cancel := context.WithTimeout(w.Context(), time.Second)
			defer cancel()
			err := w.mirrors().Download(ctx, target, new(memoryFile), DownloadOptions{})
			require.ErrorIs(w, err, context.DeadlineExceeded)
			require.Empty(w, w.b.Log())
		})
	})
	t.Run("no mirror", func(t *testing.T) {
		inNetworks(t, func(w *networks, target Target, _ string) {
			w.config.Targets, w.config.Headers = nil, nil
			require.ErrorContains(w, w.download(w.mirrors(), target, new(memoryFile)), "no mirror for targets")
			require.ErrorIs(w, w.download(w.mirrors(), Target{}, new(memoryFile)), verify.ErrUntrusted)
		})
	})
}

func asDownloadError(t require.TestingT, err error) *DownloadError {
	failed := new(DownloadError)
	require.True(t, errors.As(err, &failed))
	return failed
}

func TestFileThatCannotBeUsed(t *testing.T) {
	broken := errors.New("broken")
	for fails := range 4 {
		inNetworks(t, func(w *networks, target Target, path string) {
			dst := &failingFile{memoryFile: memoryFile{data: make([]byte, len(w.target))}, fails: fails, err: broken}
			err := w.download(w.mirrors(), target, dst)
			require.ErrorIs(w, err, broken)
			require.Equal(w, verify.KindStore, verify.KindOf(err))
		})
	}
}

// failingFile fails at its n-th call of Seek, Read or Truncate.
type failingFile struct {
	memoryFile
	fails int
	err   error
}

func (f *failingFile) next() error {
	if f.fails--; f.fails < 0 {
		return f.err
	}
	return nil
}

func (f *failingFile) Seek(offset int64, whence int) (int64, error) {
	if err := f.next(); err != nil {
		return 0, err
	}
	return f.memoryFile.Seek(offset, whence)
}

func (f *failingFile) Read(p []byte) (int, error) {
	if err := f.next(); err != nil {
		return 0, err
	}
	return f.memoryFile.Read(p)
}

func (f *failingFile) Truncate(n int64) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.memoryFile.Truncate(n)
}

func TestProgress(t *testing.T) {
	inNetworks(t, func(w *networks, target Target, path string) {
		w.a.On(path, clienttest.Wrong())
		var seen []Progress
		o := DownloadOptions{Progress: func(p Progress) { seen = append(seen, p) }}
		require.NoError(w, w.mirrors().Download(w.Context(), target, new(memoryFile), o))
		n := int64(len(w.target))
		require.Equal(w, Progress{Path: appPath, Done: 0, Total: n}, seen[0])
		require.Equal(w, Progress{Path: appPath, Done: n, Total: n}, seen[len(seen)-1])
	})
}

// A mirror that sends wrong bytes is named, even if another one has the right
// ones.
func TestMirrorsThatFailAreNamed(t *testing.T) {
	inNetworks(t, func(w *networks, target Target, path string) {
		w.a.On(path, clienttest.Wrong())
		var seen []MirrorFailed
		o := DownloadOptions{Failed: func(m MirrorFailed) { seen = append(seen, m) }}
		require.NoError(w, w.mirrors().Download(w.Context(), target, new(memoryFile), o))
		require.Len(w, seen, 1)
		require.Equal(w, appPath, seen[0].Path)
		require.Equal(w, w.mirrors().targets[0].name, seen[0].Err.Name)
		require.ErrorIs(w, seen[0].Err, verify.ErrHash)
	})
}

func TestPackedTargetThatBreaksOff(t *testing.T) {
	inNetworks(t, func(w *networks, target Target, path string) {
		w.onlyA()
		packed := clienttest.Packed()
		w.a.On(path, packed, clienttest.All(clienttest.Cut(50), packed), clienttest.All(clienttest.Cut(2000), packed))
		w.a.Always(path, packed)
		require.NoError(w, w.download(w.mirrors(), target, new(memoryFile)))
		require.Len(w, w.a.Log(), 4)
	})
	t.Run("and is no gzip", func(t *testing.T) {
		inNetworks(t, func(w *networks, target Target, path string) {
			w.a.Always(path, clienttest.All(clienttest.Header("Content-Encoding", "gzip"), clienttest.Wrong()))
			w.b.Always(path, clienttest.All(clienttest.Header("Content-Encoding", "gzip"),
				clienttest.Change(func([]byte) []byte { return []byte("plain") })))
			err := w.download(w.mirrors(), target, new(memoryFile))
			require.Equal(w, verify.KindWrongBytes, verify.KindOf(err))
			require.ErrorContains(w, err, `sent with Content-Encoding "gzip", and not packed so`)
		})
	})
}

func TestDownloadTimeout(t *testing.T) {
	inNetworks(t, func(w *networks, target Target, path string) {
		w.config.DownloadTimeout = time.Minute
		w.onlyA()
		w.a.Always(path, clienttest.Drip(500, 25*time.Second))
		w.config.SilenceTimeout, w.config.MinRate = -1, -1
		err := w.download(w.mirrors(), target, new(memoryFile))
		require.ErrorIs(w, err, ErrTimeLimit)
		require.ErrorContains(w, err, "not done after 1m0s")
	})
}

func TestHashesThatNobodyKnows(t *testing.T) {
	inNetworks(t, func(w *networks, _ Target, _ string) {
		saved, err := w.found(smallPath).MarshalJSON()
		require.NoError(w, err)
		unknown, err := verify.TrustSavedTarget(bytes.Replace(saved, []byte(`"sha256"`), []byte(`"md5"`), 1), roles.Policy{})
		require.NoError(w, err)
		target, err := TargetOf(unknown)
		require.NoError(w, err)
		m := w.mirrors()
		require.ErrorIs(w, w.download(m, target, new(memoryFile)), verify.ErrHash)
		require.Empty(w, w.a.Log())
		require.Zero(w, m.targets[0].health.rank())
	})
}

func TestAttestedTarget(t *testing.T) {
	_, err := AttestedTargetOf(&multirepo.Target{Path: "x"}, "other")
	require.ErrorIs(t, err, verify.ErrUntrusted)
	_, err = AttestedTargetOf(&multirepo.Target{Attestations: []multirepo.Attestation{{Repository: "r"}}}, "r")
	require.ErrorIs(t, err, verify.ErrUntrusted)
	_, err = TargetOf(&verify.Target{Path: "../x"})
	require.ErrorIs(t, err, verify.ErrPath)
}
