package protocol

import (
	"net/url"
	"strings"
)

// unescape returns the path that an escaped one stands for. A path that a
// server could read in another way than TUF does is refused: one with empty
// segments, segments of dots, encoded slashes, backslashes or control
// characters.
func unescape(escaped string) (string, error) {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		switch {
		case err != nil:
			return "", &RequestError{"the path is not percent-encoded"}
		case plain == "":
			return "", &RequestError{"the path has an empty segment"}
		case plain == "." || plain == "..":
			return "", &RequestError{"the path has a segment of dots"}
		case strings.ContainsAny(plain, `/\`):
			return "", &RequestError{"the path has an encoded slash, or a backslash"}
		case strings.ContainsFunc(plain, func(r rune) bool { return r < 0x20 || r == 0x7F }):
			return "", &RequestError{"the path has a control character"}
		}
		segments[i] = plain
	}
	return strings.Join(segments, "/"), nil
}

// escape is the opposite of unescape.
func escape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}
