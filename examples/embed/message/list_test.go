package message_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// list lists every target: it calls listed in turn with the requests.
func (c *client) list(at int) (paths []string, end object) {
	n := c.ok(object{"call": "list", "at_once": at})["list"]
	for range 100 {
		c.run()
		l := c.ok(object{"call": "listed", "list": n})["listed"].(object)
		for _, t := range items(l["targets"]) {
			paths = append(paths, t["path"].(string))
		}
		if l["done"] == true {
			require.Equal(c, "mistake", c.refused(object{"call": "listed", "list": n})["kind"], "it is closed")
			return paths, l
		}
	}
	require.Fail(c, "the list has no end")
	return nil, nil
}

func TestList(t *testing.T) {
	repo := world()
	for _, at := range []int{0, 1, 16} {
		c := newClient(t, repo)
		c.open(repo.TrustedRoot(), repo.Now(), nil)
		paths, end := c.list(at)
		require.Equal(t, []string{"app.txt", "dev/app.txt"}, paths)
		require.NotContains(t, end, "error")

		c = newClient(t, repo)
		c.mirror = c.mirror.Clone()
		for path := range c.mirror {
			if strings.HasSuffix(path, ".dev.json") {
				delete(c.mirror, path)
			}
		}
		c.open(repo.TrustedRoot(), repo.Now(), nil)
		paths, end = c.list(at)
		require.Equal(t, []string{"app.txt"}, paths)
		require.Equal(t, "incomplete", end["error"].(object)["reason"])
	}
	c := newClient(t, repo)
	c.open(repo.TrustedRoot(), repo.Now(), nil)
	for _, wrong := range []object{
		{"call": "list", "at_once": -1}, {"call": "list", "at_once": 1 << 40},
		{"call": "listed"}, {"call": "listed", "list": 7},
	} {
		require.Equal(t, "mistake", c.refused(wrong)["kind"])
	}
}
