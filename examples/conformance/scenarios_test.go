package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scenarioDir has recorded runs of the conformance suite with their outcomes.
// They are not part of the project: CONTRIBUTING says where they come from.
var scenarioDir = filepath.Join(os.Getenv("TUFWALK_DATA"), "scenarios")

type scenario struct {
	Blobs map[string]string
	Steps []step
}

type step struct {
	Op          string
	Time        string
	TrustedRoot string `json:"trusted_root"`
	Served      map[string]string
	Targets     []string
	Exit        int
	// Trusted has the version of every role by its name; for an invalid root,
	// the error.
	Trusted   map[string]any
	Artifacts []string
	// The requests of the reference client, as role or path, and version,
	// digest or nil. They are not recorded if nil.
	MetadataRequests [][2]any `json:"metadata_requests"`
	ArtifactRequests [][2]any `json:"artifact_requests"`
}

// TestScenarios plays every recorded scenario with the client, over HTTP.
func TestScenarios(t *testing.T) {
	files, _ := filepath.Glob(scenarioDir + "/*.json")
	if len(files) == 0 {
		t.Skip("TUFWALK_DATA names no folder with recorded scenarios")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var c scenario
			require.NoError(t, json.Unmarshal(data, &c))
			c.play(t)
		})
	}
}

func (c *scenario) play(t *testing.T) {
	s := newSuite(t)
	for i, step := range c.Steps {
		var err error
		s.now, err = time.Parse(time.RFC3339, strings.Replace(step.Time, " ", "T", 1))
		require.NoError(t, err)
		s.serve = func(path string) ([]byte, bool) {
			name, err := url.PathUnescape(path)
			if sum, ok := step.Served[name]; ok && err == nil {
				return c.blob(sum), true
			}
			return nil, false
		}
		var exit int
		var said string
		var requested []string
		switch step.Op {
		case "init":
			exit = s.init(c.blob(step.TrustedRoot))
		case "refresh":
			exit, said, requested = s.run("refresh")
		case "download":
			exit, said, requested = s.download(step.Targets...)
		}
		t.Logf("step %d, %s: exit code %d\n%s", i, step.Op, exit, said)
		require.Equal(t, step.Exit, exit, "step %d: %s", i, said)
		c.checkMetadata(t, step, s.files(s.metadata))
		sums := []string{}
		for _, data := range s.files(s.targets) {
			sums = append(sums, fmt.Sprintf("%x", sha256.Sum256([]byte(data))))
		}
		require.ElementsMatch(t, step.Artifacts, sums, "step %d", i)
		step.checkMetadataRequests(t, requested)
		step.checkArtifactRequests(t, requested)
	}
}

func (c *scenario) blob(sum string) []byte {
	data, err := base64.StdEncoding.DecodeString(c.Blobs[sum])
	if err != nil {
		panic(err)
	}
	return data
}

// checkMetadata checks that there is one file for each trusted role and no
// other, with the bytes that were served.
func (c *scenario) checkMetadata(t *testing.T, step step, files map[string]string) {
	delegated := 0
	for role, version := range step.Trusted {
		switch name := role + ".json"; {
		case !isTopLevel(name):
			delegated++
		case version == "KeyError": // an invalid root
			require.Contains(t, files, name)
		default:
			require.EqualValues(t, version, versionOf(t, files[name]), role)
		}
	}
	require.Len(t, files, len(step.Trusted))
	for name, data := range files {
		if !isTopLevel(name) {
			require.Regexp(t, `^role\.[a-z0-9%_=-]+\.json$`, name)
			delegated--
		}
		require.Contains(t, c.Blobs, fmt.Sprintf("%x", sha256.Sum256([]byte(data))), "%s is not as it was served", name)
	}
	require.Zero(t, delegated, "delegated roles")
}

func versionOf(t *testing.T, data string) int64 {
	var f struct{ Signed struct{ Version int64 } }
	require.NoError(t, json.Unmarshal([]byte(data), &f))
	return f.Signed.Version
}

var metadataPath = regexp.MustCompile(`^metadata/(?:([0-9]+)\.)?(.+)\.json$`)

// checkMetadataRequests checks that the client sent the same requests as the
// reference client, in the same order. Only the file of a delegated role may be
// requested again: if another role delegates to it with other keys, that needs
// an answer of its own. In a step that fails, the client may stop sooner: the
// reference client requests a timestamp even if the final root has expired.
func (step step) checkMetadataRequests(t *testing.T, requested []string) {
	if step.MetadataRequests == nil {
		return
	}
	want, got := []string{}, []string{}
	for _, r := range step.MetadataRequests {
		want = append(want, fmt.Sprint(r[0], " ", r[1]))
	}
	for _, path := range requested {
		m := metadataPath.FindStringSubmatch(path)
		if m == nil {
			require.True(t, strings.HasPrefix(path, "targets/"), path)
			continue
		}
		if m[1] == "" {
			m[1] = "<nil>"
		}
		r := m[2] + " " + m[1]
		if slices.Contains(got, r) {
			require.False(t, isTopLevel(m[2]+".json"), "%s was requested twice", r)
			t.Log("requested again:", r)
			continue
		}
		got = append(got, r)
	}
	if step.Exit == 1 && len(got) < len(want) {
		want = want[:len(got)]
	}
	require.Equal(t, want, got, "the reference client's requests, and ours")
}

// checkArtifactRequests checks that the client requested only target files that
// the reference client requested, and in a successful step all of them.
func (step step) checkArtifactRequests(t *testing.T, requested []string) {
	if step.ArtifactRequests == nil {
		return
	}
	want, got := []string{}, []string{}
	for _, r := range step.ArtifactRequests {
		name := r[0].(string)
		if r[1] != nil {
			name = path.Join(path.Dir(name), fmt.Sprint(r[1], ".", path.Base(name)))
		}
		want = append(want, name)
	}
	for _, a := range artifacts(requested) {
		name, err := url.PathUnescape(strings.TrimPrefix(a, "targets/"))
		require.NoError(t, err)
		got = append(got, name)
	}
	if step.Exit == 0 {
		require.Equal(t, want, got)
	}
	require.Subset(t, want, got)
}
