package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// PyPI is the protocol of pip and uv: pages of links as HTML (PEP 503) or JSON
// (PEP 691), and the files that they link to.
//
// The repository has a page at simple/NAME/index.json or simple/NAME/index.html
// (PEP 458), and files where the pages' links lead: packages/... for a link to
// https://files.example.com/packages/... or to ../../packages/....
type PyPI struct {
	// Index is the name of the pages, if the repository has one kind only: a
	// page of the other kind is then not looked for.
	Index string
	// Files is the URL that links to files begin with, if the target paths are
	// below it. Empty: target paths are all that follows the host.
	Files string
}

const (
	jsonType = "application/vnd.pypi.simple.v1+json"
	htmlType = "text/html; charset=utf-8"
)

// Plan implements Protocol.
func (p PyPI) Plan(r Request) (Plan, error) {
	if rest, ok := strings.CutPrefix(r.Path, "simple/"); ok {
		return p.page(r, rest)
	}
	target, err := unescape(r.Path)
	if err != nil {
		return Plan{}, err
	}
	contentType := mime.TypeByExtension(path.Ext(target))
	if strings.HasSuffix(target, ".metadata") { // PEP 658
		contentType = "text/plain; charset=utf-8"
	} else if contentType == "" {
		contentType = "application/octet-stream"
	}
	return Plan{
		Targets: []string{target}, Index: indexesOf(path.Base(target)), ContentType: contentType, Fixed: true, Streams: true,
	}, nil
}

// indexesOf returns the pages of the projects that a file may belong to by its
// name: what is before a hyphen and a digit, with which a version begins.
func indexesOf(file string) (pages []string) {
	for i := range min(len(file)-1, 256) { // no name is longer
		if next := file[i+1]; file[i] == '-' && '0' <= next && next <= '9' {
			page := "simple/" + normalized(file[:i])
			pages = append(pages, page+"/index.json", page+"/index.html")
		}
	}
	return pages
}

// page plans the page of a project.
func (p PyPI) page(r Request, rest string) (Plan, error) {
	name, slash := strings.CutSuffix(rest, "/")
	name, err := unescape(name)
	switch {
	case err != nil:
		return Plan{}, &RequestError{"this index has no list of all projects"}
	case !projectName.MatchString(name):
		return Plan{}, &RequestError{"this is no name of a project"}
	case normalized(name) != name || !slash:
		return Plan{Redirect: "simple/" + normalized(name) + "/"}, nil
	}
	indexes := []string{"index.json", "index.html"}
	if p.Index != "" {
		indexes = []string{p.Index}
	}
	plan := Plan{Render: func(target string, body []byte) (Reply, error) { return p.render(r, name, target, body) }}
	for _, index := range indexes {
		plan.Targets = append(plan.Targets, "simple/"+name+"/"+index)
	}
	return plan, nil
}

var (
	projectName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?$`)
	separators  = regexp.MustCompile(`[-_.]+`)
)

// normalized is the name of a project as PEP 503 has it.
func normalized(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// render writes a page in the form that the client accepts, with links to files
// that lead to the proxy.
func (p PyPI) render(r Request, name, target string, body []byte) (Reply, error) {
	read := readJSON
	if strings.HasSuffix(target, ".html") {
		read = readHTML
	}
	page, err := read(name, body)
	if err != nil {
		return Reply{}, fmt.Errorf("index page of %s: %w", name, err)
	}
	for _, f := range page.files {
		path, err := p.filePath(name, f.url)
		if err != nil {
			return Reply{}, fmt.Errorf("index page of %s: %q: %w", name, f.url, err)
		}
		f.url = r.Base + escape(path)
	}
	reply := Reply{ContentType: htmlType, Header: http.Header{"Vary": {"Accept"}}}
	if accepts(r.Header, jsonType) {
		reply.ContentType = jsonType
		reply.Body, err = page.json()
	} else {
		reply.Body = page.html()
	}
	return reply, err
}

// accepts says whether a client wants a type more than others. Clients that
// know the JSON form prefer it, and so does this function.
func accepts(h http.Header, want string) bool {
	for _, line := range h.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			kind, params, err := mime.ParseMediaType(part)
			if err != nil || kind != want {
				continue
			}
			q, err := strconv.ParseFloat(params["q"], 64)
			return params["q"] == "" || err == nil && q > 0
		}
	}
	return false
}

// Refusal implements Protocol. pip shows the status phrase alone.
func (PyPI) Refusal(status int, reason string) Reply { return Plain{}.Refusal(status, reason) }

// pypiPage is a page of either form.
type pypiPage struct {
	name  string
	more  map[string]json.RawMessage // other members of a JSON page
	files []*pypiFile
}

// pypiFile is a link of a page.
type pypiFile struct {
	filename, url string
	members       map[string]json.RawMessage // all of them but the URL, in the words of PEP 691
}

// json writes the page as PEP 691 has it.
func (p *pypiPage) json() ([]byte, error) {
	files := make([]map[string]json.RawMessage, len(p.files))
	for i, f := range p.files {
		url, err := json.Marshal(f.url)
		if err != nil {
			return nil, err
		}
		f.members["url"] = url
		files[i] = f.members
	}
	list, err := json.Marshal(files)
	if err != nil {
		return nil, err
	}
	page := map[string]json.RawMessage{}
	for name, value := range p.more {
		page[name] = value
	}
	page["files"] = list
	return json.Marshal(page)
}

// readJSON reads a page as PEP 691 has it.
func readJSON(name string, body []byte) (*pypiPage, error) {
	p := &pypiPage{name: name}
	if err := json.Unmarshal(body, &p.more); err != nil {
		return nil, err
	}
	var head struct {
		Meta struct {
			Version string `json:"api-version"`
		} `json:"meta"`
		Name  string                       `json:"name"`
		Files []map[string]json.RawMessage `json:"files"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, err
	}
	switch {
	case !strings.HasPrefix(head.Meta.Version, "1."):
		return nil, fmt.Errorf("it has API version %q, not 1", head.Meta.Version)
	case normalized(head.Name) != name:
		return nil, fmt.Errorf("it is the page of %q", head.Name)
	}
	for _, members := range head.Files {
		f := &pypiFile{members: members}
		if json.Unmarshal(members["filename"], &f.filename) != nil || json.Unmarshal(members["url"], &f.url) != nil {
			return nil, fmt.Errorf("a file has no name or no URL")
		}
		// Of the two names of one member, pip 23.0 cannot read a dictionary
		// under the older one.
		older := members["dist-info-metadata"]
		delete(members, "dist-info-metadata")
		if _, ok := members["core-metadata"]; !ok && older != nil {
			members["core-metadata"] = older
		}
		p.files = append(p.files, f)
	}
	return p, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }
