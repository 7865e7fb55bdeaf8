package message_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A misspelt name would protect from nothing, and a saved timestamp would be a
// frozen one: both are mistakes, and not passed over.
func TestStoredNames(t *testing.T) {
	repo := world()
	root, data := repo.TrustedRoot(), repo.Metadata()["timestamp.json"]
	c := newClient(t, repo)
	for _, name := range []string{"timestamp", "Timestamp.json", "targets.json", ""} {
		e := c.refused(object{"call": "open", "time": repo.Now(), "trusted_root": len(root),
			"stored": []object{{"name": name, "length": len(data)}}}, root, data)
		require.Equal(t, "mistake", e["kind"], name)
	}
	c.open(root, repo.Now(), nil)
	a, _ := c.send(object{"call": "next"})
	for {
		r := items(a["batch"].(object)["fetch"])[0]
		if r["role"] == "timestamp" {
			require.Contains(t, c.refused(object{"call": "provide_saved", "id": r["id"]}, data)["text"], "only a live source")
			c.ok(object{"call": "provide", "id": r["id"]}, data)
			return
		}
		c.fetch(r)
		a, _ = c.send(object{"call": "next"})
	}
}
