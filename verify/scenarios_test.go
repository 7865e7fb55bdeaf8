package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// scenarioDir holds recorded updates with their outcomes. They are no part of
// the project: CONTRIBUTING says where they come from.
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

// TestScenarios plays every recorded scenario against a session. The client's
// directory is a map, in which root.json is the anchor and the newest root at
// once: that is how the recordings were made.
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
			playScenario(t, &c, verify.Options{})
			playScenario(t, &c, verify.Options{Lookahead: 64})
		})
	}
}

func playScenario(t *testing.T, c *scenario, options verify.Options) {
	dir := verifytest.Store{}
	artifacts := map[string]string{} // target path -> sha256
	for i, step := range c.Steps {
		if step.Op == "init" {
			dir["root.json"] = c.blob(t, step.TrustedRoot)
			continue
		}
		now, err := time.Parse(time.RFC3339, strings.Replace(step.Time, " ", "T", 1))
		require.NoError(t, err)
		asked := map[string]bool{}
		err = func() error {
			s, err := verify.New(dir["root.json"], verify.LoadStored(dir.Load), now, options)
			if err != nil {
				return err
			}
			mirror := func(r verify.Request) ([]byte, error) {
				asked[fmt.Sprint(r.Role, " ", r.Version)] = true
				if sum, ok := step.Served["metadata/"+unescape(t, r.Path)]; ok {
					return c.blob(t, sum), nil
				}
				return nil, verify.ErrNotAtSource
			}
			if err := s.Run(dir, mirror); err != nil {
				return err
			}
			if step.Op != "download" {
				return nil
			}
			for _, path := range step.Targets {
				if err := downloadScenario(t, c, s, dir, mirror, step.Served, path, artifacts); err != nil {
					return err
				}
			}
			return nil
		}()
		if step.Exit == 0 {
			require.NoError(t, err, "step %d", i)
		} else {
			require.Error(t, err, "step %d", i)
		}
		for role, version := range step.Trusted {
			if version, ok := version.(float64); ok { // else there is no file that could be read
				require.Equal(t, int64(version), savedVersion(t, dir, role), "step %d: %s", i, role)
			}
		}
		sums := []string{}
		for _, sum := range artifacts {
			sums = append(sums, sum)
		}
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
			continue // the reference client does not look ahead, or its requests were not recorded
		}
		for r := range asked {
			require.Contains(t, reference, r, "step %d: the reference client did not ask for it", i)
		}
	}
}

func downloadScenario(t *testing.T, c *scenario, s *verify.Session, dir verifytest.Store, mirror verify.Source, served map[string]string, path string, artifacts map[string]string) error {
	l := s.Lookup(path)
	if err := s.Run(dir, mirror); err != nil {
		return err
	}
	target, err := l.Target()
	if err != nil {
		return err
	}
	paths, err := target.URLPaths()
	require.NoError(t, err)
	for _, p := range paths {
		sum, ok := served["targets/"+unescape(t, p)]
		if !ok {
			continue
		}
		var got strings.Builder
		if err := target.Copy(&got, strings.NewReader(string(c.blob(t, sum)))); err != nil {
			return err
		}
		require.Equal(t, string(c.blob(t, sum)), got.String())
		artifacts[path] = sum
		return nil
	}
	return verify.ErrNotAtSource
}

func unescape(t *testing.T, path string) string {
	s, err := url.PathUnescape(path)
	require.NoError(t, err)
	return s
}
