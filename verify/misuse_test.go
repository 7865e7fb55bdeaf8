package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
)

func TestDecision8ReusedBuffer(t *testing.T) {
	repo := small()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	l := s.Lookup("a/1")
	buffer := make([]byte, 1<<16)
	var records []verify.Record
	for {
		b, ok := s.Next()
		if !ok {
			break
		}
		records = append(records, b.Save...)
		for _, req := range b.Fetch {
			data, err := repo.Metadata().Source()(req)
			if err != nil {
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
			require.Equal(t, string(repo.Metadata()[repo.FileName(rec.Role)]), string(rec.Data))
		}
	}
	anchor := repo.TrustedRoot()
	s, err = verify.New(anchor, verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	clear(anchor)
	b, _ := s.Next()
	require.NoError(t, s.NotFound(b.Fetch[0].ID))
	b, _ = s.Next()
	require.NoError(t, s.Provide(b.Fetch[0].ID, repo.Metadata()["timestamp.json"]))
	b, _ = s.Next()
	require.Equal(t, "root.json", b.Save[0].StoreName)
	require.Equal(t, repo.TrustedRoot(), b.Save[0].Data)
}

// What the session hands out cannot be used to change what it trusts.
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
	require.NoError(t, c.session.Refresh(repo.Now()))
	c.mustFind("a/1")
}
