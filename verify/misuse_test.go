package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

// A caller may reuse its buffers after every call (docs/decisions.md, "A
// rejected body changes nothing").
func TestReusedBuffer(t *testing.T) {
	repo := small()
	s := newClient(t, repo).session
	l := s.Lookup("a/1")
	buffer := make([]byte, 1<<16)
	var records []verify.Record
	for b, ok := s.Next(); ok; b, ok = s.Next() {
		records = append(records, b.Save...)
		for _, req := range b.Fetch {
			data, ok := repo.Metadata()[req.Path]
			if !ok {
				require.NoError(t, s.NotFound(req.ID))
				continue
			}
			n := copy(buffer, data)
			require.NoError(t, s.Provide(req.ID, buffer[:n]))
			for i := range buffer {
				buffer[i] = 'x'
			}
		}
	}
	target, err := l.Target()
	require.NoError(t, err)
	require.Equal(t, "a/1", target.Path)
	require.Equal(t, "a", target.Role)
	for _, rec := range records {
		if rec.Role != "root" {
			require.Equal(t, string(fileOf(repo, rec.Role)), string(rec.Data))
		}
	}

	root := repo.TrustedRoot()
	s, err = verify.New(root, verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	clear(root)
	b, _ := s.Next()
	require.NoError(t, s.NotFound(b.Fetch[0].ID))
	b, _ = s.Next()
	answer(t, s, repo.Metadata(), b.Fetch[0])
	b, _ = s.Next()
	require.Equal(t, "1.root.json", b.Save[0].StoreName)
	require.Equal(t, "root.json", b.Save[1].StoreName)
	for _, rec := range b.Save[:2] {
		require.Equal(t, repo.TrustedRoot(), rec.Data)
	}
}

// What the session hands out are copies: changing them does not change what it
// trusts.
func TestContentsAreCopies(t *testing.T) {
	repo := small()
	c := newClient(t, repo)
	c.mustFind("top")
	c.session.Root().Version = 9
	c.session.Timestamp().Version = 9
	c.session.Snapshot().Version = 9
	c.session.Targets().Version = 9
	*c.session.Root() = metadata.Root{}
	for role, version := range map[string]int64{"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2} {
		require.Equal(t, version, c.session.Version(role))
	}
	c.session = renew(t, c.session, repo.Now())
	c.mustFind("a/1")
}
