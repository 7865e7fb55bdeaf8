package bucket

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var _ verify.CandidateStore = (*Records)(nil)

// later is a time by which everything may be swept that is replaced.
func later() time.Time { return time.Now().Add(2 * SweepReplaced) }

func monthLater() time.Time { return time.Now().Add(SweepUnverified + time.Hour) }

// update has a replica update itself, and returns its session.
func update(t *testing.T, repo *verifytest.Repo, records *Records) *verify.Session {
	t.Helper()
	s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(t.Context(), records), repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Run(t.Context(), records, repo.Metadata().Source()))
	return s
}

// sweepBy sweeps with a session from the bucket.
func sweepBy(t *testing.T, repo *verifytest.Repo, records *Records, now time.Time) Swept {
	t.Helper()
	s, err := records.Session(t.Context(), repo.TrustedRoot(), repo.Now())
	require.NoError(t, err)
	swept, err := records.Sweep(t.Context(), s, now)
	require.NoError(t, err)
	return swept
}

// keys are those of all records, without the digests.
func keys(t *testing.T, r *Records) (list []string) {
	t.Helper()
	all, err := r.objects.list(t.Context(), r.prefix)
	require.NoError(t, err)
	for _, o := range all {
		key := strings.TrimPrefix(o.key, r.prefix)
		if i := strings.LastIndexByte(key, '.'); i > strings.LastIndexByte(key, '/') {
			key = key[:i]
		}
		list = append(list, key)
	}
	return list
}

func TestRecords(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		records := open().Records("a/b", verify.Options{})
		_, err := records.Load(t.Context(), "timestamp.json")
		require.ErrorIs(t, err, fs.ErrNotExist)
		files, err := records.LoadAll(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Empty(t, files)
		for _, name := range []string{"../root.json", "root.json/", "role..json", "", "other.json"} {
			_, err := records.Load(t.Context(), name)
			require.ErrorContains(t, err, "is not the name of a record")
		}

		repo := verifytest.New(verifytest.Options{})
		update(t, repo, records)
		repo.Publish()
		update(t, repo, records)
		other := open().Records("a/b", verify.Options{}) // another replica
		files, err = other.LoadAll(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Len(t, files, 2)
		newest, err := other.Load(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Equal(t, repo.Metadata()["timestamp.json"], newest)

		files, err = open().Records("a%2fb", verify.Options{}).LoadAll(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Empty(t, files, "another repository")
	})
}

// a replica behind a frozen mirror, which knows nothing of the others
// but the bucket, does not go below what they have stored.
func TestAReplicaThatIsBehind(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		repo := verifytest.New(verifytest.Options{})
		frozen := repo.Metadata().Clone()
		repo.Publish()
		update(t, repo, open().Records("", verify.Options{}))

		behind := open().Records("", verify.Options{})
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(t.Context(), behind), repo.Now(), verify.Options{})
		require.NoError(t, err)
		require.ErrorIs(t, s.Run(t.Context(), behind, frozen.Source()), verify.ErrRollback)
	})
}

func TestSweep(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		records := open().Records("", verify.Options{})
		repo := verifytest.New(verifytest.Options{})
		update(t, repo, records)
		repo.Rotate("root", 1, repo.Key("another root"))
		repo.Touch("targets")
		repo.Publish()
		update(t, repo, records)
		junk := records.prefix + "timestamp.json/7." + strings.Repeat("0", 64)
		require.NoError(t, records.objects.write(t.Context(), junk, []byte("{}"), true))

		before := keys(t, records)
		swept := sweepBy(t, repo, records, time.Now())
		require.Zero(t, swept.Removed)
		require.Equal(t, before, keys(t, records), "everything is young")

		swept = sweepBy(t, repo, records, later())
		require.Equal(t, 4, swept.Removed)
		require.Len(t, swept.Unverified, 1)
		require.Equal(t, junk, swept.Unverified[0].Key)
		require.False(t, swept.Unverified[0].Removed)
		require.Equal(t, []string{"1.root.json/1", "2.root.json/2", "root.json/2", "snapshot.json/2", "targets.json/2",
			"timestamp.json/2", "timestamp.json/7"}, keys(t, records))

		swept = sweepBy(t, repo, records, monthLater())
		require.True(t, swept.Unverified[0].Removed)
		require.Equal(t, []string{"1.root.json/1", "2.root.json/2", "root.json/2", "snapshot.json/2",
			"timestamp.json/2"}, keys(t, records), "the saved targets file is old, too")
		update(t, repo, open().Records("", verify.Options{}))
	})
}

