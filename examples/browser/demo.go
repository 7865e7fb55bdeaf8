package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const (
	anvil   = "packages/anvil.img"
	notes   = "packages/NOTES.txt"
	licence = "LICENCE.txt"
)

// pace slows down the mirrors of the demonstration, so that one can watch. The
// zero value is as fast as possible.
type pace struct {
	answer time.Duration // before each answer
	kilo   time.Duration // for each kilobyte
}

var demoPace = pace{140 * time.Millisecond, 500 * time.Microsecond}

// demo creates a repository and five mirrors of it: one is honest, and four are
// not.
func demo(now time.Time, p pace, targets []string) *world {
	// Three days ago: this is what the frozen mirror shows. A timestamp of that
	// day is valid for a week.
	repo := verifytest.New(verifytest.Options{Start: now.Add(-72 * time.Hour), Seed: "browser"})
	repo.SetLifetime("timestamp", 7*24*time.Hour)
	repo.SetLifetime("snapshot", 14*24*time.Hour)
	packages := repo.Targets().Delegate(verifytest.Delegation{
		Name: "packages", Paths: []string{"packages/*"}, Terminating: true,
	})
	packages.DelegateBins("bin", 16)
	release := func(version string, seed byte) {
		content := make([]byte, 6<<20)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(content) // never fails
		packages.AddToBin(anvil, content)
		packages.Bin(anvil).SetCustom(anvil, map[string]any{"version": version})
		packages.AddToBin(notes, fmt.Appendf(nil, "Anvil %s. Mind your toes.\n", version))
	}
	repo.Targets().AddTarget(licence, []byte("Do as you like with random bytes.\n"))
	release("2.0, with a known hole", 1)
	repo.Publish()
	oldMetadata, oldTargets := repo.Metadata().Clone(), repo.TargetFiles().Clone()

	// Today: a new root key, and a release that fixes the hole.
	repo.Advance(72 * time.Hour)
	release("2.1", 2)
	repo.Rotate("root", 1, repo.Key("second root"))
	repo.Publish()
	metadata, files := repo.Metadata().Clone(), repo.TargetFiles().Clone()

	// The timestamp lists another snapshot, with the old signature. It is the
	// one file that is always fetched, never read from the store.
	forged := metadata.Clone()
	forged["timestamp.json"] = bytes.ReplaceAll(forged["timestamp.json"], []byte(`"version": 3`), []byte(`"version": 4`))

	// One byte of every target is changed. The length is right.
	swapped := files.Clone()
	for _, data := range swapped {
		data[len(data)*2/3] ^= 0x20
	}

	// The last timestamp of operators who have stopped signing.
	repo.SetLifetime("timestamp", -time.Hour)
	repo.PublishOnly("timestamp")
	stale := repo.Metadata().Clone()

	if len(targets) == 0 {
		targets = []string{anvil, notes, licence}
	}
	return &world{
		Intro:       "A demonstration, with an honest mirror of a TUF repository and four that lie, is at",
		TrustedRoot: repo.TrustedRoot(),
		Targets:     targets,
		Mirrors: []*choice{
			{"honest", "Honest", "Serves what the repository signed.", p.serve(metadata), p.serve(files)},
			{"metadata", "Forged metadata", "Claims a newer state, which nobody signed.", p.serve(forged), p.serve(files)},
			{"target", "Tampered file", "Changes one byte of six million.", p.serve(metadata), p.serve(swapped)},
			{"frozen", "Frozen", "Shows the repository of three days ago, with the hole that is fixed today.",
				p.serve(oldMetadata), p.serve(oldTargets)},
			{"expired", "Expired", "Serves a timestamp that expired an hour ago.", p.serve(stale), p.serve(files)},
		},
	}
}

// serve serves files by the path as it is sent.
func (p pace) serve(files verifytest.Files) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.wait(r, p.answer)
		data, ok := files[strings.TrimPrefix(r.URL.EscapedPath(), "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		flush := http.NewResponseController(w)
		for len(data) > 0 {
			n := min(len(data), 64<<10)
			if _, err := w.Write(data[:n]); err != nil {
				return
			}
			_ = flush.Flush()
			p.wait(r, p.kilo*time.Duration(n>>10))
			data = data[n:]
		}
	}
}

// wait ends at once if the browser is gone.
func (p pace) wait(r *http.Request, d time.Duration) {
	select {
	case <-r.Context().Done():
	case <-time.After(d):
	}
}
