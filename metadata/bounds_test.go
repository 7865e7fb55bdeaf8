package metadata_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
)

// allocated is how many bytes something allocates, freed or not. The collector
// does not change it, nor does the machine.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// readAs parses and decodes, whatever comes of it.
func readAs[T metadata.Content](data []byte) {
	if env, err := metadata.Parse[T](data, metadata.Options{}); err == nil {
		_, _ = env.Unverified()
	}
}

// A document costs at most so many bytes of memory for each of its own, all
// that is freed on the way included, whatever is in it; and a little to begin
// with.
const allocatedPerByte, allocatedAtFirst = 40, 16_384

// CVE-2020-6173, K10, J7: nobody can make a reader do more than the length of a
// file allows, which is known before it is read.
func TestReadingAllocatesAtMostAMultiple(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			for _, n := range []int{1 << 10, 1 << 14, 1 << 19} {
				data := []byte(s.of(n))
				for _, read := range []func([]byte){readAs[metadata.Root], readAs[metadata.Timestamp], readAs[metadata.Snapshot], readAs[metadata.Targets]} {
					require.LessOrEqual(t, allocated(func() { read(data) }), uint64(allocatedPerByte*len(data)+allocatedAtFirst), "%d bytes", len(data))
				}
			}
		})
	}
}

// What is guessed from the beginning of a list (how many members there will be)
// is at most what fits into the rest of the document, wherever the list begins,
// is broken off, or changes its mind about how long a member is.
func TestGuessesAreBounded(t *testing.T) {
	short, long := `"%06d":{"version":1}`, `"%06d":{"version":1,"x":"`+strings.Repeat("x", 400)+`"}`
	for _, n := range []int{1, 2, 1023, 1024, 1025, 2047, 2048, 5000} {
		for _, pieces := range [][2]string{{short, short}, {short, long}, {long, short}} {
			members := make([]string, n)
			for i := range members {
				members[i] = fmt.Sprintf(pieces[min(i*2/n, 1)], i)
			}
			data := []byte(shapedAs("snapshot", `"meta":{`+strings.Join(members, ",")+`,"targets.json":{"version":1}}`))
			env, err := metadata.Parse[metadata.Snapshot](data, metadata.Options{})
			require.NoError(t, err)
			content, err := env.Unverified()
			require.NoError(t, err)
			last, ok := content.Listed(fmt.Sprintf("%06d", n-1))
			require.True(t, ok)
			require.EqualValues(t, 1, last.Version)
			for _, cut := range []int{len(data) / 3, len(data) / 2, len(data) - 100} {
				require.LessOrEqual(t, allocated(func() { readAs[metadata.Snapshot](data[:cut]) }), uint64(allocatedPerByte*cut+allocatedAtFirst))
			}
		}
	}
}
