// Command embed measures the library in other languages: sizes, times to start,
// times of a call, and milliseconds of a first update from a repository of
// 16,384 hash bins. It prints the table of docs/embedding.md. It needs the go
// command, a C compiler, node and python3, and a checkout of the sources.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/tufwalk/tufwalk/examples/embed/internal/hosts"
)

func main() {
	times := flag.Int("times", 50, "how often each host plays the update; the quickest run counts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *times); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, times int) error {
	dir, err := os.MkdirTemp("", "tufwalk-embed-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	module, err := hosts.BuildModule(ctx, dir)
	if err != nil {
		return err
	}
	library, err := hosts.BuildLibrary(ctx, dir)
	if err != nil {
		return err
	}
	if err := hosts.Record(dir, 1); err != nil {
		return err
	}
	cold := filepath.Join(dir, "cold.jsonl")
	fmt.Println("| host | size | start | a call | first update, 16,384 bins |\n|---|---|---|---|---|")
	for _, h := range []struct {
		name, file string
		measure    func() (hosts.Figures, error)
	}{
		{"Go's own session", "", func() (hosts.Figures, error) { return hosts.MeasureSession(cold, times) }},
		{"Go, messages", "", func() (hosts.Figures, error) { return hosts.MeasureMessages(cold, times) }},
		{"Python, C library", library, func() (hosts.Figures, error) {
			cmd := exec.CommandContext(ctx, "python3", "examples/embed/python/replay.py", "--time", fmt.Sprint(times), cold)
			cmd.Env = append(os.Environ(), "TUFWALK_LIBRARY="+library)
			return printed(cmd)
		}},
		{"Node, WebAssembly", module, func() (hosts.Figures, error) {
			return printed(exec.CommandContext(ctx, "node", "--no-warnings", "examples/embed/node/time.mjs", module, cold,
				fmt.Sprint(times)))
		}},
		{"Go with wazero, WebAssembly", module, func() (hosts.Figures, error) {
			return hosts.MeasureWazero(ctx, module, cold, times)
		}},
	} {
		f, err := h.measure()
		if err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
		fmt.Printf("| %s | %s | %s | %.1f µs | %.1f ms |\n", h.name, size(h.file), start(f.Start), f.Call*1000, f.Cold)
	}
	return nil
}

// printed reads what a host in another language prints.
func printed(cmd *exec.Cmd) (f hosts.Figures, err error) {
	out, err := cmd.Output()
	if err != nil {
		return f, err
	}
	_, err = fmt.Sscan(string(out), &f.Start, &f.Cold, &f.Call)
	return f, err
}

func size(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
}

func start(milliseconds float64) string {
	if milliseconds == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f ms", milliseconds)
}
