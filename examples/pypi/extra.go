package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// jsonPages requests index pages in JSON. An index without TUF needs this
// header, and a TUF repository ignores it.
type jsonPages struct{ next http.RoundTripper }

func (j jsonPages) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, */*;q=0.1")
	return j.next.RoundTrip(r)
}

// extraBase returns the URL of a project's page on the extra index. It is the
// base of the links there.
func (x *index) extraBase(name string) string {
	return strings.TrimRight(x.ExtraURL, "/") + "/" + name + "/"
}

// extraPage returns the download of a page on the extra index. Nothing verifies
// it.
func (x *index) extraPage(p *project) *download {
	return &download{
		name: p.name + " is not in the index with TUF, and the extra index answers",
		base: x.ExtraURL, paths: []string{p.name + "/"},
		copy: func(dst io.Writer, src io.Reader) error { return copyHashed(dst, src, "", maxExtraPage) },
	}
}

// Nothing verifies what an extra index says, including lengths.
const (
	maxExtraPage = 2 << 20
	maxExtraFile = 2 << 30
)

// extraMetadata and extraFile return the downloads of a wheel's metadata and of
// the wheel. The page on the extra index must have hashes for them.
func (x *index) extraMetadata(r *release) (*download, error) {
	digest, _ := r.file.metadataHash()
	return x.extraDownload(r, ".metadata", digest, maxMetadata)
}

func (x *index) extraFile(r *release) (*download, error) {
	return x.extraDownload(r, "", r.file.Hashes["sha256"], r.file.Size)
}

func (x *index) extraDownload(r *release, suffix, digest string, limit int64) (*download, error) {
	page := x.extraBase(r.name)
	base, err := url.Parse(page)
	if err != nil {
		return nil, err
	}
	u, err := base.Parse(r.file.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", page, err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%s: %q is not a URL with http or https", page, r.file.URL)
	case limit > maxExtraFile:
		return nil, fmt.Errorf("%s: %s%s has %d bytes according to the page, the limit without TUF is %d",
			page, r.file.Filename, suffix, limit, int64(maxExtraFile))
	case len(digest) != 2*sha256.Size || limit <= 0:
		return nil, fmt.Errorf("%s: %s%s has no SHA-256 digest or no size there, so it could not be checked",
			page, r.file.Filename, suffix)
	}
	u.Fragment, u.RawFragment = "", ""
	dir, file := u.String(), ""
	if slash := strings.LastIndexByte(dir, '/'); slash >= 0 {
		dir, file = dir[:slash], dir[slash+1:]
	}
	return &download{
		name: r.file.Filename, base: dir, paths: []string{file + suffix}, length: limit,
		copy: func(dst io.Writer, src io.Reader) error { return copyHashed(dst, src, digest, limit) },
	}, nil
}

// copyHashed copies at most limit bytes. They must have the digest, if it is
// not empty.
func copyHashed(dst io.Writer, src io.Reader, digest string, limit int64) error {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, h), io.LimitReader(src, limit+1))
	got := hex.EncodeToString(h.Sum(nil))
	switch {
	case err != nil:
		return err
	case n > limit:
		return fmt.Errorf("longer than %d bytes", limit)
	case digest != "" && !strings.EqualFold(got, digest):
		return fmt.Errorf("hash mismatch: want sha256 %s, as on the page, found %s", digest, got)
	}
	return nil
}
