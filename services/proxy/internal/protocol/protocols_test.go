package protocol_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// plan is what a request is planned as: its targets, or where it leads.
func plan(p protocol.Protocol, path string) string {
	plan, err := p.Plan(protocol.Request{Path: path, Base: "http://proxy/r/"})
	switch {
	case err != nil:
		return "none: " + err.Error()
	case plan.Redirect != "":
		return "to " + plan.Redirect
	case plan.Refuse != "":
		return "refused: " + plan.Refuse
	}
	text := strings.Join(plan.Targets, " ")
	if plan.Fixed {
		text += " fixed"
	}
	return text
}

func TestPlans(t *testing.T) {
	const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for name, p := range map[string]struct {
		protocol.Protocol
		plans map[string]string
	}{
		"pypi": {protocol.PyPI{}, map[string]string{
			"simple/forge/":           "simple/forge/index.json simple/forge/index.html",
			"simple/forge":            "to simple/forge/",
			"simple/My_Package.x/":    "to simple/my-package-x/",
			"simple/..%2Fx/":          "none: this index has no list of all projects",
			"simple/":                 "none: this index has no list of all projects",
			"simple/a%00/":            "none: this index has no list of all projects",
			"packages/ab/f-1.0.whl":   "packages/ab/f-1.0.whl fixed",
			"packages/a%2Fb/f.whl":    "none: the path has an encoded slash, or a backslash",
			"packages/../f.whl":       "none: the path has a segment of dots",
			"packages/f.whl.metadata": "packages/f.whl.metadata fixed",
		}},
		"pypi, html only": {protocol.PyPI{Index: "index.html"}, map[string]string{
			"simple/forge/": "simple/forge/index.html",
		}},
		"npm": {protocol.NPM{}, map[string]string{
			"forge":                         "forge/index.json",
			"@corp%2fforge":                 "@corp/forge/index.json",
			"%40corp%2Fforge":               "@corp/forge/index.json",
			"@corp/forge":                   "@corp/forge/index.json",
			"@corp/forge/1.0.0":             "@corp/forge/index.json",
			"forge/latest":                  "forge/index.json",
			"forge/-/forge-1.0.0.tgz":       "forge/-/forge-1.0.0.tgz fixed",
			"@corp/forge/-/forge-1.0.0.tgz": "@corp/forge/-/forge-1.0.0.tgz fixed",
			"forge/-/x/y.tgz":               "none: this is no name of a tarball",
			"-/npm/v1/security/audits":      "none: this is no name of a package, nor one of its files",
			"..%2f..%2fetc":                 "none: the path has an encoded slash, or a backslash",
			"@corp%2f..%2fx":                "none: the path has an encoded slash, or a backslash",
			"":                              "none: the path has an empty segment",
		}},
		"apt": {protocol.Apt{}, map[string]string{
			"dists/stable/InRelease":                               "dists/stable/InRelease",
			"pool/main/f/f_1_all.deb":                              "pool/main/f/f_1_all.deb fixed",
			"dists/stable/main/binary-amd64/by-hash/SHA256/" + sum: "dists/stable/InRelease dists/stable/Release fixed",
			"dists/stable/main/binary-amd64/by-hash/MD5Sum/" + sum: "dists/stable/main/binary-amd64/by-hash/MD5Sum/" + sum,
		}},
		"go": {protocol.Go{}, map[string]string{
			"example.com/!mod/@v/list":       "example.com/!mod/@v/list",
			"example.com/mod/@v/v1.0.0.zip":  "example.com/mod/@v/v1.0.0.zip fixed",
			"example.com/mod/@v/master.info": "example.com/mod/@v/master.info",
			"example.com/mod/@latest":        "example.com/mod/@latest",
			"example.com/Mod/@v/list":        "none: this is no path of the module proxy protocol",
			"example.com/mod/@v/v1.0.0.exe":  "none: this is no file of the module proxy protocol",
			"example.com/mod":                "none: this is no path of the module proxy protocol",
			"sumdb/sum.golang.org/supported": "refused: the checksum database is not offered here: " +
				"set GONOSUMDB for these modules",
		}},
	} {
		for path, want := range p.plans {
			require.Equal(t, want, plan(p, path), "%s: %s", name, path)
		}
	}
}

// render renders the page of forge from a signed body.
func render(t *testing.T, p protocol.PyPI, target, body, accept string) (protocol.Reply, error) {
	t.Helper()
	r := protocol.Request{Path: "simple/forge/", Base: "http://proxy/pypi/", Header: http.Header{"Accept": {accept}}}
	plan, err := p.Plan(r)
	require.NoError(t, err)
	return plan.Render(target, []byte(body))
}

const acceptJSON = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"

