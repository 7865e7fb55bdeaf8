package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/tufwalk/tufwalk/examples/internal/cachedir"
	"github.com/tufwalk/tufwalk/examples/internal/place"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
)

// downloader is one run of the program: what the command line says, and what is
// made of it.
type downloader struct {
	Targets     []string      `arg:"" name:"target" help:"Target paths to download."`
	Root        string        `required:"" placeholder:"FILE" help:"The root file that you trust, of any version; never one from a cache."`
	MetadataURL []string      `required:"" placeholder:"[NAME=]URL" sep:"none" help:"Base URL of a mirror's metadata. Repeat it for more mirrors, all of which must be up: each has to say that there is no newer root."`
	TargetsURL  []string      `required:"" placeholder:"[NAME=]URL" sep:"none" help:"Base URL of a mirror's target files. Repeat it for more mirrors, any of which may be down."`
	Dest        string        `default:"." placeholder:"DIR" help:"Directory to download into (default: this one)."`
	Cache       string        `placeholder:"DIR" help:"Directory for metadata (default: one per repository in your cache)."`
	At          time.Time     `placeholder:"TIME" help:"Judge expiry as of this time, in RFC 3339 (default: now)."`
	Token       string        `env:"TUFWALK_TOKEN" placeholder:"TOKEN" help:"Bearer token for the mirrors' own hosts, and for no other that they redirect to. Better in the environment: others can read your command line."`
	Proxy       string        `placeholder:"URL" help:"Proxy for all requests (default: as HTTP_PROXY, HTTPS_PROXY and NO_PROXY say)."`
	Parallel    int           `default:"8" help:"Requests at once in all, and targets at once (default: ${default})."`
	PerHost     int           `default:"3" help:"Requests at once to one host (default: ${default})."`
	Retries     int           `default:"3" help:"How often a mirror is asked again after an error that may pass (default: ${default})."`
	Pause       time.Duration `default:"200ms" help:"Pause before it is asked again the first time; it doubles (default: ${default})."`
	Silence     time.Duration `default:"20s" help:"Give a request up if nothing comes for this time (default: ${default})."`
	Timeout     time.Duration `default:"30m" help:"Give everything up after this time (default: ${default})."`
	Quiet       bool          `short:"q" help:"Print warnings and errors only."`

	stdout, stderr io.Writer
	mirrors        mirrors
	client         *http.Client
	dest           *destination
	bars           progress.Bars
}

// Validate finds mistakes before anything is asked of anybody. Package kong
// calls it.
func (d *downloader) Validate() error {
	for _, list := range []struct {
		urls  []string
		field func(*mirror) *string
	}{{d.MetadataURL, metadataBase}, {d.TargetsURL, targetsBase}} {
		for _, s := range list.urls {
			if err := d.mirrors.add(s, list.field); err != nil {
				return err
			}
		}
	}
	if d.Proxy != "" {
		if u, err := url.Parse(d.Proxy); err != nil || u.Host == "" {
			return fmt.Errorf("--proxy: %q is no URL with a host", d.Proxy)
		}
	}
	if d.Parallel < 1 || d.PerHost < 1 || d.Retries < 0 || d.Silence <= 0 || d.Timeout <= 0 {
		return fmt.Errorf("--parallel, --per-host, --silence and --timeout must be above zero, --retries not below")
	}
	for _, target := range d.Targets {
		if strings.HasPrefix(strings.ToLower(path.Base(target)), hidden) {
			return fmt.Errorf("target %q would be taken for a partial file: names that begin with %s are those", target, hidden)
		}
	}
	return place.CheckNames(d.Targets)
}

// openCache opens the directory for metadata. By default there is one for each
// repository: that is, for each first metadata URL.
func (d *downloader) openCache() (*cachedir.Dir, error) {
	dir := d.Cache
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for metadata, name one with --cache: %w", err)
		}
		_, first := splitName(d.MetadataURL[0])
		sum := sha256.Sum256([]byte(strings.TrimRight(first, "/")))
		dir = filepath.Join(user, "tufwalk-async", hex.EncodeToString(sum[:16]))
	}
	return cachedir.Open(dir)
}
