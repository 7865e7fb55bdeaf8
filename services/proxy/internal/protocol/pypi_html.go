package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// filePath returns the target path of the file that a page links to. A link may
// be relative to the page.
func (p PyPI) filePath(name, link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", fmt.Errorf("it is no URL")
	}
	if u.RawQuery != "" || u.User != nil {
		return "", fmt.Errorf("it has a query or a user name")
	}
	base := "/"
	if p.Files != "" {
		b, err := url.Parse(strings.TrimRight(p.Files, "/") + "/")
		if err != nil {
			return "", err
		}
		if u.Host != "" && (u.Scheme != b.Scheme || !strings.EqualFold(u.Host, b.Host)) {
			return "", fmt.Errorf("it is not below %s", p.Files)
		}
		base = b.EscapedPath()
	}
	page := &url.URL{Path: "/simple/" + name + "/"}
	u = page.ResolveReference(&url.URL{Path: u.Path, RawPath: u.RawPath})
	rest, inside := strings.CutPrefix(u.EscapedPath(), base)
	if !inside {
		return "", fmt.Errorf("it is not below %s", p.Files)
	}
	return unescape(rest)
}

// readHTML reads a page as PEP 503 has it.
func readHTML(name string, body []byte) (*pypiPage, error) {
	p := &pypiPage{name: name}
	z := html.NewTokenizer(bytes.NewReader(body))
	var open *pypiFile
	for {
		switch z.Next() {
		case html.ErrorToken:
			p.more = map[string]json.RawMessage{"meta": json.RawMessage(`{"api-version":"1.0"}`), "name": quoted(name)}
			return p, nil
		case html.StartTagToken, html.SelfClosingTagToken: // the slash of <a/> means nothing
			t := z.Token()
			switch t.Data {
			case "a":
				f, err := linkOf(t)
				if err != nil {
					return nil, err
				}
				open = f
			case "base":
				return nil, fmt.Errorf("a page with a base is not supported")
			}
		case html.TextToken:
			if open != nil {
				open.filename += strings.TrimSpace(z.Token().Data)
			}
		case html.EndTagToken:
			if z.Token().Data == "a" && open != nil {
				if open.filename == "" {
					return nil, fmt.Errorf("a file has no name")
				}
				open.members["filename"] = quoted(open.filename)
				p.files, open = append(p.files, open), nil
			}
		}
	}
}

// linkOf reads a link, and writes its attributes in the words of PEP 691.
func linkOf(t html.Token) (*pypiFile, error) {
	f := &pypiFile{members: map[string]json.RawMessage{"hashes": json.RawMessage(`{}`)}}
	for _, a := range t.Attr {
		switch a.Key {
		case "href":
			address, fragment, _ := strings.Cut(a.Val, "#")
			f.url = address
			if name, digest, ok := strings.Cut(fragment, "="); ok {
				f.members["hashes"] = dictionary(name, digest)
			}
		case "data-requires-python":
			f.members["requires-python"] = quoted(a.Val)
		case "data-yanked":
			f.members["yanked"] = json.RawMessage(`true`)
			if a.Val != "" {
				f.members["yanked"] = quoted(a.Val)
			}
		case "data-core-metadata", "data-dist-info-metadata": // PEP 714: both mean the same
			f.members["core-metadata"] = json.RawMessage(`true`)
			if name, digest, ok := strings.Cut(a.Val, "="); ok {
				f.members["core-metadata"] = dictionary(name, digest)
			}
		case "data-gpg-sig":
			f.members["gpg-sig"] = json.RawMessage(map[bool]string{true: `true`, false: `false`}[a.Val == "true"])
		}
	}
	if f.url == "" {
		return nil, fmt.Errorf("a file has no URL")
	}
	return f, nil
}

// html writes the page as PEP 503 has it.
func (p *pypiPage) html() []byte {
	var b bytes.Buffer
	title := html.EscapeString(p.name)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.0\">"+
		"<title>Links for %s</title></head>\n<body><h1>Links for %s</h1>\n", title, title)
	for _, f := range p.files {
		fmt.Fprintf(&b, "<a href=\"%s\"%s>%s</a><br>\n",
			html.EscapeString(f.url+f.fragment()), f.attributes(), html.EscapeString(f.filename))
	}
	b.WriteString("</body></html>\n")
	return b.Bytes()
}

// fragment is a digest of the file, sha256 if there is one.
func (f *pypiFile) fragment() string { return prefixed("#", f.digest("hashes")) }

// digest is name=digest of a dictionary of hashes, or empty.
func (f *pypiFile) digest(member string) string {
	var hashes map[string]string
	if json.Unmarshal(f.members[member], &hashes) != nil || len(hashes) == 0 {
		return ""
	}
	name := slices.Sorted(maps.Keys(hashes))[0]
	if _, ok := hashes["sha256"]; ok {
		name = "sha256"
	}
	return name + "=" + hashes[name]
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// attributes are those of a link, from the words of PEP 691.
func (f *pypiFile) attributes() string {
	var b strings.Builder
	add := func(name, value string) { fmt.Fprintf(&b, " %s=\"%s\"", name, html.EscapeString(value)) }
	var requires string
	if json.Unmarshal(f.members["requires-python"], &requires) == nil && requires != "" {
		add("data-requires-python", requires)
	}
	var reason string
	switch yanked := string(f.members["yanked"]); {
	case yanked == "true":
		add("data-yanked", "")
	case json.Unmarshal(f.members["yanked"], &reason) == nil && reason != "":
		add("data-yanked", reason)
	}
	metadata := f.members["core-metadata"]
	if digest := f.digest("core-metadata"); digest != "" {
		add("data-core-metadata", digest)
		add("data-dist-info-metadata", digest)
	} else if !isNull(metadata) && string(metadata) != "false" {
		add("data-core-metadata", "true")
		add("data-dist-info-metadata", "true")
	}
	if string(f.members["gpg-sig"]) == "true" {
		add("data-gpg-sig", "true")
	}
	return b.String()
}

func quoted(text string) json.RawMessage {
	data, _ := json.Marshal(text) // a string can always be written
	return data
}

func dictionary(name, value string) json.RawMessage {
	data, _ := json.Marshal(map[string]string{name: value})
	return data
}
