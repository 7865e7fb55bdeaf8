// Command gotuf is go-tuf with the command line of the TUF conformance suite.
// It reads the time from the date command.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gotuf:", err)
		os.Exit(1)
	}
}

func run() error {
	metadataDir := flag.String("metadata-dir", "", "")
	metadataURL := flag.String("metadata-url", "", "")
	targetDir := flag.String("target-dir", "", "")
	targetURL := flag.String("target-base-url", "", "")
	var targets []string
	flag.Func("target-name", "", func(path string) error {
		targets = append(targets, path)
		return nil
	})
	flag.Parse()
	trusted := filepath.Join(*metadataDir, "root.json")
	switch flag.Arg(0) {
	case "init":
		root, err := os.ReadFile(flag.Arg(1))
		if err != nil {
			return err
		}
		return os.WriteFile(trusted, root, 0o600)
	case "refresh", "download":
	default:
		return errors.New("unknown command")
	}
	root, err := os.ReadFile(trusted)
	if err != nil {
		return err
	}
	c, err := config.New(*metadataURL, root)
	if err != nil {
		return err
	}
	c.LocalMetadataDir, c.LocalTargetsDir, c.RemoteTargetsURL = *metadataDir, *targetDir, *targetURL
	if c.LocalTargetsDir == "" {
		c.LocalTargetsDir = *metadataDir
	}
	u, err := updater.New(c)
	if err != nil {
		return err
	}
	now, err := date()
	if err != nil {
		return err
	}
	u.UnsafeSetRefTime(now)
	if err := u.Refresh(); err != nil {
		return err
	}
	for _, path := range targets {
		t, err := u.GetTargetInfo(path)
		if err != nil {
			return err
		}
		if found, _, err := u.FindCachedTarget(t, ""); err == nil && found != "" {
			continue
		}
		if _, _, err := u.DownloadTarget(t, "", ""); err != nil {
			return err
		}
	}
	return nil
}

func date() (time.Time, error) {
	out, err := exec.Command("date", "+%s").Output()
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(seconds, 0), err
}
