package verify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// scenarioDir holds recorded updates with their outcomes. They are not part of
// the project; CONTRIBUTING.md says where they come from.
var scenarioDir = filepath.Join(os.Getenv("TUFWALK_DATA"), "scenarios")

type scenario struct {
	Name  string
	Blobs map[string]string
	Steps []struct {
		Op               string
		Time             string
		TrustedRoot      string `json:"trusted_root"`
		Served           map[string]string
		Targets          []string
		Exit             int
		Trusted          map[string]any
		Artifacts        []string
		MetadataRequests [][]any `json:"metadata_requests"`
	}
}

func (c *scenario) blob(t *testing.T, sum string) []byte {
	data, err := base64.StdEncoding.DecodeString(c.Blobs[sum])
	require.NoError(t, err)
	return data
}

// TestScenarios plays every recorded scenario to a session. The client's
// directory is a map in which root.json is the initial trusted root and the
// newest root at once: the recordings were made like that.
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
			playScenario(t, &c, "plain", verify.Options{})
			playScenario(t, &c, "ahead", verify.Options{Lookahead: 64})
		})
	}
}

// scenarioClient plays a scenario.
type scenarioClient struct {
	*testing.T
	record    *lineRecorder
	scenario  *scenario
	dir       verifytest.Store
	artifacts map[string]string // by target path, the SHA-256
	served    map[string]string // in the current step
	asked     map[string]bool   // role and version, in the current step
}

func playScenario(t *testing.T, sc *scenario, name string, options verify.Options) {
	record := newLineRecorder(strings.ReplaceAll(t.Name(), "/", "-") + "-" + name)
	defer record.close()
	c := &scenarioClient{T: t, record: record, scenario: sc, dir: verifytest.Store{}, artifacts: map[string]string{}}
	for i, step := range sc.Steps {
		if step.Op == "init" {
			c.dir["root.json"] = sc.blob(t, step.TrustedRoot)
			continue
		}
		now, err := time.Parse(time.RFC3339, strings.Replace(step.Time, " ", "T", 1))
		require.NoError(t, err)
		c.asked, c.served = map[string]bool{}, step.Served
		targets := step.Targets
		if step.Op != "download" {
			targets = nil
		}
		if err := c.step(now, options, targets); step.Exit == 0 {
			require.NoError(t, err, "step %d", i)
		} else {
			require.Error(t, err, "step %d", i)
		}
		for role, version := range step.Trusted {
			if version, ok := version.(float64); ok { // else there is no file that could be read
				require.Equal(t, int64(version), c.version(role), "step %d: %s", i, role)
			}
		}
		sums := slices.Collect(maps.Values(c.artifacts))
		require.ElementsMatch(t, step.Artifacts, sums, "step %d", i)
		reference := map[string]bool{}
		for _, r := range step.MetadataRequests {
			version := r[1]
			if version == nil {
				version = 0
			}
			reference[fmt.Sprint(unescape(t, r[0].(string)), " ", version)] = true
		}
		if options.Lookahead > 0 || len(reference) == 0 && step.Exit == 0 {
			continue // the reference client has no lookahead, or its requests were not recorded
		}
		for r := range c.asked {
			require.Contains(t, reference, r, "step %d: the reference client did not ask for it", i)
		}
	}
}

// step goes through an update, and downloads the targets.
func (c *scenarioClient) step(now time.Time, options verify.Options, targets []string) error {
	s, err := c.record.open(c.dir["root.json"], verify.LoadStored(context.Background(), c.dir), now, options)
	if err != nil {
		return err
	}
	if err := c.run(s); err != nil {
		return err
	}
	for _, path := range targets {
		if err := c.download(s, path); err != nil {
			return err
		}
	}
	return nil
}

func (c *scenarioClient) mirror(_ context.Context, r verify.Request) ([]byte, error) {
	c.asked[fmt.Sprint(r.Role, " ", r.Version)] = true
	if sum, ok := c.served["metadata/"+unescape(c.T, r.Path)]; ok {
		return c.scenario.blob(c.T, sum), nil
	}
	return nil, verify.ErrNotAtSource
}

// run is Session.Run, recorded.
func (c *scenarioClient) run(s *recorded) error {
	return verify.Drive(context.Background(), s, func(string) verify.Store { return c.dir },
		func(string) []verify.Source { return []verify.Source{c.mirror} })
}

func (c *scenarioClient) download(s *recorded, path string) error {
	l := s.Lookup(path)
	if err := c.run(s); err != nil {
		return err
	}
	target, err := l.Target()
	if err != nil {
		return err
	}
	paths, err := target.URLPaths()
	require.NoError(c, err)
	for _, p := range paths {
		sum, ok := c.served["targets/"+unescape(c.T, p)]
		if !ok {
			continue
		}
		body := c.scenario.blob(c.T, sum)
		var got bytes.Buffer
		if err := target.Copy(&got, bytes.NewReader(body)); err != nil {
			return err
		}
		require.Equal(c, body, got.Bytes())
		c.artifacts[path] = sum
		return nil
	}
	return verify.ErrNotAtSource
}

// version returns the version of a saved role; 0 if it is not saved.
func (c *scenarioClient) version(role string) int64 {
	if data, ok := c.dir[role+".json"]; ok {
		return versionOf(c, data)
	}
	return versionOf(c, c.dir[verify.StoreName(role)])
}

func unescape(t *testing.T, path string) string {
	s, err := url.PathUnescape(path)
	require.NoError(t, err)
	return s
}