// What does not decide is never removed by a replica whose root is not the
// newest that is stored, nor by one whose root is not stored.
func TestSweepByAnotherRoot(t *testing.T) {
	records := opened(t, "mem://").Records("", verify.Options{})
	repo := verifytest.New(verifytest.Options{})
	old := update(t, repo, records)
	repo.Rotate("timestamp", 1, repo.Key("another timestamp"))
	repo.Publish()

	ahead, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	require.NoError(t, err)
	require.NoError(t, ahead.Run(t.Context(), nil, repo.Metadata().Source()))
	before := keys(t, records)
	swept, err := records.Sweep(t.Context(), ahead, monthLater())
	require.NoError(t, err)
	require.Len(t, swept.Unverified, 1, "the old timestamp")
	require.Equal(t, 1, swept.Removed, "the saved targets file")
	require.Subset(t, append(keys(t, records), "targets.json/1"), before)

	update(t, repo, records)
	before = keys(t, records)
	swept, err = records.Sweep(t.Context(), old, monthLater())
	require.NoError(t, err)
	require.Equal(t, int64(2), swept.NewerRoot)
	require.Subset(t, append(keys(t, records), "targets.json/1"), before)
}

// A thief of a timestamp key has the replicas store enormous versions. After
// the key was rotated, these files do not count, and must not push those that
// do out of the sixteen that a session looks at.
func TestManyFilesThatDoNotCount(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		records := open().Records("", verify.Options{})
		repo := verifytest.New(verifytest.Options{})
		for i := range int64(20) {
			repo.SetVersion("timestamp", 1_000_000+i)
			repo.PublishOnly("timestamp")
			update(t, repo, records)
		}
		repo.Rotate("timestamp", 1, repo.Key("another timestamp"))
		repo.SetVersion("timestamp", 2)
		repo.Publish()
		frozen := repo.Metadata().Clone()
		update(t, repo, records)
		repo.Publish()
		update(t, repo, records)
		require.Equal(t, int64(3), repo.Version("timestamp"))

		fresh := open().Records("", verify.Options{})
		files, err := fresh.LoadAll(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Len(t, files, 16)
		require.Contains(t, files, repo.Metadata()["timestamp.json"])
		newest, err := fresh.Load(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Equal(t, repo.Metadata()["timestamp.json"], newest)
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(t.Context(), fresh), repo.Now(), verify.Options{})
		require.NoError(t, err)
		require.ErrorIs(t, s.Run(t.Context(), fresh, frozen.Source()), verify.ErrRollback)
	})
}

// A record goes between listing and reading, because of a newer one that the
// listing does not have: the newer one is found.
func TestARecordGoesWhileItIsRead(t *testing.T) {
	repo := verifytest.New(verifytest.Options{})
	store := newFake()
	writer := (&Bucket{objects: store.with(quiet)}).Records("", verify.Options{})
	update(t, repo, writer)
	first := verify.Record{Role: "timestamp", StoreName: "timestamp.json", Version: 1,
		Data: repo.Metadata()["timestamp.json"]}
	repo.Publish()
	second := verify.Record{Role: "timestamp", StoreName: "timestamp.json", Version: 2,
		Data: repo.Metadata()["timestamp.json"]}
	once := false
	reader := (&Bucket{objects: store.with(func(op, key string, after bool) error {
		if op == "open" && !once {
			once = true
			require.NoError(t, writer.Save(t.Context(), second))
			require.NoError(t, writer.objects.remove(t.Context(), writer.key(first)))
		}
		return nil
	})}).Records("", verify.Options{})
	files, err := reader.LoadAll(t.Context(), "timestamp.json")
	require.NoError(t, err)
	require.Equal(t, [][]byte{second.Data}, files)

	never := (&Bucket{objects: store.with(func(op, key string, after bool) error {
		if op == "open" {
			return fs.ErrNotExist
		}
		return nil
	})}).Records("", verify.Options{})
	_, err = never.LoadAll(t.Context(), "timestamp.json")
	require.ErrorIs(t, err, errChanging)
}

// a damaged record has no effect, and saving it again makes it good.
func TestADamagedRecord(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		repo := verifytest.New(verifytest.Options{})
		b := open()
		records := b.Records("", verify.Options{})
		update(t, repo, records)
		rec := verify.Record{Role: "timestamp", StoreName: "timestamp.json", Version: 1,
			Data: repo.Metadata()["timestamp.json"]}
		require.NoError(t, b.objects.write(t.Context(), records.key(rec), rec.Data[:20], true))
		fresh := open().Records("", verify.Options{})
		files, err := fresh.LoadAll(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Empty(t, files)
		update(t, repo, fresh)
		files, err = open().Records("", verify.Options{}).LoadAll(t.Context(), "timestamp.json")
		require.NoError(t, err)
		require.Equal(t, [][]byte{rec.Data}, files)
	})
}

// More than a page of a listing, with names that sort differently in a folder.
func TestManyRecords(t *testing.T) {
	eachBucket(t, func(t *testing.T, open func() *Bucket) {
		b := open()
		for i := range 1100 {
			require.NoError(t, b.objects.write(t.Context(), fmt.Sprintf("x/a-%d", i), nil, false))
		}
		require.NoError(t, b.objects.write(t.Context(), "x/a/b", nil, false))
		list, err := b.objects.list(t.Context(), "x/")
		require.NoError(t, err)
		require.Len(t, list, 1101)
		for i := range list[1:] {
			require.Less(t, list[i].key, list[i+1].key)
		}
	})
}
