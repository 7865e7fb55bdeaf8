package protocol

import (
	"bufio"
	"bytes"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// Apt is the protocol of apt: the files of an archive at their own paths.
//
// The repository has the archive's files at dists/... and pool/.... What apt
// asks for by its hash need not be there under that name: the Release file says
// which file it is.
type Apt struct{}

// byHash matches a file that is asked for by its hash. A suite is one segment.
var byHash = regexp.MustCompile(`^(dists/[^/]+)/(?:(.+)/)?by-hash/SHA256/([0-9a-f]{64})$`)

// Plan implements Protocol.
func (Apt) Plan(r Request) (Plan, error) {
	target, err := unescape(r.Path)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Targets: []string{target}, ContentType: aptType(target)}
	if m := byHash.FindStringSubmatch(target); m != nil {
		suite, folder, digest := m[1], m[2], m[3]
		plan.Targets = []string{suite + "/InRelease", suite + "/Release"}
		plan.Choose = func(release []byte) ([]string, error) {
			if name := listedAs(release, folder, digest); name != "" {
				return []string{suite + "/" + name, target}, nil
			}
			return []string{target}, nil
		}
		plan.Fixed = true
	}
	if strings.HasPrefix(target, "pool/") {
		plan.Fixed, plan.Streams = true, true
	}
	return plan, nil
}

// listedAs returns the name of the file in a folder of the suite that the
// Release file lists with a digest.
func listedAs(release []byte, folder, digest string) string {
	inSection := false
	lines := bufio.NewScanner(bytes.NewReader(release))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, " ") {
			inSection = line == "SHA256:"
			continue
		}
		fields := strings.Fields(line)
		if !inSection || len(fields) != 3 || fields[0] != digest {
			continue
		}
		if dir := strings.TrimSuffix(path.Dir(fields[2]), "."); dir == folder {
			if _, err := unescape(escape(fields[2])); err == nil {
				return fields[2]
			}
		}
	}
	return ""
}

func aptType(target string) string {
	switch name := path.Base(target); {
	case name == "InRelease" || name == "Release" || name == "Packages" || name == "Sources":
		return "text/plain; charset=utf-8"
	case strings.HasSuffix(name, ".deb"):
		return "application/vnd.debian.binary-package"
	}
	return "application/octet-stream"
}

// Refusal implements Protocol. apt shows the status phrase alone. After any 5xx
// it goes on with old lists, and ends as if all were well: so there is none.
func (Apt) Refusal(status int, reason string) Reply {
	reply := Plain{}.Refusal(status, reason)
	if status >= http.StatusInternalServerError {
		reply.Status = http.StatusForbidden
	}
	return reply
}
