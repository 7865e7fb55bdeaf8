package progress

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A name may have anything but control characters, which client.CheckName
// refuses: here in East Asian characters, two columns each.
const wideName = "目標/文件.bin"

func TestPictureFits(t *testing.T) {
	var bars []*Bar
	for i := range 24 {
		name := fmt.Sprintf("assets/%02d.img", i)
		if i == 3 {
			name = strings.Repeat("long/", 30) + "end.tar.gz"
		} else if i == 4 {
			name = strings.Repeat(wideName, 4)
		}
		bars = append(bars, &Bar{name: name, done: int64(i) << 20, total: 1<<30 - 1})
	}
	for _, columns := range []int{0, 1, 5, 20, 39, 59, 79, 200} {
		for _, rows := range []int{0, 1, 2, 10, 24, 100} {
			lines := picture(bars, columns, rows)
			require.Len(t, lines, min(rows, 24))
			for _, line := range lines {
				text := strings.TrimSuffix(line, "\n")
				require.NotContains(t, text, "\n")
				require.LessOrEqual(t, columnsOf(text), columns, line)
				if columns >= 59 && !strings.HasPrefix(text, "and ") {
					_, after, _ := strings.Cut(text, "[")
					bar, _, _ := strings.Cut(after, "]")
					require.GreaterOrEqual(t, len(bar), leastBar, line)
				}
			}
			if rows > 0 && rows < 24 {
				require.Equal(t, cut(fmt.Sprintf("and %d more", 24-rows+1), columns)+"\n", lines[rows-1])
			}
		}
	}
	require.Empty(t, picture(nil, 80, 24))
	require.Equal(t, "...ong/end.tar.gz", cut(bars[3].name, 17))
}

func TestCounts(t *testing.T) {
	for want, n := range map[string][2]int64{
		"0 of 0 B":             {0, 0},
		"1 of 1023 B":          {1, 1023},
		"0.5 of 1.0 KiB":       {512, 1024},
		"0.1 of 1.5 MiB":       {100 << 10, 3 << 19},
		"1023.0 of 1023.9 KiB": {1023 << 10, 1<<20 - 100},
		"1.0 of 2048.0 TiB":    {1 << 40, 1 << 51},
	} {
		require.Equal(t, want, counts(n[0], n[1]))
		require.LessOrEqual(t, len(want), countColumns)
	}
}

// screen shows what a terminal shows, with the two sequences that bars send.
func screen(t *testing.T, sent string) string {
	t.Helper()
	var lines []string
	for sent != "" {
		var up int
		if n, _ := fmt.Sscanf(sent, "\x1b[%dA\x1b[J", &up); n == 1 {
			require.LessOrEqual(t, up, len(lines))
			lines = lines[:len(lines)-up]
			sent = sent[strings.Index(sent, "J")+1:]
			continue
		}
		line, rest, whole := strings.Cut(sent, "\n")
		require.True(t, whole, "a line is not complete: %q", sent)
		lines, sent = append(lines, line), rest
	}
	return strings.Join(lines, "\n")
}

func TestEndedBarsBecomeLines(t *testing.T) {
	var out bytes.Buffer
	b := New(&out)
	b.size = func() (int, int) { return 60, 4 }
	one, two, three := b.Add("one", 100), b.Add("two", 100), b.Add("three", 100)
	one.Set(50)
	_, _ = two.Write(make([]byte, 25))
	require.Contains(t, screen(t, out.String()), "and 2 more", "there are two rows for three bars")
	one.End()
	b.Print(&out, "one is done\n")
	text := screen(t, out.String())
	require.True(t, strings.HasPrefix(text, "one is done\ntwo "), text)
	require.Contains(t, text, "[=====")
	require.Contains(t, text, "25 of 100 B")
	two.End()
	two.End()
	three.End()
	require.Equal(t, "one is done", screen(t, out.String()), "no bars are left")
}

func TestNoBarsWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	b := New(&out)
	bar := b.Add("one", 100)
	bar.Set(50)
	bar.End()
	require.Empty(t, out.String())
	b.Print(&out, "one is done\n")
	require.Equal(t, "one is done\n", out.String())
}
