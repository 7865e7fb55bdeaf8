package protocol

import (
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Plain is the protocol of curl and of browsers: a path is a target.
type Plain struct{}

// Plan implements Protocol.
func (Plain) Plan(r Request) (Plan, error) {
	target, err := url.PathUnescape(r.Path)
	switch {
	case err != nil:
		return Plan{}, &RequestError{"the path is not percent-encoded"}
	case target == "" || strings.HasSuffix(target, "/"):
		return Plan{}, &RequestError{"the path of a file is missing"}
	}
	contentType := mime.TypeByExtension(path.Ext(target))
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	return Plan{Targets: []string{target}, ContentType: contentType}, nil
}

// Refusal implements Protocol.
func (Plain) Refusal(status int, reason string) Reply {
	return Reply{
		ContentType: "text/plain; charset=utf-8",
		Header:      http.Header{"X-Content-Type-Options": {"nosniff"}},
		Body:        []byte(http.StatusText(status) + ": " + reason + "\n"),
	}
}
