package world

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Servers are the URLs of a running world: of Mirror, and of Public for each
// package manager.
type Servers struct {
	Mirror string
	Public map[string]string
}

// WriteConfig writes the configuration of a proxy before the world into a
// folder, and returns its file. The names of the private packages belong to the
// repositories alone; the public indexes answer for all others.
func (w *World) WriteConfig(dir string, s Servers) (string, error) {
	own := map[string][]string{
		PyPI: {"simple/forge/*", "simple/anvil/*", "packages/*/forge-*", "packages/*/anvil-*"},
		NPM:  {"@corp/*/*", "@corp/*/-/*", "anvil/*", "anvil/-/*"},
		Apt:  {"*", "*/*", "*/*/*", "*/*/*/*", "*/*/*/*/*", "*/*/*/*/*/*", "*/*/*/*/*/*/*"},
		Go:   {"example.com/*/@v/*", "example.com/*/@latest"},
	}
	others := map[string]string{
		PyPI: `["simple/*/*", "packages/*/*"]`, NPM: `["*/*", "*/-/*"]`, Go: `["*/*/@v/*", "*/*/@latest"]`,
	}
	var text, routes, unverified strings.Builder
	fmt.Fprintf(&text, "listen: 127.0.0.1:0\nadmin: localhost:0\nbucket: file://%s\nrefresh: 1s\nrepositories:\n",
		filepath.Join(dir, "bucket"))
	for _, name := range []string{PyPI, NPM, Apt, Go} {
		if err := os.WriteFile(filepath.Join(dir, name+"-root.json"), w.TrustedRoot(name), 0o600); err != nil {
			return "", err
		}
		mapping, err := json.Marshal(map[string]any{
			"repositories": map[string][]string{name: {s.Mirror + "/" + name}},
			"mapping": []any{map[string]any{
				"paths": own[name], "repositories": []string{name}, "threshold": 1, "terminating": true,
			}},
		})
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-map.json"), mapping, 0o600); err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "  %[1]s: {root: %[1]s-root.json, metadata: [\"%[2]s/%[1]s/metadata\"], "+
			"targets: [\"%[2]s/%[1]s/targets\"]}\n", name, s.Mirror)
		more := ""
		if url := s.Public[name]; url != "" {
			fmt.Fprintf(&unverified, "  public-%s: {url: %q, patterns: %s}\n", name, url+"/", others[name])
			more = fmt.Sprintf(", unverified: [public-%s]", name)
		}
		fmt.Fprintf(&routes, "  /%[1]s/: {protocol: %[1]s, map: %[1]s-map.json%[2]s}\n", name, more)
	}
	if unverified.Len() > 0 {
		text.WriteString("unverified:\n" + unverified.String())
	}
	text.WriteString("routes:\n" + routes.String())
	file := filepath.Join(dir, "proxy.yaml")
	return file, os.WriteFile(file, []byte(text.String()), 0o600)
}
