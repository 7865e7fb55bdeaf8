package main

import (
	"fmt"
	"regexp"
	"strings"

	version "github.com/aquasecurity/go-pep440-version"
)

// requirement is what somebody demands of a project: "tongs~=1.4".
type requirement struct {
	name   string // normalised
	text   string
	by     string // who demands it
	pinned bool   // to one version, which may then be a yanked one (PEP 592)
	specs  *version.Specifiers
}

func (r requirement) allows(v version.Version) bool { return r.specs == nil || r.specs.Check(v) }
func (r requirement) String() string                { return r.text + " (" + r.by + ")" }

var (
	separators  = regexp.MustCompile(`[-_.]+`)
	requireForm = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)$`)
	clauseForm  = regexp.MustCompile(`^(===|==|!=|<=|>=|~=|<|>)\s*[^\s,|]+$`) // the library takes more than PEP 440 has, "||" for example
)

// normalize returns the form of a project's name in which names are compared
// and paths are made (PEP 503).
func normalize(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// parseRequirement reads a requirement (PEP 508) without extras, URL or marker.
func parseRequirement(text, by string) (requirement, error) {
	text = strings.TrimSpace(text)
	m := requireForm.FindStringSubmatch(text)
	switch {
	case m == nil:
		return requirement{}, fmt.Errorf("%q is no requirement (%s)", text, by)
	case m[2] != "":
		return requirement{}, fmt.Errorf("%q asks for extras, which this program does not know (%s)", text, by)
	case strings.HasPrefix(m[3], "@"):
		return requirement{}, fmt.Errorf("%q names a URL, which no index vouches for (%s)", text, by)
	}
	r := requirement{name: normalize(m[1]), text: text, by: by}
	wanted := m[3]
	if strings.HasPrefix(wanted, "(") && strings.HasSuffix(wanted, ")") { // as older metadata has it
		wanted = wanted[1 : len(wanted)-1]
	}
	if wanted == "" {
		return r, nil
	}
	for _, clause := range strings.Split(wanted, ",") {
		clause = strings.TrimSpace(clause)
		if !clauseForm.MatchString(clause) {
			return requirement{}, fmt.Errorf("%q is no version specifier (%s)", clause, by)
		}
		r.pinned = r.pinned || strings.HasPrefix(clause, "==") && !strings.HasSuffix(clause, "*")
	}
	specs, err := version.NewSpecifiers(strings.ToLower(wanted))
	if err != nil {
		return requirement{}, fmt.Errorf("%q (%s): %w", text, by, err)
	}
	r.specs = &specs
	return r, nil
}
