package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// good is a configuration that is right.
const good = `listen: 127.0.0.1:8375
admin: 127.0.0.1:8376
bucket: file:///var/cache/tufwalk-proxy
refresh: 90s
limits: {memory: 64MB, cache: 1GiB, file: 10kB, clients: 20}
stream: true
repositories:
  corp:
    root: root.json
    metadata: ["https://one.example/metadata", "https://two.example/metadata"]
    targets: ["https://one.example/targets"]
  public: {root: root2.json, metadata: ["https://p/m"], targets: ["https://p/t"]}
unverified:
  pypi.org: {url: "https://pypi.org/", patterns: ["simple/*/*"]}
routes:
  /corp/: {protocol: plain, repository: corp, prefix: "a/"}
  /both/: {protocol: plain, map: map.json, unverified: [pypi.org]}
log: {format: json, level: debug}
`

const mapJSON = `{"repositories": {"corp": ["https://one.example"], "public": ["https://p"]}, "mapping": [
	{"paths": ["acme/*"], "repositories": ["corp"], "threshold": 1, "terminating": true},
	{"paths": ["*"], "repositories": ["public"], "threshold": 1, "terminating": true}]}`

// folder returns a folder with what the configuration names.
func folder(t *testing.T) string {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	write("root.json", verifytest.New(verifytest.Options{}).TrustedRoot())
	write("root2.json", verifytest.New(verifytest.Options{Seed: "2"}).TrustedRoot())
	write("map.json", []byte(mapJSON))
	write("npm.json", []byte(strings.Replace(mapJSON, "acme/*", "@acme/*", 1)))
	write("text.txt", []byte("text"))
	return dir
}

