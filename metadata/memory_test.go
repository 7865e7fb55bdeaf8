package metadata_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// allocated returns the number of bytes that a function allocates, freed or
// not. It does not depend on the garbage collector or the machine.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// readAs parses and decodes a file, and ignores the errors.
func readAs[T metadata.Content](data []byte) {
	if env, err := metadata.Parse[T](data, metadata.Options{}); err == nil {
		_, _ = env.Unverified()
	}
}

// The bytes that reading allocates at most, for each byte of the document and
// once.
const allocatedPerByte, allocatedAtFirst = 40, 16_384

// CVE-2020-6173, K10, J7: the length of a file limits the memory of a reader,
// whatever is in the file.
func TestReadingAllocatesAtMostAMultiple(t *testing.T) {
	for _, c := range costlyFiles {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range []int{1 << 10, 1 << 14, 1 << 19} {
				data := []byte(c.of(n))
				requireLittle(t, readAs[metadata.Root], data)
				requireLittle(t, readAs[metadata.Timestamp], data)
				requireLittle(t, readAs[metadata.Snapshot], data)
				requireLittle(t, readAs[metadata.Targets], data)
			}
		})
	}
}

func requireLittle(t *testing.T, read func([]byte), data []byte) {
	t.Helper()
	most := uint64(allocatedPerByte*len(data) + allocatedAtFirst)
	require.LessOrEqual(t, allocated(func() { read(data) }), most, "%d bytes", len(data))
}

// The reader estimates the length of a list from its first members. The
// estimate is at most what fits into the rest of the document, even if the list
// is truncated, or later members have another length.
func TestGuessesAreBounded(t *testing.T) {
	const short = `"%06d":{"version":1}`
	long := `"%06d":{"version":1,"x":"` + strings.Repeat("x", 400) + `"}`
	for _, n := range []int{1, 2, 1023, 1024, 1025, 2047, 2048, 5000} {
		for _, pieces := range [][2]string{{short, short}, {short, long}, {long, short}} {
			members := make([]string, n)
			for i := range members {
				members[i] = fmt.Sprintf(pieces[min(i*2/n, 1)], i)
			}
			data := []byte(snapshotWith(strings.Join(members, ",") + `,` + oneVersion))
			env, err := metadata.Parse[metadata.Snapshot](data, metadata.Options{})
			require.NoError(t, err)
			content, err := env.Unverified()
			require.NoError(t, err)
			last, ok := content.Listed(fmt.Sprintf("%06d", n-1))
			require.True(t, ok)
			require.EqualValues(t, 1, last.Version)
			for _, cut := range []int{len(data) / 3, len(data) / 2, len(data) - 100} {
				requireLittle(t, readAs[metadata.Snapshot], data[:cut])
			}
		}
	}
}
