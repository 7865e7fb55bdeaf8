package gate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// What is saved answers while nobody can be reached, but nothing older than
// what is known: a mirror that has told of a new version, and keeps the file of
// a role to itself, does not bring back what was withdrawn.
func TestWhatIsSavedIsNotOlder(t *testing.T) {
	var role *verifytest.Role
	w := newWorld(t, func(w *world) {
		role = w.repo.Targets().Delegate(verifytest.Delegation{Name: "tools", Paths: []string{"tools/*"}})
		role.AddTarget("tools/bad", []byte("withdrawn soon"))
		w.repo.Targets().Delegate(verifytest.Delegation{Name: "other", Paths: []string{"other/*"}})
		w.repo.Publish()
		w.m1.Publish(w.repo)
		w.m2.Publish(w.repo)
	})
	require.Equal(t, "200 OK\nwithdrawn soon", w.ask("GET /corp/tools/bad"))
	both("/metadata/*.other.json", clienttest.Status(500))(w)
	require.Contains(t, w.ask("HEAD /corp/other/file"), "503") // and the saved view is in memory
	role.RemoveTarget("tools/bad")
	w.repo.Publish()
	w.m1.Publish(w.repo)
	w.m2.Publish(w.repo)
	both("/metadata/*.tools.json", clienttest.Status(500))(w)
	require.NoError(t, w.refresh())
	require.Contains(t, w.ask("HEAD /corp/tools/bad"), "503")
	w.sleep(time.Minute)
	w.forgive()
	require.Contains(t, w.ask("HEAD /corp/tools/bad"), "503")
}
