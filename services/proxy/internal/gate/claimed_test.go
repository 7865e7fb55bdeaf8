package gate

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// An index in the layout of PEP 480: the developers of anvil sign for its page
// and its files, and hash bins, whose keys are online, have the rest.
type claimedIndex struct {
	*world
	developers, unclaimed *verifytest.Role
}

const pageOf = "simple/%s/index.json"

func newClaimedIndex(t *testing.T) *claimedIndex {
	index := &claimedIndex{}
	index.world = newWorld(t, func(w *world) {
		index.world = w
		paths := []string{fmt.Sprintf(pageOf, "anvil"), "packages/*/*/anvil-*"}
		claim := func(by *verifytest.Role, name string) *verifytest.Role {
			return by.Delegate(verifytest.Delegation{Name: name, Paths: paths, Terminating: true})
		}
		index.developers = claim(claim(w.repo.Targets(), "claimed"), "anvil-developers")
		index.unclaimed = w.repo.Targets().Delegate(verifytest.Delegation{
			Name: "unclaimed", Paths: []string{"simple/*/*", "packages/*/*/*"},
		})
		index.unclaimed.DelegateSuccinct("bin", 2)
		list(index.developers, "anvil", "2.0")
		list(index.unclaimed.Bin(fmt.Sprintf(pageOf, "tongs")), "tongs", "1.0")
		w.repo.Publish()
		w.m1.Publish(w.repo)
		w.m2.Publish(w.repo)
		route := w.config.Routes["/corp/"]
		route.Protocol = protocol.PyPI{Index: "index.json"}
		w.config.Routes["/corp/"] = route
	})
	require.Contains(t, index.page("tongs"), "tongs-1.0-") // there is a view
	return index
}

// list lists the page of a project with one wheel.
func list(role *verifytest.Role, project, version string) {
	file := fmt.Sprintf("%s-%s-py3-none-any.whl", project, version)
	page := fmt.Sprintf(`{"meta": {"api-version": "1.0"}, "name": %q, "files": [
		{"filename": %q, "url": %q, "hashes": {}}]}`, project, file, "https://files.example.com/packages/00/00/"+file)
	role.AddTarget(fmt.Sprintf(pageOf, project), []byte(page))
}

// breakIn publishes with the keys of the bins, snapshot and timestamp, which
// somebody has stolen: version 66.6 of a project.
func (w *claimedIndex) breakIn(project string) {
	list(w.unclaimed.Bin(fmt.Sprintf(pageOf, project)), project, "66.6")
	w.repo.Publish()
	w.m1.Publish(w.repo)
	w.m2.Publish(w.repo)
	w.sleep(time.Hour)
	_ = w.refresh()
	w.forgive()
}

func (w *claimedIndex) page(project string) string {
	return w.ask("GET /corp/simple/" + project + "/ Accept: application/vnd.pypi.simple.v1+json")
}

// PEP 480: who has the keys of the online roles cannot replace what developers
// have claimed, nor bring back what they have removed, nor hide them.
func TestCompromisedOnlineKeys(t *testing.T) {
	t.Run("replace what is not claimed", func(t *testing.T) { // so this is an attack
		w := newClaimedIndex(t)
		w.breakIn("tongs")
		require.Contains(t, w.page("tongs"), "tongs-66.6-")
	})
	t.Run("cannot replace what is claimed", func(t *testing.T) {
		w := newClaimedIndex(t)
		w.breakIn("anvil")
		require.Contains(t, w.page("anvil"), "anvil-2.0-")
	})
	t.Run("cannot restore what its developers removed", func(t *testing.T) {
		w := newClaimedIndex(t)
		w.developers.RemoveTarget(fmt.Sprintf(pageOf, "anvil"))
		w.breakIn("anvil")
		require.Contains(t, w.page("anvil"), "404 ")
	})
	for _, role := range []string{"claimed", "anvil-developers"} {
		t.Run("cannot hide "+role, func(t *testing.T) {
			w := newClaimedIndex(t)
			w.repo.Edit("snapshot", func(signed map[string]any) {
				delete(signed["meta"].(map[string]any), role+".json")
			})
			w.breakIn("anvil")
			require.NotContains(t, w.page("anvil"), "66.6", "a proxy that knows the role")
			up := w.config.Upstreams["corp"]
			up.Client.Store = client.NewMemory()
			w.config.Upstreams["corp"] = up
			w.restart()
			require.Contains(t, w.page("anvil"), "403 ", "one that has never seen it")
		})
	}
}
