package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// URLError says why a URL on an index page is not the URL of a target.
type URLError struct{ URL, Reason string }

func (e *URLError) Error() string {
	return fmt.Sprintf("%q is not the URL of a target: it %s", e.URL, e.Reason)
}

// targetPath returns the target path of the file at a URL: the part after the
// base URL, decoded. The metadata says whether the file may be trusted, not the
// page. This function only makes sure that a URL does not mean one file to a
// server and another to TUF. So it refuses URLs that can be read in two ways.
// The URL itself is never fetched: Target.PlainURLPath builds a new one from
// the path.
func targetPath(base, link string) (string, error) {
	b, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil {
		return "", err
	}
	u, err := url.Parse(link)
	if err != nil {
		reason := err
		if e := new(url.Error); errors.As(err, &e) {
			reason = e.Err
		}
		return "", &URLError{link, "cannot be parsed: " + reason.Error()}
	}
	rest, inside := strings.CutPrefix(u.EscapedPath(), b.EscapedPath()+"/")
	switch {
	case u.Scheme == "" || u.Host == "":
		return "", &URLError{link, "is not absolute"}
	case u.User != nil:
		return "", &URLError{link, "has a user name"}
	case strings.Contains(link, "?"):
		return "", &URLError{link, "has a query"}
	case strings.Contains(link, "#"):
		return "", &URLError{link, "has a fragment"}
	case u.Scheme != b.Scheme || !strings.EqualFold(u.Host, b.Host) || !inside:
		return "", &URLError{link, "is not below " + base}
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		switch {
		case err != nil:
			return "", &URLError{link, "is badly encoded"}
		case plain == "":
			return "", &URLError{link, "has an empty segment"}
		case plain == "." || plain == "..":
			return "", &URLError{link, "has a segment of dots"}
		case strings.ContainsAny(plain, `/\`):
			return "", &URLError{link, "has an encoded slash or a backslash"}
		case strings.ContainsFunc(plain, func(r rune) bool { return r < 0x20 || r == 0x7F }):
			return "", &URLError{link, "has a control character"}
		}
		segments[i] = plain
	}
	return strings.Join(segments, "/"), nil
}