// A signed page of either form is rendered in either form, with all that it
// says, and links that lead to the proxy.
func TestPages(t *testing.T) {
	const fromJSON = `{"meta":{"api-version":"1.1","x":1},"name":"Forge","versions":["1.0"],"files":[
		{"filename":"forge-1.0.whl","url":"https://files.example.com/packages/ab/forge-1.0.whl",
		 "hashes":{"md5":"m","sha256":"abc"},
		 "requires-python":">=3.7,<4","yanked":"bad & ugly","dist-info-metadata":{"sha256":"def"},"size":7}]}`
	const fromHTML = `<!DOCTYPE html><html><body><a href="../../packages/ab/forge-1.0.whl#sha256=abc"
		data-requires-python="&gt;=3.7,&lt;4" data-yanked="bad &amp; ugly"
		data-dist-info-metadata="sha256=def">forge-1.0.whl</a></body></html>`
	const asHTML = `<a href="http://proxy/pypi/packages/ab/forge-1.0.whl#sha256=abc" ` +
		`data-requires-python="&gt;=3.7,&lt;4" data-yanked="bad &amp; ugly" ` +
		`data-core-metadata="sha256=def" data-dist-info-metadata="sha256=def">forge-1.0.whl</a>`
	for target, body := range map[string]string{"index.json": fromJSON, "index.html": fromHTML} {
		reply, err := render(t, protocol.PyPI{}, target, body, "text/html")
		require.NoError(t, err)
		require.Contains(t, string(reply.Body), asHTML)
		require.Equal(t, "Accept", reply.Header.Get("Vary"))

		reply, err = render(t, protocol.PyPI{}, target, body, acceptJSON)
		require.NoError(t, err)
		require.Equal(t, "application/vnd.pypi.simple.v1+json", reply.ContentType)
		var page struct {
			Files []map[string]any `json:"files"`
		}
		require.NoError(t, json.Unmarshal(reply.Body, &page))
		require.Len(t, page.Files, 1)
		f := page.Files[0]
		require.Equal(t, "http://proxy/pypi/packages/ab/forge-1.0.whl", f["url"])
		require.Equal(t, "abc", f["hashes"].(map[string]any)["sha256"])
		require.Equal(t, map[string]any{"sha256": "def"}, f["core-metadata"])
		require.NotContains(t, f, "dist-info-metadata", "pip 23.0 crashes")
		require.Equal(t, "bad & ugly", f["yanked"])
		require.Equal(t, ">=3.7,<4", f["requires-python"])
	}
}

// A link that would lead elsewhere than to a target makes the whole page
// unusable: to leave it out would have a client choose another version.
func TestPagesThatLeadElsewhere(t *testing.T) {
	for link, says := range map[string]string{
		"https://files.example.com/a/../../b.whl": "",
		"https://files.example.com/a%2fb.whl":     "encoded slash",
		"https://files.example.com/a//b.whl":      "empty segment",
		"https://u:p@files.example.com/a.whl":     "user name",
		"https://files.example.com/a.whl?x=1":     "query",
		"https://other.example.com/a.whl":         "not below",
		"https://files.example.com/":              "empty segment",
		"javascript:alert(1)":                     "",
	} {
		body := `{"meta":{"api-version":"1.0"},"name":"forge","files":[{"filename":"f","url":` + quote(link) + `}]}`
		reply, err := render(t, protocol.PyPI{Files: "https://files.example.com/"}, "index.json", body, "text/html")
		if says != "" {
			require.ErrorContains(t, err, says, link)
		} else if err == nil { // it leads to the proxy, whatever it was
			require.Contains(t, string(reply.Body), `href="http://proxy/pypi/`)
		}
	}
	for body, says := range map[string]string{
		`{"meta":{"api-version":"2.0"},"name":"forge","files":[]}`: "API version",
		`{"meta":{"api-version":"1.0"},"name":"anvil","files":[]}`: `the page of "anvil"`,
		`{`: "unexpected end",
	} {
		_, err := render(t, protocol.PyPI{}, "index.json", body, "text/html")
		require.ErrorContains(t, err, says)
	}
	for _, base := range []string{`<base href="https://evil.example/">`, `<base href="https://evil.example/"/>`} {
		_, err := render(t, protocol.PyPI{}, "index.html", base+`<a href="x">f</a>`, "text/html")
		require.ErrorContains(t, err, "base")
	}
	// No link is left out: a client would choose another version.
	reply, err := render(t, protocol.PyPI{}, "index.html", `<a href="../../p/f"/>f</a>`, "text/html")
	require.NoError(t, err)
	require.Contains(t, string(reply.Body), `href="http://proxy/pypi/p/f"`)
}

func quote(s string) string { data, _ := json.Marshal(s); return string(data) }

