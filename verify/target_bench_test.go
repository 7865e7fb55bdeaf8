package verify_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/internal/ratio"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var targetSize = flag.Int64("targetsize", 64<<20, "bytes of the target that BenchmarkTarget checks")

// BenchmarkTarget checks a file as it comes. The yardstick is plain SHA-256 of
// the same stream.
//
//	go test ./verify -run '^$' -bench Target -targetsize 1073741824
func BenchmarkTarget(b *testing.B) {
	target := targetOfZeros(b, *targetSize)
	want, _ := hex.DecodeString(sha256OfZeros(*targetSize))
	plain := func() error {
		h := sha256.New()
		if _, err := io.Copy(h, zeros(*targetSize)); err != nil {
			return err
		}
		if string(h.Sum(nil)) != string(want) {
			b.Fatal("wrong hash")
		}
		return nil
	}
	checked := func() error {
		v := target.Verifier()
		if _, err := io.Copy(v, zeros(*targetSize)); err != nil {
			return err
		}
		return v.Verify()
	}
	copied := func() error { return target.Copy(io.Discard, zeros(*targetSize)) }
	ratio.InTurn(b, func() { require.NoError(b, copied()) }, func() { require.NoError(b, plain()) })
	bench := func(name string, do func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(*targetSize)
			for b.Loop() {
				require.NoError(b, do())
			}
		})
	}
	bench("Copy/tufwalk", copied)
	bench("Copy/yardstick", plain)
	bench("Verifier/tufwalk", checked)
	bench("Verifier/yardstick", plain)
}

// zeros reads as so many zeros.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func sha256OfZeros(n int64) string {
	h := sha256.New()
	_, _ = io.Copy(h, zeros(n))
	return hex.EncodeToString(h.Sum(nil))
}

// targetOfZeros returns a target whose content no mirror has to hold.
func targetOfZeros(t testing.TB, n int64) *verify.Target {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTargetInfo("zeros", n, map[string]string{"sha256": sha256OfZeros(n)})
	repo.Publish()
	s := newSession(t, repo, verify.Stored{}, verify.Options{})
	l := s.Lookup("zeros")
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	target, err := l.Target()
	require.NoError(t, err)
	return target
}
