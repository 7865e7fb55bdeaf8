package client

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/tufwalk/tufwalk/verify"
)

// NameError says why something cannot be the name of an installed file. It
// wraps verify.ErrPath.
type NameError struct{ Name, Reason string }

func (e *NameError) Error() string {
	return fmt.Sprintf("%q cannot be the name of a file here: it %s", e.Name, e.Reason)
}

func (e *NameError) Unwrap() error { return verify.ErrPath }

var (
	// device matches the names of devices on Windows, with any extension and in
	// any directory.
	device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)`)
	// shortName matches the second names that Windows gives to files.
	shortName = regexp.MustCompile(`^[^.]{1,6}~[0-9]{1,6}(\.[^.]{0,3})?$`)
)

// maxSegment is the longest name in bytes that every file system takes.
const maxSegment = 255

// CheckName refuses names that would leave the directory, or that name
// something else on some system. A name is relative, with slashes; it may be
// that of a target. It refuses the same names on every system. Errors are of
// type *NameError.
func CheckName(name string) error {
	switch {
	case name == "":
		return &NameError{name, "is empty"}
	case !utf8.ValidString(name):
		return &NameError{name, "is not UTF-8"}
	case strings.ContainsFunc(name, unsafeRune):
		return &NameError{name, `has a character that is not printed, or one of \ : * ? " < > |`}
	case !fs.ValidPath(name) || name == ".": // no empty segment, no dots, no slash at either end
		return &NameError{name, "is not a plain relative path"}
	case !norm.NFC.IsNormalString(name):
		return &NameError{name, "is not in Unicode's form NFC, and would be another name on macOS"}
	}
	for _, segment := range strings.Split(name, "/") {
		switch {
		case strings.HasSuffix(segment, ".") || strings.HasSuffix(segment, " "):
			return &NameError{name, "has a segment that ends in a dot or a space"}
		case device.MatchString(segment):
			return &NameError{name, fmt.Sprintf("has the segment %q, a device on Windows", segment)}
		case shortName.MatchString(segment):
			return &NameError{name, fmt.Sprintf("has the segment %q, which may be a short name of another file on Windows",
				segment)}
		case len(segment) > maxSegment:
			return &NameError{name, fmt.Sprintf("has a segment of more than %d bytes", maxSegment)}
		case strings.HasPrefix(fold(segment), ownPrefix):
			return &NameError{name, "has a segment that begins with " + ownPrefix + ", like files of this library"}
		}
	}
	return nil
}

func unsafeRune(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`\:*?"<>|`, r) }

// CheckNames is CheckName for all files of one directory. It also refuses two
// names of which one would replace the other on some system: they differ in
// case only, or as ß and ss do, or one is a directory in the other. The same
// name twice is refused too.
func CheckNames(names []string) error {
	files, dirs := map[string]string{}, map[string]string{}
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return err
		}
		folded := fold(name)
		for _, others := range []map[string]string{files, dirs} {
			if other, ok := others[folded]; ok {
				return &NameError{name, fmt.Sprintf("would be in the place of %q", other)}
			}
		}
		files[folded] = name
		for dir, folded := path.Dir(name), path.Dir(folded); dir != "."; dir, folded = path.Dir(dir), path.Dir(folded) {
			if other, ok := files[folded]; ok {
				return &NameError{name, fmt.Sprintf("would be in the place of %q", other)}
			}
			dirs[folded] = name
		}
	}
	return nil
}

// fold returns the same text for names that are one on some system.
func fold(name string) string {
	return norm.NFD.String(cases.Fold().String(norm.NFD.String(name)))
}
