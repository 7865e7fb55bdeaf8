package protocol

import (
	"fmt"
	"strings"
	"unicode"
)

// CheckPattern says why no target path of a protocol can match a pattern of a
// map that looks as if it were meant for it. Such an entry would leave its
// names to whom else is asked. What looks like another protocol's is none of
// its business.
func CheckPattern(p Protocol, pattern string) error {
	switch p.(type) {
	case PyPI:
		return checkPyPI(pattern)
	case NPM:
		if strings.HasPrefix(pattern, "@") && strings.Count(pattern, "/") < 2 {
			return fmt.Errorf("it matches nothing of a scope: a packument is at @scope/name/index.json")
		}
	case Go:
		return checkGo(pattern)
	}
	return nil
}

func checkPyPI(pattern string) error {
	rest, ok := strings.CutPrefix(pattern, "simple/")
	if !ok {
		return nil
	}
	name, page, _ := strings.Cut(rest, "/")
	switch {
	case page == "" || strings.Contains(page, "/"):
		return fmt.Errorf("it matches no page: those are simple/NAME/index.json or simple/NAME/index.html")
	case normalized(name) != name:
		return fmt.Errorf("it matches no page, since names are normalised: simple/%s/%s", normalized(name), page)
	}
	return nil
}

// checkGo takes what begins with a domain for the path of a module.
func checkGo(pattern string) error {
	domain, rest, ok := strings.Cut(pattern, "/")
	switch {
	case !ok || !strings.Contains(domain, "."):
		return nil
	case strings.ContainsFunc(pattern, unicode.IsUpper):
		return fmt.Errorf("it matches no module, since a capital letter is escaped: A is !a")
	case !strings.Contains("/"+rest, "/@") && !strings.HasSuffix("/"+rest, "/*/*"):
		return fmt.Errorf("it matches no file of a module: those are MODULE/@v/... and MODULE/@latest")
	}
	return nil
}
