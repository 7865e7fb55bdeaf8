package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// few is a repository that is small enough for a test.
var few = bins{bits: 8, wheels: 20, others: 3}

func someGlobs(repo *verifytest.Repo) {
	for _, name := range []string{"a", "b", "c"} {
		d := verifytest.Delegation{Name: name, Paths: []string{name + "/*"}}
		repo.Targets().Delegate(d).AddTarget(name+"/x", []byte(name))
	}
}

// scenes are small repositories of each kind, with the rounds of fetching that
// each client needs for them.
var scenes = []struct {
	name               string
	hashes             bool
	fill               func(*verifytest.Repo)
	paths              []string
	walk, ahead, goTUF int
	notFound           bool // by go-tuf, which compares path_hash_prefixes with base64
}{
	{"classic bins", true, few.classic, wheels(1), 6, 5, 5, true},
	{"classic bins, many targets", true, few.classic, wheels(20), 6, 5, 5, true},
	{"succinct bins", true, few.succinct, wheels(1), 5, 4, 5, false},
	{"succinct bins, versions only", false, few.succinct, wheels(1), 5, 4, 5, false},
	{"succinct bins, many targets", true, few.succinct, wheels(20), 5, 4, 4 + fewBins, false},
	{"globs", false, someGlobs, []string{"c/x", "a/x"}, 5, 4, 6, false},
	{"roots", false, roots(7), []string{"top"}, 7 + 4, 6, 7 + 4, false},
}

// fewBins is the number of bins that list a target.
var fewBins = func() int {
	seen := make(map[uint32]bool)
	for i := range few.wheels {
		seen[few.number(wheel(i))] = true
	}
	return len(seen)
}()

func sampleRow() row {
	return row{title: "16,384 classic bins", bytes: 7_300_000, lines: []line{
		{yardstickName, sample{time: 35 * time.Millisecond, bytes: 480, allocs: 7}},
		{walkName, sample{time: 45500 * time.Microsecond, bytes: 29_000_000, allocs: 731, asked: asked{6, 6}}},
		{goTUFName, sample{
			time: 1107 * time.Millisecond, bytes: 334_000_000, allocs: 5_935_860, asked: asked{5, 5},
			err: errors.New("target x not found"),
		}},
	}}
}

// textsOf returns the texts in a chart, which must be well-formed.
func textsOf(t *testing.T, svg *bytes.Buffer) []string {
	var texts []string
	require.NotContains(t, svg.String(), "NaN")
	for d := xml.NewDecoder(svg); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		require.NoError(t, err)
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, string(text))
		}
	}
}
