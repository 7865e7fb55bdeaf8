package moving

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// move is a program that has used go-tuf, and now uses tufwalk in the same
// folder.
type move struct {
	*testing.T
	repo        *verifytest.Repo
	server      *clienttest.Server
	url, folder string
}

func newMove(t *testing.T) *move {
	m := &move{T: t, repo: verifytest.New(verifytest.Options{Start: time.Now()}), folder: t.TempDir()}
	m.repo.Targets().AddTarget("50%25 off#1?.txt", []byte("a strange name"))
	m.repo.Targets().AddTarget("app", []byte("the app"))
	m.repo.Publish()
	m.server = clienttest.NewServer(m.repo)
	server := httptest.NewServer(m.server)
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

func (m *move) goTUF() (*updater.Updater, error) {
	cfg, err := config.New(m.url+"/metadata", m.repo.TrustedRoot())
	require.NoError(m, err)
	cfg.LocalMetadataDir, cfg.LocalTargetsDir = m.folder, m.TempDir()
	cfg.RemoteTargetsURL = m.url + "/targets"
	u, err := updater.New(cfg)
	require.NoError(m, err)
	return u, u.Refresh()
}

func (m *move) tufwalk() (*client.Client, error) {
	c, err := client.Open(client.Config{
		TrustedRoot: m.repo.TrustedRoot(), Folder: m.folder,
		Metadata: []string{m.url + "/metadata"}, Targets: []string{m.url + "/targets"},
	})
	require.NoError(m, err)
	m.Cleanup(func() { require.NoError(m, c.Close()) })
	return c, c.Refresh(m.Context())
}

// What go-tuf has saved protects against rollback.
func TestTheFolderStays(t *testing.T) {
	m := newMove(t)
	old := clienttest.NewServer(m.repo)
	m.repo.Publish()
	m.server.Publish(m.repo)
	_, err := m.goTUF()
	require.NoError(t, err)

	frozen := httptest.NewServer(old)
	t.Cleanup(frozen.Close)
	newest := m.url
	m.url = frozen.URL
	_, err = m.tufwalk()
	require.ErrorIs(t, err, verify.ErrRollback)
	m.url = newest
	_, err = m.tufwalk()
	require.NoError(t, err)
}

func TestDamagedFile(t *testing.T) {
	m := newMove(t)
	_, err := m.goTUF()
	require.NoError(t, err)
	file := filepath.Join(m.folder, "timestamp.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = m.goTUF()
	require.Error(t, err)
	_, err = m.tufwalk()
	require.NoError(t, err)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, m.repo.Metadata()["timestamp.json"], data)
}

func TestRootsOfTheFolder(t *testing.T) {
	m := newMove(t)
	m.repo.PublishOnly("root")
	m.repo.PublishOnly("root")
	m.repo.Publish()
	m.server.Publish(m.repo)
	c, err := m.tufwalk()
	require.NoError(t, err)
	newest := m.repo.Version("root")
	require.Equal(t, newest, c.View().Repositories[0].Root)
	require.FileExists(t, filepath.Join(m.folder, "2.root.json"))
	root, err := os.ReadFile(filepath.Join(m.folder, "root.json"))
	require.NoError(t, err)
	require.NotEqual(t, m.repo.TrustedRoot(), root)

	m.server.Remove("/metadata/2.root.json") // lost, or hidden
	c, err = m.tufwalk()
	require.NoError(t, err)
	require.Equal(t, newest, c.View().Repositories[0].Root)
	u, err := m.goTUF()
	require.NoError(t, err)
	require.EqualValues(t, 1, u.GetTrustedMetadataSet().Root.Signed.Version)
}

func TestURLs(t *testing.T) {
	m := newMove(t)
	const path = "50%25 off#1?.txt"
	u, err := m.goTUF()
	require.NoError(t, err)
	info, err := u.GetTargetInfo(path)
	require.NoError(t, err)
	_, _, err = u.DownloadTarget(info, "", "")
	require.Error(t, err)

	c, err := m.tufwalk()
	require.NoError(t, err)
	f, err := c.Find(t.Context(), path)
	require.NoError(t, err)
	body, err := f.Open(t.Context())
	require.NoError(t, err)
	defer body.Close()
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "a strange name", string(data))
}
