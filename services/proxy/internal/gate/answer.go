package gate

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// answer is what an upstream says about a target path. It holds no metadata
// once its file is there, so that remembering it costs little.
type answer struct {
	path    string
	expires time.Time
	stamps  [4][]string // the values of the Tuf headers

	no *verify.NoTargetError // there is no such target; then the rest is empty

	digest  multirepo.Hash
	digests []multirepo.Hash // all of them
	length  int64
	etag    []string
	found   atomic.Pointer[client.File] // until its file is there
	broke   atomic.Bool                 // a transfer that streamed broke off
	checked atomic.Bool                 // its file was compared with all digests
}

// stampNames are the names of the headers of an answer.
var stampNames = [4]string{"Tuf-Repository", "Tuf-Role", "Tuf-Version", "Tuf-Expires"}

// newAnswer keeps of a file what a request needs.
func newAnswer(f *client.File, searched *client.Searched, upstream string) *answer {
	a := &answer{path: f.Path(), expires: f.Expires(), length: f.Length()}
	var repositories, roles, versions []string
	if t := f.Target(); t != nil {
		for algorithm, digest := range t.Hashes.All() {
			a.digests = append(a.digests, multirepo.Hash{Algorithm: strings.Clone(algorithm), Digest: strings.Clone(digest)})
		}
		repositories, roles = []string{upstream}, []string{t.Role}
		versions = []string{versionOf(searched.Trail, t.Role)}
	} else {
		for _, h := range f.Agreed().Hashes {
			a.digests = append(a.digests, multirepo.Hash{Algorithm: strings.Clone(h.Algorithm), Digest: strings.Clone(h.Digest)})
		}
		for _, at := range f.Agreed().Attestations {
			repositories, roles = append(repositories, at.Repository), append(roles, at.Role)
			versions = append(versions, versionIn(searched.Entries, at.Repository, at.Role))
		}
	}
	a.digest = fileDigest(a.digests)
	a.found.Store(f)
	a.etag = []string{`"` + a.digest.Digest + `"`}
	values := [4]string{headerList(repositories), headerList(roles), headerList(versions), stampTime(a.expires)}
	for i, value := range values {
		if value != "" {
			a.stamps[i] = []string{value}
		}
	}
	return a
}

// fileDigest is the digest that a file is kept by.
func fileDigest(all []multirepo.Hash) (best multirepo.Hash) {
	for _, h := range all {
		if h.Algorithm == "sha256" || h.Algorithm == "sha512" && best.Algorithm == "" {
			best = h
		}
	}
	return best
}

func versionIn(entries []multirepo.Step, repository, role string) string {
	for i := len(entries) - 1; i >= 0; i-- {
		for _, a := range entries[i].Answers {
			if a.Repository == repository {
				return versionOf(a.Trail(), role)
			}
		}
	}
	return ""
}

func versionOf(trail []verify.Step, role string) string {
	for i := len(trail) - 1; i >= 0; i-- {
		if trail[i].Role == role {
			return strconv.FormatInt(trail[i].Version, 10)
		}
	}
	return ""
}

func stampTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// headerList joins names as a header may have them.
func headerList(names []string) string {
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = strings.ReplaceAll(printableASCII(name, 200), ",", "_")
	}
	return strings.Join(clean, ", ")
}

// same says that two answers are about the same bytes.
func (a *answer) same(b *answer) bool {
	return a.no == nil && b.no == nil && a.digest == b.digest && a.length == b.length
}

// good says whether the answer can still be given.
func (a *answer) good(now time.Time) bool { return a.expires.IsZero() || now.Before(a.expires) }
