package world

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	modzip "golang.org/x/mod/module"
)

// file is a file of a package.
type file struct {
	name string
	mode int64
	text string
}

// wheel makes a wheel that runs: python -m NAME prints its version, and so does
// the command NAME.
func wheel(name, version string, requires ...string) (filename string, data, metadata []byte) {
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	text := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: A small package.\n", name, version)
	for _, r := range requires {
		text += "Requires-Dist: " + r + "\n"
	}
	files := []file{
		{name + "/__init__.py", 0, fmt.Sprintf("def main():\n    print(\"%s %s runs\")\n", name, version)},
		{name + "/__main__.py", 0, "from . import main\n\nmain()\n"},
		{info + "METADATA", 0, text},
		{info + "WHEEL", 0, "Wheel-Version: 1.0\nGenerator: tufwalk\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "entry_points.txt", 0, fmt.Sprintf("[console_scripts]\n%s = %s:main\n", name, name)},
	}
	record := ""
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.text))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.text))
	}
	files = append(files, file{info + "RECORD", 0, record + info + "RECORD,,\n"})
	return fmt.Sprintf("%s-%s-py3-none-any.whl", name, version), zipped(files), []byte(text)
}

func zipped(files []file) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f.name)
		must(err)
		_, err = w.Write([]byte(f.text))
		must(err)
	}
	must(z.Close())
	return b.Bytes()
}

func tarred(files []file) []byte {
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	t := tar.NewWriter(g)
	for _, f := range files {
		must(t.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text)), Typeflag: tar.TypeReg}))
		_, err := t.Write([]byte(f.text))
		must(err)
	}
	must(t.Close())
	must(g.Close())
	return b.Bytes()
}

// tarball makes an npm package whose command prints its version.
func tarball(name, version string, dependencies map[string]string) (data []byte, manifest map[string]any) {
	command := name[strings.LastIndex(name, "/")+1:]
	manifest = map[string]any{
		"name": name, "version": version, "license": "Apache-2.0", "bin": map[string]string{command: "cli.js"},
	}
	if dependencies != nil {
		manifest["dependencies"] = dependencies
	}
	text, err := json.Marshal(manifest)
	must(err)
	return tarred([]file{
		{"package/package.json", 0o644, string(text)},
		{"package/cli.js", 0o755, fmt.Sprintf("#!/usr/bin/env node\nconsole.log(%q)\n", name+" "+version+" runs")},
	}), manifest
}

// dist is the member of a version in a packument.
func dist(url string, data []byte) map[string]any {
	sum := sha512.Sum512(data)
	return map[string]any{"tarball": url, "integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:])}
}

// deb makes a Debian package with a command that prints its version.
func deb(name, version string) (data []byte, control string) {
	control = fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\n"+
		"Description: A small package\n", name, version)
	script := fmt.Sprintf("#!/bin/sh\necho \"%s %s runs\"\n", name, version)
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{
		{"debian-binary", []byte("2.0\n")},
		{"control.tar.gz", tarred([]file{{"./control", 0o644, control}})},
		{"data.tar.gz", tarred([]file{{"./usr/bin/" + name, 0o755, script}})},
	} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), control
}

// newArchiveKey makes the key of an apt archive, and its public key as a
// keyring for apt.
func newArchiveKey() (key *openpgp.Entity, keyring []byte) {
	key, err := openpgp.NewEntity("Example archive", "", "archive@example.com", nil)
	must(err)
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	must(err)
	must(key.Serialize(w))
	must(w.Close())
	return key, b.Bytes()
}

// signedInline is a Release file as InRelease has it.
func signedInline(key *openpgp.Entity, release string) []byte {
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, key.PrivateKey, nil)
	must(err)
	_, err = w.Write([]byte(release))
	must(err)
	must(w.Close())
	return b.Bytes()
}

// module makes the files of a Go module with a program that prints its version,
// by their names in the module proxy protocol.
func module(path, version string) map[string][]byte {
	mod := fmt.Sprintf("module %s\n\ngo 1.21\n", path)
	program := fmt.Sprintf("package main\n\nfunc main() { println(%q) }\n", path+" "+version+" runs")
	prefix := path + "@" + version + "/"
	escaped, err := modzip.EscapePath(path)
	must(err)
	return map[string][]byte{
		escaped + "/@v/" + version + ".info": fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, version),
		escaped + "/@v/" + version + ".mod":  []byte(mod),
		escaped + "/@v/" + version + ".zip":  zipped([]file{{prefix + "go.mod", 0, mod}, {prefix + "main.go", 0, program}}),
	}
}

func hexHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// must is for what cannot fail: everything is written to memory.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
