package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestInstall(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	stdout, stderr := w.mustInstallWith([]string{"--trail"}, "app.bin", "tools/hammer")
	require.Empty(t, stderr, "no warnings, and no bars where there is no terminal")
	require.Contains(t, stdout, "app.bin: installed (200000 bytes)\n  root -> targets version 2 lists it\n")
	require.Contains(t, stdout,
		"  root -> targets version 2 does not list it\n  targets -> team version 1 lists it\n  sha256 ")
	require.Contains(t, stdout, "root version 1, timestamp 2 and snapshot 2")

	w.since()
	stdout, _ = w.mustInstall("app.bin", "tools/hammer")
	require.Contains(t, stdout, "app.bin: already there, and verified")
	require.ElementsMatch(t, []string{"2.root.json", "timestamp.json"}, w.since(), "the rest was stored")

	require.NoError(t, os.WriteFile(filepath.Join(w.dest, "tools/hammer"), []byte("A tool"), 0o600)) // the same length
	stdout, _ = w.mustInstall("tools/hammer")
	require.Contains(t, stdout, "hammer: installed")

	var code int
	code, stdout, stderr = runArgs(w.args("-q", "tools/hammer")...)
	require.Equal(t, 0, code)
	require.Empty(t, stdout+stderr)
}

// A mirror serves a wrong target file. No file of its name appears, and the
// next mirror is asked.
func TestBadTargetFiles(t *testing.T) {
	endless := bytes.Repeat(appData, 10)
	for name, c := range map[string]struct {
		answer  func(rw http.ResponseWriter)
		because string
	}{
		"tampered":  {func(rw http.ResponseWriter) { _, _ = rw.Write(bytes.ToUpper(appData)) }, "hash"},
		"truncated": {func(rw http.ResponseWriter) { _, _ = rw.Write(appData[:1000]) }, "length"},
		"interrupted": {func(rw http.ResponseWriter) {
			rw.Header().Set("Content-Length", strconv.Itoa(len(appData)))
			_, _ = rw.Write(appData[:1000])
		}, "unexpected EOF"},
		"one byte more": {func(rw http.ResponseWriter) { _, _ = rw.Write(append(bytes.Clone(appData), 'x')) }, "length"},
		"endless": {func(rw http.ResponseWriter) {
			for _, err := rw.Write(appData); err == nil; _, err = rw.Write(endless) {
			}
		}, "length"},
		"empty":   {func(http.ResponseWriter) {}, "length"},
		"missing": {func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusNotFound) }, "404 Not Found"},
		"gzip":    {func(rw http.ResponseWriter) { rw.Header().Set("Content-Encoding", "gzip") }, "Content-Encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, verifytest.Options{})
			good := w.targets
			w.badTargets(c.answer)
			w.mustFail("app.bin is not installed", w.args("app.bin")...)
			w.mustFail(c.because, w.args("app.bin")...)
			w.mustHaveNothing()
			w.mustInstallWith([]string{"--targets-url", good}, "app.bin")
		})
	}
}

func TestOneBadTargetDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	delete(w.repo.TargetFiles(), strings.TrimPrefix(w.targetFile("hammer"), "/"))
	code, stdout, stderr := runArgs(w.args("tools/hammer", "app.bin")...)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "tools/hammer is not installed:\n  tools/hammer could not be downloaded: 127.0.0.1")
	require.Contains(t, stdout, "app.bin: installed")
	w.mustHave("app.bin")
	require.NoFileExists(t, filepath.Join(w.dest, "tools/hammer"))
}

func TestCandidatesAreTriedInTurn(t *testing.T) {
	w := newWorld(t, verifytest.Options{Hashes: []string{"sha256", "sha512"}})
	for path := range w.repo.TargetFiles() {
		if strings.HasSuffix(path, ".app.bin") && len(path) == 128+len(".app.bin") {
			delete(w.repo.TargetFiles(), path)
		}
	}
	w.mustInstall("app.bin")
	asked := w.since()
	require.Len(t, asked[len(asked)-2], 128+len(".app.bin"), "sha512 first")
	require.Len(t, asked[len(asked)-1], 64+len(".app.bin"))
}

func TestMetadataMirrors(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	bad := w.repo.Metadata().Clone()
	for name, data := range bad {
		bad[name] = bytes.Replace(data, []byte(`"version": 2`), []byte(`"version": 3`), 1)
	}
	good := w.metadata
	w.metadata = w.mirror(bad, nil)
	w.mustFail("timestamp: "+verify.ErrThreshold.Error(), w.args("app.bin")...)
	w.mustHaveNothing()
	w.mustInstallWith([]string{"--metadata-url", good}, "app.bin")

	w.metadata = w.mirror(nil, func(rw http.ResponseWriter, path string) bool {
		for path == "timestamp.json" {
			if _, err := rw.Write(appData); err != nil {
				return true
			}
		}
		return false
	})
	w.mustFail("at most 32768 are accepted", w.args("tools/hammer")...)
}

func TestRollbackIsRefused(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	old := w.repo.Metadata().Clone()
	w.repo.Targets().AddTarget("new.bin", []byte("new"))
	w.repo.Publish()
	w.mustInstall("app.bin")
	current := w.metadata
	w.metadata = w.mirror(old, nil)
	for _, because := range []string{"timestamp: " + verify.ErrRollback.Error(), "version 3", "version 2"} {
		w.mustFail(because, w.args("tools/hammer")...)
	}
	require.NoFileExists(t, filepath.Join(w.dest, "tools/hammer"))
	w.metadata = current
	w.mustInstall("tools/hammer")
}

