package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var (
	listingBits    = flag.Int("listing-bits", 8, "bits of the number of bins in BenchmarkListing")
	listingTargets = flag.Int("listing-targets", 100_000, "number of targets in BenchmarkListing")
)

// manyBins is a mirror of a repository with succinct bins. It makes the files
// of the bins as they are asked for, so that they need no memory.
type manyBins struct {
	root      []byte
	now       time.Time
	files     verifytest.Files
	next      verifytest.Files // in which 100 bins have changed
	bins      [][]int32        // the numbers of the targets
	key       *verifytest.Key
	making    time.Duration // took so long
	yardstick time.Duration // takes so long for the files that were served
	bytes     int64
	requests  int
}

func newManyBins(bits, targets int) *manyBins {
	repo := verifytest.New(verifytest.Options{Compact: true})
	repo.Targets().DelegateSuccinct("bin", bits)
	repo.Publish()
	bin := func(i int) string { return fmt.Sprintf("bin-%0*x", (bits+3)/4, i) }
	m := &manyBins{
		root: repo.TrustedRoot(), now: repo.Now(), files: repo.Metadata().Clone(), key: repo.Keys(bin(0))[0],
		bins: make([][]int32, 1<<bits),
	}
	for i := range 100 {
		repo.Touch(bin(i * len(m.bins) / 100))
	}
	repo.Publish()
	m.next = repo.Metadata().Clone()
	for i := range targets {
		sum := sha256.Sum256([]byte(manyPath(i)))
		bin := binary.BigEndian.Uint32(sum[:]) >> (32 - bits)
		m.bins[bin] = append(m.bins[bin], int32(i))
	}
	return m
}

func manyPath(i int) string {
	return fmt.Sprintf("packages/%02x/some_project_with_a_name-%08d-py3-none-any.whl", i&0xff, i)
}

// source serves files, and does the yardstick's work with them.
func (m *manyBins) source(files verifytest.Files) verify.Source {
	return func(_ context.Context, q verify.Request) ([]byte, error) { return m.serve(files, q) }
}

func (m *manyBins) serve(files verifytest.Files, q verify.Request) ([]byte, error) {
	start := time.Now()
	data, ok := files[q.Path]
	if !ok {
		return nil, verify.ErrNotAtSource
	}
	if _, number, ok := strings.Cut(q.Role, "bin-"); ok {
		data = m.bin(number, q.Version)
	}
	payload := data[strings.Index(string(data[:min(len(data), 1000)]), `"signed":`)+9 : len(data)-1]
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	sig := ed25519.Sign(private, payload)
	m.making += time.Since(start)
	begin := time.Now()
	sha256.Sum256(data)
	if !json.Valid(data) || !ed25519.Verify(private.Public().(ed25519.PublicKey), payload, sig) {
		panic("bad file")
	}
	for range bytes.Count(payload, []byte("hashes")) { // to know the bin of each path
		sha256.Sum256(payload[:60])
	}
	m.yardstick += time.Since(begin)
	m.bytes += int64(len(data))
	m.requests++
	return data, nil
}

// bin makes the file of a bin.
func (m *manyBins) bin(number string, version int64) []byte {
	raw, err := hex.DecodeString(fmt.Sprintf("%08s", number))
	if err != nil {
		panic(err)
	}
	var paths []string
	for _, i := range m.bins[binary.BigEndian.Uint32(raw)] {
		paths = append(paths, manyPath(int(i)))
	}
	slices.Sort(paths)
	var b strings.Builder
	fmt.Fprintf(&b, `{"_type":"targets","expires":"2039-01-01T00:00:00Z","spec_version":"1.0.34","targets":{`)
	for i, path := range paths {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%s":{"hashes":{"sha256":"%064x"},"length":%d}`, path, i, int64(i)+version)
	}
	fmt.Fprintf(&b, `},"version":%d}`, version)
	sig := hex.EncodeToString(m.key.Sign([]byte(b.String())))
	return fmt.Appendf(nil, `{"signatures":[{"keyid":"%s","sig":"%s"}],"signed":%s}`, m.key.ID(), sig, b.String())
}

// heap is the size of the live heap and of garbage that is not yet collected.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// BenchmarkListing lists a repository with succinct bins. The yardstick is the
// sha256 of each file and each path, one json.Valid and one signature.
//
//	go test ./verify -run '^$' -bench 'Listing|Difference' -benchtime 1x -listing-bits 14 -listing-targets 7000000
func BenchmarkListing(b *testing.B) {
	m := newManyBins(*listingBits, *listingTargets)
	for b.Loop() {
		runtime.GC()
		before, peak := heap(), uint64(0)
		start := m.start()
		s, err := verify.New(m.root, verify.Stored{}, m.now, verify.Options{})
		require.NoError(b, err)
		n := 0
		l := s.List(verify.ListOptions{AtOnce: 16})
		for !l.Done() {
			require.NoError(b, s.Run(context.Background(), nil, m.source(m.files)))
			for target, err := range l.Targets() {
				if err != nil || target.Length < 0 {
					b.Fatal(err)
				}
				n++
			}
			peak = max(peak, heap())
		}
		require.NoError(b, l.Err())
		require.Equal(b, *listingTargets, n)
		m.report(b, start, peak-before)
	}
}

func (m *manyBins) start() time.Time {
	m.making, m.yardstick, m.bytes, m.requests = 0, 0, 0, 0
	return time.Now()
}

func (m *manyBins) report(b *testing.B, start time.Time, peak uint64) {
	ours := time.Since(start) - m.making - m.yardstick
	b.ReportMetric(ours.Seconds(), "s")
	b.ReportMetric(ours.Seconds()/m.yardstick.Seconds(), "x-yardstick")
	b.ReportMetric(float64(peak)/1e6, "MB-peak")
	b.ReportMetric(float64(m.bytes)/1e6, "MB-metadata")
	b.ReportMetric(float64(m.requests), "files")
}

// BenchmarkDifference compares two views of that repository. 100 bins have
// changed, and in each of them every target.
func BenchmarkDifference(b *testing.B) {
	m := newManyBins(*listingBits, *listingTargets)
	for b.Loop() {
		runtime.GC()
		before, peak := heap(), uint64(0)
		start := m.start()
		old, err := verify.New(m.root, verify.Stored{}, m.now, verify.Options{})
		require.NoError(b, err)
		s, err := verify.New(m.root, verify.Stored{}, m.now, verify.Options{})
		require.NoError(b, err)
		n := 0
		d := s.Difference(old, verify.DifferenceOptions{
			AtOnce: 16, Delegates: func(role string) bool { return role == "targets" },
		})
		for !d.Done() {
			require.NoError(b, old.Run(context.Background(), nil, m.source(m.files)))
			require.NoError(b, s.Run(context.Background(), nil, m.source(m.next)))
			for change, err := range d.Changes() {
				if err != nil || change.Old == nil || change.New == nil {
					b.Fatal(err)
				}
				n++
			}
			peak = max(peak, heap())
		}
		require.NoError(b, d.Err())
		require.Positive(b, n)
		m.report(b, start, peak-before)
		b.ReportMetric(float64(n), "changes")
	}
}
