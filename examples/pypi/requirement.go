package main

import (
	"fmt"
	"regexp"
	"strings"

	version "github.com/aquasecurity/go-pep440-version"
)

// requirement is what a package demands of a project: "tongs~=1.4".
type requirement struct {
	name  string // normalized
	text  string
	by    string // the package that demands it
	exact bool   // demands one version, which may be a yanked one (PEP 592)
	specs *version.Specifiers
}

func (r requirement) allows(v version.Version) bool { return r.specs == nil || r.specs.Check(v) }
func (r requirement) String() string                { return r.text + " (" + r.by + ")" }

var (
	separators     = regexp.MustCompile(`[-_.]+`)
	requirePattern = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)$`)
	clausePattern  = regexp.MustCompile(`^(===|==|!=|<=|>=|~=|<|>)\s*[^\s,|]+$`) // without the library's "||"
)

// normalize returns the normalized name of a project, for comparisons and paths
// (PEP 503).
func normalize(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// parseRequirement reads a requirement (PEP 508) without extras, URL or marker.
func parseRequirement(text, by string) (requirement, error) {
	text = strings.TrimSpace(text)
	m := requirePattern.FindStringSubmatch(text)
	switch {
	case m == nil:
		return requirement{}, fmt.Errorf("%q is not a requirement (%s)", text, by)
	case m[2] != "":
		return requirement{}, fmt.Errorf("%q asks for extras, which this program does not know (%s)", text, by)
	case strings.HasPrefix(m[3], "@"):
		return requirement{}, fmt.Errorf("%q names a URL, which no index can verify (%s)", text, by)
	}
	r := requirement{name: normalize(m[1]), text: text, by: by}
	wanted := m[3]
	if strings.HasPrefix(wanted, "(") && strings.HasSuffix(wanted, ")") { // as in older metadata
		wanted = wanted[1 : len(wanted)-1]
	}
	if wanted == "" {
		return r, nil
	}
	for _, clause := range strings.Split(wanted, ",") {
		clause = strings.TrimSpace(clause)
		if !clausePattern.MatchString(clause) {
			return requirement{}, fmt.Errorf("%q is not a version specifier (%s)", clause, by)
		}
		r.exact = r.exact || strings.HasPrefix(clause, "==") && !strings.HasSuffix(clause, "*")
	}
	specs, err := version.NewSpecifiers(strings.ToLower(wanted))
	if err != nil {
		return requirement{}, fmt.Errorf("%q (%s): %w", text, by, err)
	}
	r.specs = &specs
	return r, nil
}