func TestExpiryIsJudgedAsOfTheTimeGiven(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	later := w.repo.Now().Add(25 * time.Hour).Format(time.RFC3339)
	w.mustFail("timestamp version 2: "+verify.ErrExpired.Error(), append(w.args("app.bin"), "-at", later)...)
	w.mustHaveNothing()
	w.mustInstall("app.bin")

	ours := newWorld(t, verifytest.Options{Start: time.Now().Add(-time.Hour)})
	args := ours.args("app.bin")
	for i, a := range args {
		if a == "--at" { // without it, the time is now
			args = append(args[:i], args[i+2:]...)
			break
		}
	}
	code, _, stderr := runArgs(args...)
	require.Equal(t, 0, code, stderr)
}

func TestUnknownTarget(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustFail("tools/saw is not installed:\n  ", w.args("tools/saw", "app.bin")...)
	w.mustFail("targets -> team version 1 does not list it", w.args("tools/saw", "app.bin")...)
	w.mustHaveNothing()
}

// While one process waits for its snapshot, another one saves newer metadata.
// The first one must not replace it with its older snapshot. It begins again,
// and its mirror is frozen.
func TestOlderProcessDoesNotRollTheCacheBack(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	old := w.repo.Metadata().Clone()
	w.repo.Touch("targets")
	w.repo.Publish()
	args := w.args("app.bin")
	w.metadata = w.mirror(old, func(_ http.ResponseWriter, path string) bool {
		if path == "2.snapshot.json" {
			code, _, stderr := runArgs(args...)
			require.Equal(t, 0, code, stderr)
		}
		return false
	})
	w.mustFail("timestamp: "+verify.ErrRollback.Error(), w.args("tools/hammer")...)
	require.NoFileExists(t, filepath.Join(w.dest, "tools/hammer"))
	require.EqualValues(t, 3, w.cachedVersion("timestamp"))
	require.EqualValues(t, 3, w.cachedVersion("snapshot"))
}

// A process that is overtaken again and again gives up.
func TestOvertakenAgainAndAgain(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	args, overtaken := w.args("app.bin"), 0
	w.metadata = w.mirror(w.repo.Metadata(), func(rw http.ResponseWriter, path string) bool {
		if path != "timestamp.json" {
			return false
		}
		overtaken++
		w.mu.Lock()
		w.repo.Publish() // so there is something to save
		older := w.repo.Metadata()[path]
		w.repo.Publish()
		w.mu.Unlock()
		code, _, stderr := runArgs(args...)
		require.Equal(t, 0, code, stderr)
		_, _ = rw.Write(older)
		return true
	})
	w.mustFail(verify.ErrSuperseded.Error(), w.args("tools/hammer")...)
	require.Equal(t, 4, overtaken)
	require.NoFileExists(t, filepath.Join(w.dest, "tools/hammer"))
	require.Equal(t, w.repo.Version("timestamp"), w.cachedVersion("timestamp"))
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if code, _, stderr := runArgs(w.args("app.bin", "tools/hammer")...); code != 0 {
				t.Error(stderr)
			}
		})
	}
	wait.Wait()
	w.mustHave("app.bin")
	w.mustHave("tools/hammer")
	parts, err := filepath.Glob(filepath.Join(w.dest, ".*"))
	require.NoError(t, err)
	require.Empty(t, parts)
}

func TestTemporaryErrorsAreRetried(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	var failures atomic.Int32
	outage := func(rw http.ResponseWriter, path string) bool {
		if path == "timestamp.json" && failures.Add(1) <= 2 {
			rw.Header().Set("Retry-After", "0")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	w.metadata = w.mirror(w.repo.Metadata(), outage)
	w.mustInstall("app.bin")
	require.EqualValues(t, 3, failures.Load())
}

func TestInterrupt(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	defer close(release)
	w.badTargets(func(rw http.ResponseWriter) {
		_, _ = rw.Write(appData[:10_000])
		rw.(http.Flusher).Flush()
		cancel()
		<-release
	})
	var stdout, stderr bytes.Buffer
	require.Equal(t, 130, run(ctx, w.args("app.bin"), &stdout, &stderr))
	require.Contains(t, stderr.String(), "interrupted")
	w.mustHaveNothing()
}

func TestDamagedCacheIsReportedAndReplaced(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustInstall("app.bin")
	require.NoError(t, os.WriteFile(filepath.Join(w.cache, "timestamp.json"), []byte("{"), 0o600))
	_, stderr := w.mustInstall("tools/hammer")
	require.Contains(t, stderr, "warning: timestamp: "+verify.ErrStoredFile.Error())
	_, stderr = w.mustInstall("tools/hammer")
	require.Empty(t, stderr)
}

func TestTrustComesFromTheRootFileOnly(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.mustInstall("app.bin")
	stranger := verifytest.New(verifytest.Options{Seed: "stranger"})
	require.NoError(t, os.WriteFile(w.rootFile, stranger.TrustedRoot(), 0o600))
	code, _, _ := runArgs(w.args("tools/hammer")...)
	require.Equal(t, 1, code)
	require.NoFileExists(t, filepath.Join(w.dest, "tools/hammer"))
}

func TestRoleNamesCannotControlTheTerminal(t *testing.T) {
	w := newWorld(t, verifytest.Options{})
	w.repo.Targets().Delegate(verifytest.Delegation{Name: "evil\x1b[2J", Paths: []string{"app*"}})
	w.repo.Targets().RemoveTarget("app.bin")
	w.repo.Role("evil\x1b[2J").AddTarget("app.bin", appData)
	w.repo.Publish()
	stdout, _ := w.mustInstallWith([]string{"--trail"}, "app.bin")
	require.Contains(t, stdout, `"evil\x1b[2J"`)
	code, _, stderr := runArgs(w.args("apple")...)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, `"evil\x1b[2J"`)
	require.NotContains(t, stdout+stderr, "\x1b")
}
