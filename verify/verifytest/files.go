package verifytest

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing/fstest"
)

// Files are the files that a mirror serves, by their path in a URL, relative to
// the base URL. The path is percent-encoded, like that of a verify.Request: in
// the name of a role and in each segment of a target's path, everything is
// encoded except letters and digits of ASCII and "_.-~". A slash in the name of
// a role is %2F.
type Files map[string][]byte

// Clone returns a deep copy.
func (f Files) Clone() Files {
	c := make(Files, len(f))
	for name, data := range f {
		c[name] = slices.Clone(data)
	}
	return c
}

// FS returns the files as a file system for an HTTP server. A server decodes
// the path in a URL and cleans it with path.Clean before it looks for a file,
// so these are the names in the file system. With
//
//	server := httptest.NewServer(http.FileServerFS(repo.Metadata().FS()))
//
// a request for 2.a%2Fb.json is answered with the file 2.a/b.json. A file is
// also found under its encoded name, if no other has that name.
//
// Some names cannot be served like this. A file whose decoded name is no
// fs.ValidPath, such as one that is not UTF-8, is not there. Of two files whose
// cleaned names are equal, only the first by encoded name is there.
// http.FileServerFS redirects requests for index.html. An http.ServeMux before
// it redirects paths that are not clean, such as a//b, and may change them.
// Source has none of these limits.
//
// The file system shows changes of the map, but must not be used while the map
// is changed. To list a directory, or to look for a file that is not there, it
// goes through all files.
func (f Files) FS() fs.FS { return tree{f} }

type tree struct{ files Files }

func (t tree) Open(name string) (fs.File, error) {
	data, ok := t.files[name]
	literal := ok && fs.ValidPath(name)
	if literal && !strings.Contains(name, "%") && name != "." {
		return openFile(name, data)
	}
	file, err := t.decoded().Open(name)
	if err != nil && literal {
		return openFile(name, data)
	}
	return file, err
}

func openFile(name string, data []byte) (fs.File, error) {
	return fstest.MapFS{name: {Data: data, Mode: 0o444}}.Open(name)
}

func (t tree) decoded() fstest.MapFS {
	m := make(fstest.MapFS, len(t.files))
	for _, key := range slices.Sorted(maps.Keys(t.files)) {
		name, err := decodedName(key)
		if _, exists := m[name]; !exists && err == nil {
			m[name] = &fstest.MapFile{Data: t.files[key], Mode: 0o444}
		}
	}
	return m
}

// escape percent-encodes a role's name or a segment of a path, as in Files.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	plain := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_.-~", c) >= 0
	}
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
