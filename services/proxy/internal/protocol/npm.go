package protocol

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// NPM is the protocol of npm, yarn and pnpm: packuments, which describe all
// versions of a package, and tarballs.
//
// The repository has a packument at NAME/index.json, where NAME may have a
// scope (@scope/name), and tarballs at NAME/-/FILE.tgz.
type NPM struct{}

// npmName matches names of packages, without those that would lead elsewhere.
var npmName = regexp.MustCompile(`^(?:@[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)?[A-Za-z0-9_~-][A-Za-z0-9._~-]*$`)

// Plan implements Protocol.
func (n NPM) Plan(r Request) (Plan, error) {
	escaped := strings.TrimSuffix(r.Path, "/")
	if strings.HasPrefix(escaped, "@") || strings.HasPrefix(escaped, "%40") { // the slash of a scope may be encoded
		escaped = strings.Replace(strings.Replace(escaped, "%2f", "/", 1), "%2F", "/", 1)
	}
	whole, err := unescape(escaped)
	if err != nil {
		return Plan{}, err
	}
	name, file, isFile := strings.Cut(whole, "/-/")
	version := ""
	if !isFile && !npmName.MatchString(name) { // NAME/VERSION
		name, version = path.Split(whole)
		name = strings.TrimSuffix(name, "/")
	}
	switch {
	case !npmName.MatchString(name):
		return Plan{}, &RequestError{"this is no name of a package, nor one of its files"}
	case isFile && (strings.Contains(file, "/") || !strings.HasSuffix(file, ".tgz")):
		return Plan{}, &RequestError{"this is no name of a tarball"}
	case isFile:
		return Plan{
			Targets: []string{name + "/-/" + file}, Index: []string{name + "/index.json"},
			ContentType: "application/octet-stream", Fixed: true, Streams: true,
		}, nil
	}
	return Plan{Targets: []string{name + "/index.json"}, Render: func(_ string, body []byte) (Reply, error) {
		body, err := packument(r.Base, name, version, body)
		if err != nil {
			return Reply{}, fmt.Errorf("packument of %s: %w", name, err)
		}
		return Reply{ContentType: "application/json", Body: body}, nil
	}}, nil
}

// raw is a JSON object, whose unknown members stay as they are.
type raw = map[string]json.RawMessage

// packument leads the tarballs of a packument to the proxy, and leaves all else
// as it is. With a version or a tag, it returns that version alone.
func packument(base, name, version string, body []byte) ([]byte, error) {
	var p struct {
		Name     string                     `json:"name"`
		Tags     map[string]string          `json:"dist-tags"`
		Versions map[string]json.RawMessage `json:"versions"`
	}
	var all raw
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	if p.Name != name {
		return nil, fmt.Errorf("it is that of %q", p.Name)
	}
	for number, v := range p.Versions {
		rewritten, err := npmVersion(base, name, v)
		if err != nil {
			return nil, fmt.Errorf("version %s: %w", number, err)
		}
		p.Versions[number] = rewritten
	}
	if version != "" {
		if tagged, ok := p.Tags[version]; ok {
			version = tagged
		}
		if v, ok := p.Versions[version]; ok {
			return v, nil
		}
		return nil, &RequestError{"there is no such version"}
	}
	versions, err := json.Marshal(p.Versions)
	if err != nil {
		return nil, err
	}
	all["versions"] = versions
	return json.Marshal(all)
}

// npmVersion leads the tarball of one version to the proxy.
func npmVersion(base, name string, version json.RawMessage) (json.RawMessage, error) {
	var v, dist raw
	if err := json.Unmarshal(version, &v); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(v["dist"], &dist); err != nil {
		return nil, fmt.Errorf("dist: %w", err)
	}
	var tarball string
	if err := json.Unmarshal(dist["tarball"], &tarball); err != nil {
		return nil, fmt.Errorf("dist.tarball: %w", err)
	}
	file, err := unescape(path.Base(tarball))
	if err != nil || !strings.HasSuffix(file, ".tgz") {
		return nil, fmt.Errorf("dist.tarball: %q is no tarball", tarball)
	}
	dist["tarball"] = quoted(base + escape(name+"/-/"+file))
	written, err := json.Marshal(dist)
	if err != nil {
		return nil, err
	}
	v["dist"] = written
	return json.Marshal(v)
}

// Refusal implements Protocol. npm shows the status phrase, the member error
// and, of an optional dependency, only the notice.
func (NPM) Refusal(_ int, reason string) Reply {
	body, _ := json.Marshal(map[string]string{"error": reason}) // strings can always be written
	return Reply{
		ContentType: "application/json",
		Header:      http.Header{"Npm-Notice": {oneLine(reason)}},
		Body:        body,
	}
}

// oneLine is a reason for a header.
func oneLine(reason string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7E {
			return ' '
		}
		return r
	}, reason)
}