func load(t *testing.T, dir, text string) (*settings, string) {
	file := filepath.Join(dir, "proxy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	s, err := loadSettings(file)
	if err == nil {
		return s, ""
	}
	return nil, strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
}

func TestSettings(t *testing.T) {
	s, errs := load(t, folder(t), good)
	require.Empty(t, errs)
	require.Equal(t, "127.0.0.1:8375", s.Listen)
	require.Equal(t, int64(1<<30), s.Cache)
	require.Equal(t, 90*time.Second, s.Gate.Refresh)
	require.Equal(t, int64(64e6), s.Gate.Limits.Memory)
	require.Equal(t, 20, s.Gate.Limits.Clients)
	require.True(t, s.Gate.Stream)
	require.Equal(t, "a/", s.Gate.Routes["/corp/"].Prefix)
	require.Equal(t, []string{"pypi.org"}, s.Gate.Routes["/both/"].Unverified)
	require.Len(t, s.Gate.Upstreams["map.json"].Client.Repositories, 2)
	require.Equal(t, "json", s.LogFormat)
	require.Equal(t, "DEBUG", s.LogLevel.String())
}

// Each mistake has its file, line and key.
func TestWrongSettings(t *testing.T) {
	dir := folder(t)
	for _, c := range []struct{ old, new, want string }{
		{"stream: true", "stream: maybe", "proxy.yaml:6: stream: must be true or false, is a text"},
		{"stream: true", "streams: true", "proxy.yaml:6: streams: there is no such key (there are listen, admin, " +
			"bucket, refresh, " +
			"limits, stream, repositories, unverified, routes, tls, log)"},
		{"stream: true", "stream: true\nstream: false", `proxy.yaml:7: mapping key "stream" already defined at [6:1]`},
		{"stream: true", "stream:", "proxy.yaml:6: stream: has no value"},
		{"listen: 127.0.0.1:8375\n", "", "proxy.yaml:1: listen: is missing"},
		{"listen: 127.0.0.1:8375", "listen: 8375", "proxy.yaml:1: listen: must be a text, is a number"},
		{"listen: 127.0.0.1:8375", "listen: localhost", "proxy.yaml:1: listen: must be a host and a port, such as " +
			"127.0.0.1:8375"},
		{"admin: 127.0.0.1:8376", "admin: 127.0.0.1:8375", "proxy.yaml:2: admin: must not be the same as listen"},
		{"bucket: file://", "bucket: ", "proxy.yaml:3: bucket: must be a URL, such as file:///var/cache/tufwalk-proxy"},
		{"refresh: 90s", "refresh: 90", "proxy.yaml:4: refresh: must be a time, such as 5m or 30s"},
		{"refresh: 90s", "refresh: 1ms", "proxy.yaml:4: refresh: must be at least 1s"},
		{"memory: 64MB", "memory: 64 elephants", "proxy.yaml:5: limits.memory: must be a size, such as 256MB or 10GiB"},
		{"memory: 64MB", "memory: 64kB", "proxy.yaml:5: limits.memory: must be at least 16777216 bytes"},
		{"memory: 64MB", "memory: 9999999999TB", "proxy.yaml:5: limits.memory: must be a size, such as 256MB or 10GiB"},
		{"clients: 20", "clients: 0", "proxy.yaml:5: limits.clients: must be a number of at least 1"},
		{"clients: 20", "client: 20", "proxy.yaml:5: limits.client: there is no such key (there are memory, cache, " +
			"file, clients)"},
		{"limits: {memory: 64MB, cache: 1GiB, file: 10kB, clients: 20}", "limits: 3",
			"proxy.yaml:5: limits: must be a mapping, is a number"},
		{"root: root.json", "root: none.json", "proxy.yaml:9: repositories.corp.root: open none.json: no such file or " +
			"directory"},
		{"root: root.json", "root: text.txt", "proxy.yaml:9: repositories.corp.root: configuration: TrustedRoot: " +
			"initial trusted root: " +
			`not well-formed TUF metadata: offset 0: found "t", want true`},
		{"    root: root.json\n", "", "proxy.yaml:8: repositories.corp.root: is missing"},
		{`["https://one.example/targets"]`, `[]`, "proxy.yaml:11: repositories.corp.targets: is missing"},
		{`["https://one.example/targets"]`, `https://one.example/targets`,
			"proxy.yaml:11: repositories.corp.targets: must be a list, is a text"},
		{`["https://one.example/targets"]`, `["ftp://user:secret@one"]`, "proxy.yaml:11: repositories.corp.targets: " +
			`"ftp://user:xxxxx@one" is no URL with http or https, and a host`},
		{`url: "https://pypi.org/"`, `url: "https://pypi.org"`,
			"proxy.yaml:14: unverified.pypi.org.url: must end with a slash"},
		{`, patterns: ["simple/*/*"]`, ``, "proxy.yaml:14: unverified.pypi.org.patterns: is missing: nothing is " +
			"answered without " +
			"verification that is not named"},
		{"  /corp/:", "  /corp:", "proxy.yaml:16: routes./corp: must begin and end with a slash, and need no " +
			"percent-encoding"},
		{"  /both/:", "  /corp/both/:", "proxy.yaml:17: routes./corp/both/: overlaps the route /corp/"},
		{"/corp/: {protocol: plain", "/corp/: {protocol: gopher",
			`proxy.yaml:16: routes./corp/.protocol: "gopher" is unknown (there are apt, go, npm, plain, pypi)`},
		{"/corp/: {protocol: plain, ", "/corp/: {", "proxy.yaml:16: routes./corp/.protocol: is missing"},
		{"repository: corp", "repository: crop", `proxy.yaml:16: routes./corp/.repository: there is no "crop" under ` +
			`repositories`},
		{"repository: corp", "repository: corp, map: map.json",
			"proxy.yaml:16: routes./corp/: must have either repository or map"},
		{"repository: corp", "repository: corp, unverified: [pypi.org]",
			"proxy.yaml:16: routes./corp/.unverified: a single repository " +
				"decides about every name, so that nothing is left: a map says which names are its own"},
		{"unverified: [pypi.org]", "unverified: [npm]", `proxy.yaml:17: routes./both/.unverified: there is no "npm" ` +
			`under unverified`},
		{"  public: {", "  other: {", `proxy.yaml:17: routes./both/.map: the map needs "public", which is not under ` +
			`repositories`},
		{"map: map.json", "map: text.txt", `proxy.yaml:17: routes./both/.map: not well-formed TUF metadata: offset 0: ` +
			`found "t"`},
		{"format: json", "format: xml", `proxy.yaml:18: log.format: must be one of text, json, is "xml"`},
		{"log:", "tls: {certificate: text.txt, key: none}\nlog:", "proxy.yaml:18: tls: open none: no such file or directory"},
		{"log:", "tls: {certificate: text.txt}\nlog:", "proxy.yaml:18: tls.key: is missing"},
		{"log: {format", "log: {{format", "proxy.yaml:18"},
	} {
		t.Run(c.new, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			require.NotEqual(t, good, text)
			_, errs := load(t, dir, text)
			require.Contains(t, errs, c.want)
		})
	}
	text := strings.Replace(good, "/both/: {protocol: plain, map: map.json", "/both/: {protocol: npm, map: npm.json", 1)
	_, errs := load(t, dir, text)
	require.Contains(t, errs, `proxy.yaml:17: routes./both/.map: "@acme/*": it matches nothing of a scope: `+
		"a packument is at @scope/name/index.json")
	_, errs = load(t, dir, "stream: 3\nlog: 3\n")
	require.Contains(t, errs, "proxy.yaml:1: stream: must be true or false, is a number\n")
	require.Contains(t, errs, "proxy.yaml:2: log: must be a mapping, is a number")
}
