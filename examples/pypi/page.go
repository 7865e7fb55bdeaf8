package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	version "github.com/aquasecurity/go-pep440-version"

	"github.com/tufwalk/tufwalk/verify"
)

// project has the content of the page of one project.
type project struct {
	name     string
	releases []*release
	lookup   *verify.Lookup // of the page; nil if it is from the extra index
}

// release is a wheel of one version.
type release struct {
	*project
	version  version.Version
	file     pageFile
	path     string // target path; "" on the extra index
	known    bool   // requires has been read
	requires []requirement
	lookup   *verify.Lookup // of the wheel
}

// pageFile is an entry of a page (PEP 691, with the size of PEP 700 and the
// core-metadata of PEP 714).
type pageFile struct {
	Filename string            `json:"filename"`
	URL      string            `json:"url"`
	Hashes   map[string]string `json:"hashes"`
	Size     int64             `json:"size"`
	Yanked   any               `json:"yanked,omitempty"`        // false, true or the reason
	Metadata any               `json:"core-metadata,omitempty"` // false, true or its hashes
}

// page is an index page in the JSON form of PEP 691.
type page struct {
	Meta struct {
		API string `json:"api-version"`
	} `json:"meta"`
	Name  string     `json:"name"`
	Files []pageFile `json:"files"`
}

func (f pageFile) yanked() bool {
	reason, isText := f.Yanked.(string)
	return f.Yanked == true || isText && reason != ""
}

// metadataHash returns the digest of the core metadata, which may be empty, and
// whether there is core metadata.
func (f pageFile) metadataHash() (sha256 string, has bool) {
	switch m := f.Metadata.(type) {
	case bool:
		return "", m
	case map[string]any:
		sha256, _ = m["sha256"].(string)
		return sha256, true
	}
	return "", false
}

// read sets the releases of a project from its page. It uses only wheels for
// any Python 3 on any system, so that this program needs no platform tags.
func (p *project) read(data []byte) error {
	var content page
	if err := json.Unmarshal(data, &content); err != nil {
		return fmt.Errorf("index page of %s: %w", p.name, err)
	}
	if !strings.HasPrefix(content.Meta.API, "1.") {
		return fmt.Errorf("index page of %s: has API version %q, not 1", p.name, content.Meta.API)
	}
	if normalize(content.Name) != p.name {
		return fmt.Errorf("index page of %s: is the page of %q", p.name, content.Name)
	}
	for _, f := range content.Files {
		if v, ok := wheelVersion(f.Filename, p.name); ok {
			p.releases = append(p.releases, &release{project: p, version: v, file: f})
		}
	}
	slices.SortStableFunc(p.releases, func(a, b *release) int { return b.version.Compare(a.version) })
	return nil
}

// wheelName matches the names of PEP 427:
// name-version(-build)-python-abi-platform.whl. There is no hyphen in name, so
// wheels of other projects do not begin with "anvil-".
var wheelName = regexp.MustCompile(
	`^([A-Za-z0-9._]+)-([A-Za-z0-9._!+]+)(?:-[0-9][A-Za-z0-9._]*)?-([A-Za-z0-9._]+)-none-any\.whl$`)

func wheelVersion(filename, project string) (version.Version, bool) {
	m := wheelName.FindStringSubmatch(filename)
	if m == nil || normalize(m[1]) != project || !slices.Contains(strings.Split(m[3], "."), "py3") {
		return version.Version{}, false
	}
	v, err := version.Parse(strings.ReplaceAll(m[2], "_", "-"))
	return v, err == nil
}

// parseMetadata returns the requirements in the core metadata of a wheel.
// Markers are not evaluated: requirements with a marker are returned in left.
func parseMetadata(data []byte, filename string) (requires []requirement, left []string, err error) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	header, _, _ := bytes.Cut(data, []byte("\n\n")) // the rest is the description
	header = append(bytes.TrimSpace(header), "\n\n"...)
	fields, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(header))).ReadMIMEHeader()
	if err != nil {
		return nil, nil, fmt.Errorf("core metadata of %s: %w", filename, err)
	}
	for _, text := range fields.Values("Requires-Dist") {
		if _, marker, ok := strings.Cut(text, ";"); ok {
			if !strings.Contains(marker, "extra") { // extras were not requested
				left = append(left, text)
			}
			continue
		}
		r, err := parseRequirement(text, filename)
		if err != nil {
			return nil, nil, err
		}
		requires = append(requires, r)
	}
	return requires, left, nil
}
