package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// few is a repository that is small enough for a test.
var few = bins{bits: 8, wheels: 20, others: 3}

func fewClassic() *served  { return build(layout{hashes: true, targets: few.classic}) }
func fewSuccinct() *served { return build(layout{hashes: true, targets: few.succinct}) }

// scenes are small repositories of each kind, with the rounds of fetching that
// each client needs for them.
var scenes = []struct {
	name               string
	layout             layout
	paths              []string
	walk, ahead, goTUF int
	notFound           bool // by go-tuf, which compares path_hash_prefixes with base64
}{
	{"classic bins", layout{hashes: true, targets: few.classic}, wheels(0, 1), 6, 5, 5, true},
	{"classic bins, many targets", layout{hashes: true, targets: few.classic}, wheels(0, 20), 6, 5, 5, true},
	{"succinct bins", layout{hashes: true, targets: few.succinct}, wheels(0, 1), 5, 4, 5, false},
	{"succinct bins, versions only", layout{targets: few.succinct}, wheels(0, 1), 5, 4, 5, false},
	{"succinct bins, many targets", layout{hashes: true, targets: few.succinct}, wheels(0, 20), 5, 4, 4 + fewBins, false},
	{"globs", layout{targets: globs(3, 5)}, []string{inGlob(2), inGlob(0)}, 5, 4, 6, false},
	{"roots", layout{roots: 7, targets: small}, wheels(0, 1), 7 + 4, 6, 7 + 4, false},
	{"RSA and ECDSA", layout{key: mixed(), targets: small}, wheels(0, 10), 4, 3, 4, false},
}

// fewBins is the number of bins that list a target.
var fewBins = func() int {
	seen := make(map[int]bool)
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

// count adds a figure of all files that a yardstick has.
func count(y *yardstick, figure func(neededFile) int) (sum int) {
	for _, file := range y.files {
		sum += figure(file)
	}
	return sum
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func signaturesOf(t *testing.T, data []byte) []any {
	var file struct{ Signatures []any }
	require.NoError(t, json.Unmarshal(data, &file))
	return file.Signatures
}
