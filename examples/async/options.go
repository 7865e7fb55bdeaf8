package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/examples/internal/cli"
	"github.com/tufwalk/tufwalk/examples/internal/progress"
)

var commandLine = cli.Program{
	Name:        "async",
	Description: description,
	Help: map[string]string{
		"metadata": "Base URL of a mirror's metadata. Repeat it for more mirrors. " +
			"One that is up is enough; that the others do not confirm that there is no newer root is a warning.",
		"targets": "Base URL of a mirror's target files. Repeat it for more mirrors. Any of them may be down.",
		"cache":   "Directory for metadata (default: one in your cache for each root file).",
		"token": "Bearer token for the mirrors' own hosts. Hosts that they redirect to do not get it. " +
			"Others can read your command line: better set the variable.",
		"proxy":    "Proxy for all requests (default: as HTTP_PROXY, HTTPS_PROXY and NO_PROXY say).",
		"parallel": "Requests at once in all, and targets at once",
		"retries":  "How often a mirror is asked again after a temporary error",
		"pause":    "Pause before a mirror is asked again the first time; it doubles",
		"silence":  "Give up a request if nothing comes for this time",
	},
}

// downloader is one run of the program: the command line, and its parts.
type downloader struct {
	Targets     []string      `arg:"" name:"target" help:"Target paths to download."`
	Root        string        `required:"" placeholder:"FILE" help:"${root}"`
	MetadataURL []string      `required:"" placeholder:"[NAME=]URL" sep:"none" help:"${metadata}"`
	TargetsURL  []string      `required:"" placeholder:"[NAME=]URL" sep:"none" help:"${targets}"`
	Dest        string        `default:"." placeholder:"DIR" help:"Directory to download into (default: this one)."`
	Cache       string        `placeholder:"DIR" help:"${cache}"`
	At          time.Time     `placeholder:"TIME" help:"${at}"`
	Token       string        `env:"TUFWALK_TOKEN" placeholder:"TOKEN" help:"${token}"`
	Proxy       string        `placeholder:"URL" help:"${proxy}"`
	Parallel    int           `default:"8" help:"${parallel} (default: ${default})."`
	PerHost     int           `default:"3" help:"Requests at once to one host (default: ${default})."`
	Retries     int           `default:"3" help:"${retries} (default: ${default})."`
	Pause       time.Duration `default:"200ms" help:"${pause} (default: ${default})."`
	Silence     time.Duration `default:"20s" help:"${silence} (default: ${default})."`
	Timeout     time.Duration `default:"30m" help:"Give up after this time in all (default: ${default})."`
	Quiet       bool          `short:"q" help:"Print warnings and errors only."`

	stdout, stderr io.Writer
	mirrors        mirrors
	client         *http.Client
	dest           *destination
	bars           progress.Bars
}

// Validate finds mistakes before the first request. Package kong calls it.
func (d *downloader) Validate() error {
	for _, s := range d.MetadataURL {
		if err := d.mirrors.add(s, metadataBase); err != nil {
			return err
		}
	}
	for _, s := range d.TargetsURL {
		if err := d.mirrors.add(s, targetsBase); err != nil {
			return err
		}
	}
	if d.Proxy != "" {
		if u, err := url.Parse(d.Proxy); err != nil || u.Host == "" {
			return fmt.Errorf("--proxy: %q is not a URL with a host", d.Proxy)
		}
	}
	if d.Parallel < 1 || d.PerHost < 1 || d.Retries < 0 || d.Silence <= 0 || d.Timeout <= 0 {
		return errors.New("--parallel, --per-host, --silence and --timeout must be above zero, --retries not below")
	}
	return client.CheckNames(d.Targets)
}
