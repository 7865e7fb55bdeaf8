package main

import (
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

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// rule is an entry of a map that is for x or, if not, for y.
type rule struct {
	Paths        []string `json:"paths"`
	Repositories []string `json:"repositories"`
	Threshold    int      `json:"threshold"`
	Terminating  bool     `json:"terminating"`
}

func of(threshold int, terminating bool, repositories ...string) rule {
	return rule{[]string{"x"}, repositories, threshold, terminating}
}

const down = "down" // nobody answers for the repository

// The answers of go-tuf's client of TAP 4 and ours, on the same map and the
// same repositories served over HTTP. Where they differ, it is on purpose.
func TestBesideGoTUF(t *testing.T) {
	below := of(1, true, "below")
	for name, c := range map[string]struct {
		says   []string // by A, B, C ...: "256:a" is the sha256 of a; empty: no such target. "below" lists 256:z.
		rules  []rule
		theirs string // who vouches, or nobody
		ours   string
		text   string // ours, by the text of the TAP: Options.FallThrough; empty: as ours
		why    string
	}{
		"one repository":               {says: []string{"256:a"}, rules: []rule{of(1, true, "A")}, theirs: "A", ours: "A"},
		"no entry":                     {says: []string{"256:a"}, rules: []rule{{[]string{"y"}, []string{"A"}, 1, true}}, theirs: "nobody", ours: "no such target"},
		"no star for a slash":          {says: []string{"256:a"}, rules: []rule{{[]string{"?"}, []string{"A"}, 1, true}}, theirs: "A", ours: "A"},
		"nobody has it":                {says: []string{"", ""}, rules: []rule{of(1, true, "A", "B"), below}, theirs: "nobody", ours: "no such target"},
		"nobody has it, next":          {says: []string{"", ""}, rules: []rule{of(1, false, "A", "B"), below}, theirs: "below", ours: "below"},
		"two agree":                    {says: []string{"256:a", "256:a"}, rules: []rule{of(2, true, "A", "B")}, theirs: "A B", ours: "A B"},
		"two of three":                 {says: []string{"256:a", "256:b", "256:a"}, rules: []rule{of(2, true, "A", "B", "C")}, theirs: "A C", ours: "A C"},
		"one has it, of two":           {says: []string{"256:a", ""}, rules: []rule{of(1, true, "A", "B")}, theirs: "A", ours: "A"},
		"two files":                    {says: []string{"256:a", "256:b"}, rules: []rule{of(2, true, "A", "B")}, theirs: "nobody", ours: "disagreement"},
		"two files, each enough":       {says: []string{"256:a", "256:b"}, rules: []rule{of(1, false, "A", "B"), below}, theirs: "nobody", ours: "disagreement"},
		"different lengths":            {says: []string{"256:a", "256:a length:22"}, rules: []rule{of(2, true, "A", "B")}, theirs: "nobody", ours: "disagreement"},
		"nothing in common":            {says: []string{"256:a", "512:a"}, rules: []rule{of(2, true, "A", "B")}, theirs: "nobody", ours: "disagreement"},
		"two files, next":              {says: []string{"256:a", "256:b"}, rules: []rule{of(2, false, "A", "B"), below}, theirs: "below", ours: "disagreement", text: "below", why: "go-tuf follows the text of the TAP"},
		"too few, next":                {says: []string{"256:a", ""}, rules: []rule{of(2, false, "A", "B"), below}, theirs: "below", ours: "disagreement", text: "below", why: "go-tuf follows the text of the TAP"},
		"one is down, next":            {says: []string{down}, rules: []rule{of(1, false, "A"), below}, theirs: "below", ours: "silence", why: "go-tuf takes any error for no such target: the confusion of TestDependencyConfusion"},
		"one is down, enough are left": {says: []string{"256:a", down, "256:a"}, rules: []rule{of(2, true, "A", "B", "C")}, theirs: "A C", ours: "A C"},
		"one hash in common, one not":  {says: []string{"256:a 512:a", "256:a 512:b"}, rules: []rule{of(2, true, "A", "B")}, theirs: "nobody", ours: "disagreement"},
		"a weak hash in common":        {says: []string{"256:a md5:a", "512:b md5:a"}, rules: []rule{of(2, true, "A", "B")}, theirs: "A B", ours: "disagreement", why: "D14: go-tuf compares what nobody checks"},
		"a bridge between two files":   {says: []string{"256:a", "256:a 512:a", "256:a 512:b"}, rules: []rule{of(3, true, "A", "B", "C")}, theirs: "A B C", ours: "disagreement", why: "go-tuf compares with the first of a group only: B and C contradict each other"},
		"a bridge":                     {says: []string{"256:a", "512:a", "256:a 512:a"}, rules: []rule{of(3, true, "C", "A", "B")}, theirs: "C A B", ours: "disagreement", why: "go-tuf compares with the first of a group only"},
		"one root under two names":     {says: []string{"256:a", "256:a"}, rules: []rule{of(2, true, "A", "A2"), below}, theirs: "A A2", ours: "refused", why: "go-tuf counts names"},
		"threshold 0":                  {says: []string{"256:a", "256:a"}, rules: []rule{of(0, true, "A", "B")}, theirs: "A B", ours: "refused", why: "go-tuf does not look at it"},
		"a threshold beyond reach":     {says: []string{"256:a"}, rules: []rule{of(2, true, "A")}, theirs: "nobody", ours: "refused", why: "it can never be meant"},
		"a name twice in an entry":     {says: []string{"256:a"}, rules: []rule{of(1, true, "A", "A")}, theirs: "A", ours: "refused", why: "it can never be meant"},
	} {
		t.Run(name, func(t *testing.T) {
			text, anchors, now := serveAll(t, c.says, c.rules)
			require.Equal(t, c.theirs, askGoTUF(t, text, anchors))
			require.Equal(t, c.ours, askOurs(text, anchors, now, false))
			if c.text == "" {
				c.text = c.ours
			}
			require.Equal(t, c.text, askOurs(text, anchors, now, true))
			nobody := c.theirs == "nobody" && (c.ours == "disagreement" || c.ours == "no such target")
			if c.theirs != c.ours && !nobody || c.text != c.ours {
				require.NotEmpty(t, c.why, "a difference needs a reason")
			} else {
				require.Empty(t, c.why)
			}
		})
	}
}

// serveAll serves a repository for each statement, and two more: "below", and
// A2, which has the keys of A. It returns the map.
func serveAll(t *testing.T, all []string, rules []rule) (text []byte, anchors map[string][]byte, now time.Time) {
	urls := map[string][]string{}
	anchors = map[string][]byte{}
	now = time.Now().UTC()
	add := func(name, seed, statement string) {
		repo := verifytest.New(verifytest.Options{Seed: seed, Start: now})
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
		urls[name], anchors[name] = []string{server.URL}, repo.TrustedRoot()
	}
	for i, statement := range all {
		name := string(rune('A' + i))
		add(name, name, statement)
	}
	add("below", "below", "256:z")
	if all[0] != down {
		add("A2", "A", all[0])
	}
	text, err := json.Marshal(map[string]any{"repositories": urls, "mapping": rules})
	require.NoError(t, err)
	return text, anchors, now
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

// askGoTUF looks x up without its Refresh, which fails if any one repository is
// down.
func askGoTUF(t *testing.T, text []byte, anchors map[string][]byte) string {
	config, err := gotuf.NewConfig(text, anchors)
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

func askOurs(text []byte, anchors map[string][]byte, now time.Time, fall bool) string {
	m, err := metadata.ParseMap(text)
	if err != nil {
		return "refused"
	}
	start, sources := map[string]multirepo.Repository{}, map[string][]verify.Source{}
	for name, urls := range m.Repositories() {
		start[name] = multirepo.Repository{TrustedRoot: anchors[name]}
		sources[name] = []verify.Source{overHTTP(urls[0])}
	}
	g, err := multirepo.New(m, start, now, multirepo.Options{FallThrough: fall})
	if errors.Is(err, multirepo.ErrMap) {
		return "refused"
	}
	l := g.Lookup("x")
	if err := g.Run(nil, sources); err != nil {
		return err.Error()
	}
	target, err := l.Target()
	switch {
	case errors.Is(err, multirepo.ErrNoAnswer):
		return "silence"
	case errors.Is(err, multirepo.ErrDisagreement):
		return "disagreement"
	case errors.Is(err, verify.ErrNoTarget):
		return "no such target"
	}
	var names []string
	for _, v := range target.Attestations {
		names = append(names, v.Repository)
	}
	return strings.Join(names, " ")
}

func overHTTP(base string) verify.Source {
	return func(req verify.Request) ([]byte, error) {
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
