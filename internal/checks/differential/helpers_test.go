package main

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gotuf "github.com/theupdateframework/go-tuf/v2/metadata/multirepo"

	"github.com/tufwalk/tufwalk/internal/histories"
	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// firstUpdate runs both clients on a new repository, later than it was
// published. They look for a target that does not exist.
func firstUpdate(t *testing.T, later time.Duration) evidence {
	w := histories.New(2)
	e := evidence{
		situation: situation{w.InitialRoot(), w.Mirror(), w.Time().Add(later), []string{"nowhere/2"}},
		ourStore:  verifytest.Store{},
		allCache:  verifytest.Store{},
		cache:     verifytest.Store{},
	}
	e.ours = runTufwalk(e.situation, verifytest.Store{})
	e.theirs = runGoTUF(e.situation, t.TempDir())
	return e
}

// rule is an entry of a map of repositories.
type rule struct {
	Paths        []string `json:"paths"`
	Repositories []string `json:"repositories"`
	Threshold    int      `json:"threshold"`
	Terminating  bool     `json:"terminating"`
}

func of(threshold int, terminating bool, repositories ...string) rule {
	return rule{[]string{"x"}, repositories, threshold, terminating}
}

const down = "down" // the repository's server does not answer

// served are repositories on servers, with the map for them.
type served struct {
	text  []byte            // the map
	roots map[string][]byte // trusted roots, by repository
	now   time.Time
}

// serveAll serves a repository for each statement, and two more: "below", and
// A2, which has the keys of A.
func serveAll(t *testing.T, all []string, rules []rule) served {
	urls := map[string][]string{}
	s := served{roots: map[string][]byte{}, now: time.Now().UTC()}
	add := func(name, seed, statement string) {
		repo := verifytest.New(verifytest.Options{Seed: seed, Start: s.now})
		if statement != "" && statement != down {
			length, hashes := parse(statement)
			repo.Targets().AddTargetInfo("x", length, hashes)
		}
		repo.Publish()
		server := httptest.NewServer(http.FileServerFS(repo.Metadata().FS()))
		if statement == down {
			server.Close()
		} else {
			t.Cleanup(server.Close)
		}
		urls[name], s.roots[name] = []string{server.URL}, repo.TrustedRoot()
	}
	for i, statement := range all {
		name := string(rune('A' + i))
		add(name, name, statement)
	}
	add("below", "below", "256:z")
	if all[0] != down {
		add("A2", "A", all[0])
	}
	var err error
	s.text, err = json.Marshal(map[string]any{"repositories": urls, "mapping": rules})
	require.NoError(t, err)
	return s
}

func parse(statement string) (length int64, hashes map[string]string) {
	length, hashes = 1, map[string]string{}
	for _, part := range strings.Fields(statement) {
		switch name, content, _ := strings.Cut(part, ":"); name {
		case "256":
			sum := sha256.Sum256([]byte(content))
			hashes["sha256"] = hex.EncodeToString(sum[:])
		case "512":
			sum := sha512.Sum512([]byte(content))
			hashes["sha512"] = hex.EncodeToString(sum[:])
		case "md5":
			hashes["md5"] = hex.EncodeToString([]byte(content))
		case "length":
			length = int64(len(content))
		}
	}
	return length, hashes
}

// askGoTUF looks up x. It does not call Refresh, which fails if one repository
// is down.
func askGoTUF(t *testing.T, s served) string {
	config, err := gotuf.NewConfig(s.text, s.roots)
	require.NoError(t, err)
	config.DisableLocalCache = true
	client, err := gotuf.New(config)
	require.NoError(t, err)
	_, repositories, err := client.GetTargetInfo("x")
	if err != nil {
		return "nobody"
	}
	return strings.Join(repositories, " ")
}

// askOurs looks up x with package multirepo.
func askOurs(s served, fallThrough bool) string {
	m, err := metadata.ParseMap(s.text)
	if err != nil {
		return "refused"
	}
	start, sources := map[string]multirepo.Repository{}, map[string][]verify.Source{}
	for name, urls := range m.Repositories() {
		start[name] = multirepo.Repository{TrustedRoot: s.roots[name]}
		sources[name] = []verify.Source{overHTTP(urls[0])}
	}
	g, err := multirepo.New(m, start, s.now, multirepo.Options{FallThrough: fallThrough})
	if errors.Is(err, multirepo.ErrMap) {
		return "refused"
	}
	l := g.Lookup("x")
	_ = g.Run(context.Background(), nil, sources) // the lookup has the error
	target, err := l.Target()
	switch {
	case errors.Is(err, multirepo.ErrNoAnswer):
		return "no answer"
	case errors.Is(err, multirepo.ErrDisagreement):
		return "disagreement"
	case errors.Is(err, verify.ErrNoTarget):
		return "no such target"
	}
	var names []string
	for _, a := range target.Attestations {
		names = append(names, a.Repository)
	}
	return strings.Join(names, " ")
}

func overHTTP(base string) verify.Source {
	return func(_ context.Context, req verify.Request) ([]byte, error) {
		resp, err := http.Get(base + "/" + req.Path)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, verify.ErrNotAtSource
		}
		return io.ReadAll(io.LimitReader(resp.Body, req.MaxBytes+1))
	}
}
