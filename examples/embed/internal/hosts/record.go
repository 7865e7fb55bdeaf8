package hosts

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// Record runs tests of package verify, which record sessions into a folder: all
// scripts, the scenarios where they are, some random histories, and a first
// update from 16,384 hash bins (cold.jsonl).
func Record(folder string, histories int) error {
	cmd := exec.Command("go", "test", "github.com/tufwalk/tufwalk/verify", "-count=1",
		"-run", "^(TestScripts|TestScenarios|TestModel|TestRecordCold)$",
		"-histories", strconv.Itoa(max(histories, 1)), "-record", folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("recording: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
