package verify_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// listings returns which role lists which path, and one path for each pattern
// that no role lists, in the newest targets files of a folder.
func (r realRepo) listings(folder string) (listed map[string]string, unlisted []string) {
	listed = map[string]string{}
	unlisted = []string{"no-such-target"}
	files, err := filepath.Glob(filepath.Join(r.dir, folder, "*.json"))
	require.NoError(r, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(r, err)
		envelope, err := metadata.Parse[metadata.Targets](data, metadata.Options{})
		if err != nil { // another type of file
			continue
		}
		content, err := envelope.Unverified()
		require.NoError(r, err)
		role := strings.TrimSuffix(filepath.Base(file), ".json")
		_, role, _ = strings.Cut(role, ".")
		for path := range content.Files() {
			listed[path] = role
		}
		if d := content.Delegations(); d != nil {
			for i := range d.Len() {
				delegated := d.At(i)
				for pattern := range delegated.Paths() {
					unlisted = append(unlisted, strings.ReplaceAll(pattern, "*", "no-such-target"))
				}
			}
		}
	}
	return listed, unlisted
}

// On every real repository, each target that is listed is found where it is
// listed, and the answers that there is no target are as certain as its layout
// allows (R-5.6.8b). With -v they are counted.
func TestRealAnswers(t *testing.T) {
	for _, c := range []struct {
		name, now, folder, root string
		found                   int
		certain                 bool
	}{
		{"sigstore-2023-03", "2023-03-01T00:20:19Z", "metadata", "metadata/1.root.json", 7, true},
		{"tuf-on-ci", "2025-02-09T09:17:23Z", "metadata", "initial_root.json", 1, false},
		{"docker-tuf", "2024-12-04T00:00:00Z", "metadata", "metadata/1.root.json", 10, false},
		{"ml-dsa-2026", "2026-08-22T00:00:00Z", "metadata", "metadata/1.root.json", 0, true},
		{"rsa-pss-salt/salt-222", "2030-01-01T00:00:00Z", ".", "1.root.json", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := openRealRepo(t, c.name, c.now)
			s := r.session(c.root)
			listed, unlisted := r.listings(c.folder)
			require.Len(t, listed, c.found)
			lookups := map[string]*verify.Lookup{}
			for _, path := range append(slices.Collect(maps.Keys(listed)), unlisted...) {
				lookups[path] = s.Lookup(path)
			}
			require.NoError(t, s.Run(context.Background(), nil, r.mirror(c.folder)))
			for path, role := range listed {
				target, err := lookups[path].Target()
				require.NoError(t, err)
				require.Equal(t, role, target.Role)
			}
			for _, path := range unlisted {
				_, err := lookups[path].Target()
				no := new(verify.NoTargetError)
				require.ErrorAs(t, err, &no)
				require.Equal(t, c.certain, no.Certain, err)
			}
			uncertain := slices.ContainsFunc(s.Warnings(), func(err error) bool { return errors.Is(err, verify.ErrUncertain) })
			require.Equal(t, !c.certain, uncertain)
			t.Logf("%d targets found; %d times no target, certain: %v", len(listed), len(unlisted), c.certain)
		})
	}
}