// A packument keeps all that it says, and its tarballs come from the proxy.
func TestPackument(t *testing.T) {
	const body = `{"name":"@corp/forge","dist-tags":{"latest":"1.0.0"},"readme":"r",
		"versions":{"1.0.0":{"name":"@corp/forge","scripts":{"x":"y"},
		"dist":{"integrity":"sha512-abc","shasum":"def",
		"tarball":"https://registry.example.com/@corp/forge/-/forge-1.0.0.tgz"}}}}`
	render := func(path, body string) (string, error) {
		plan, err := protocol.NPM{}.Plan(protocol.Request{Path: path, Base: "http://proxy/npm/"})
		require.NoError(t, err)
		reply, err := plan.Render("", []byte(body))
		return string(reply.Body), err
	}
	got, err := render("@corp%2fforge", body)
	require.NoError(t, err)
	want := strings.Replace(body, "https://registry.example.com/", "http://proxy/npm/", 1)
	require.JSONEq(t, want, strings.Replace(got, "%40", "@", 1))
	for _, version := range []string{"latest", "1.0.0"} {
		got, err = render("@corp/forge/"+version, body)
		require.NoError(t, err)
		require.Contains(t, got, `"integrity":"sha512-abc"`)
	}
	_, err = render("@corp/forge/2.0.0", body)
	require.ErrorAs(t, err, new(*protocol.RequestError))
	_, err = render("anvil", body)
	require.ErrorContains(t, err, `it is that of "@corp/forge"`)
	_, err = render("@corp/forge", strings.Replace(body, "forge-1.0.0.tgz", "..", 1))
	require.ErrorContains(t, err, "no tarball")

	refusal := protocol.NPM{}.Refusal(403, "hash\r\nmismatch")
	require.JSONEq(t, `{"error":"hash\r\nmismatch"}`, string(refusal.Body))
	require.Equal(t, "hash  mismatch", refusal.Header.Get("Npm-Notice"))
}

// What apt asks for by its hash is found through the verified Release file.
func TestByHash(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	plan, err := protocol.Apt{}.Plan(protocol.Request{Path: "dists/stable/main/binary-amd64/by-hash/SHA256/" + sum})
	require.NoError(t, err)
	targets, err := plan.Choose([]byte("Suite: stable\nMD5Sum:\n " + sum + " 1 main/binary-amd64/Wrong\nSHA256:\n " + sum +
		" 1 main/source/Sources\n " + sum + " 1 main/binary-amd64/Packages.gz\n"))
	require.NoError(t, err)
	require.Equal(t, []string{
		"dists/stable/main/binary-amd64/Packages.gz", "dists/stable/main/binary-amd64/by-hash/SHA256/" + sum,
	}, targets)
	targets, err = plan.Choose([]byte("SHA256:\n"))
	require.NoError(t, err)
	require.Len(t, targets, 1)
	require.Equal(t, 403, protocol.Apt{}.Refusal(503, "x").Status)
}

// FuzzPages: whatever a signed page says, its links lead to the proxy, and what
// is written can be read again.
func FuzzPages(f *testing.F) {
	f.Add(true, `{"meta":{"api-version":"1.0"},"name":"forge","files":[{"filename":"f","url":"../../p/f"}]}`)
	f.Add(false, `<a href="../../p/f#sha256=x" data-yanked="">f</a>`)
	f.Fuzz(func(t *testing.T, isJSON bool, body string) {
		target := map[bool]string{true: "index.json", false: "index.html"}[isJSON]
		for _, accept := range []string{"text/html", acceptJSON} {
			reply, err := render(t, protocol.PyPI{}, target, body, accept)
			if err != nil {
				continue
			}
			if accept == "text/html" {
				again, err := render(t, protocol.PyPI{}, "index.html",
					strings.ReplaceAll(string(reply.Body), "http://proxy/pypi/", "/"), accept)
				require.NoError(t, err)
				require.Equal(t, strings.Count(string(reply.Body), "<a "), strings.Count(string(again.Body), "<a "))
				toUs := strings.Count(string(reply.Body), `<a href="http://proxy/pypi/`)
				require.Equal(t, strings.Count(string(reply.Body), "<a "), toUs)
				continue
			}
			require.True(t, json.Valid(reply.Body))
		}
	})
}

// FuzzPlans: whatever is asked for, no target leads elsewhere.
func FuzzPlans(f *testing.F) {
	for _, path := range []string{"simple/a/", "@a%2fb", "pool/a", "a/@v/list", "%2e%2e/a"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, p := range []protocol.Protocol{protocol.PyPI{}, protocol.NPM{}, protocol.Apt{}, protocol.Go{}} {
			plan, err := p.Plan(protocol.Request{Path: path})
			if err != nil {
				continue
			}
			for _, target := range append(plan.Targets, plan.Redirect) {
				for s := range strings.SplitSeq(target, "/") {
					require.NotContains(t, []string{".", ".."}, s)
				}
				require.NotContains(t, target, "\x00")
			}
		}
	})
}
