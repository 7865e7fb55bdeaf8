package delegation

import (
	"strings"
	"unicode/utf8"
)

// Match says whether a path matches a pattern (PATHPATTERN of spec section
// 4.6), in the same way on every operating system.
//
// R-4.6.6: * stands for any number of characters and ? for one, [set] for one
// of a set ([a-z_], []x]) and [!set] for one outside it; none of them stands
// for a slash. Everything else, the backslash included, stands for itself, and
// so does a [ that no ] of the same segment closes. Case matters. A leading
// dot, two slashes and the like mean nothing special.
//
// It takes at most len(pattern)*len(path) steps and no memory, whatever the
// pattern.
func Match(pattern, path string) bool {
	// Where to go on after a mismatch: the last * of this segment takes one
	// character more. A star before an earlier slash need not be remembered,
	// since a later star in its stead gives every choice that it could.
	star, retry := -1, 0
	p, s := 0, 0
	closing := lastClosing(pattern, 0)
	for s < len(path) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				star, retry = p+1, s
				p++
				continue
			}
			if np, ns, ok := matchOne(pattern[p:], path[s:], p < closing); ok {
				if path[s] == '/' {
					star, closing = -1, lastClosing(pattern, p+np)
				}
				p, s = p+np, s+ns
				continue
			}
		}
		if star < 0 || path[retry] == '/' {
			return false
		}
		_, n := utf8.DecodeRuneInString(path[retry:])
		retry += n
		p, s = star, retry
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// lastClosing returns where the last ] of the segment that begins there stands,
// so that a [ behind it is known to open no set.
func lastClosing(pattern string, segment int) int {
	rest, _, _ := strings.Cut(pattern[segment:], "/")
	return segment + strings.LastIndexByte(rest, ']')
}

// matchOne matches one character, which is there, with one item of a pattern,
// which is not a star. It returns the sizes of both.
func matchOne(pattern, path string, set bool) (int, int, bool) {
	c, n := utf8.DecodeRuneInString(path)
	switch pattern[0] {
	case '?':
		return 1, n, c != '/'
	case '[':
		if !set {
			break
		}
		if size, in, ok := matchSet(pattern, c); ok {
			return size, n, in && c != '/'
		}
	}
	_, size := utf8.DecodeRuneInString(pattern)
	return size, n, pattern[:size] == path[:n]
}

// matchSet says whether a character is in the set that a pattern begins with.
// It is not ok if this is no set.
func matchSet(pattern string, c rune) (size int, in, ok bool) {
	i := 1
	negated := strings.HasPrefix(pattern[i:], "!")
	if negated {
		i++
	}
	for first := i; i < len(pattern) && pattern[i] != '/'; {
		if pattern[i] == ']' && i > first {
			return i + 1, in != negated, true
		}
		low, n := utf8.DecodeRuneInString(pattern[i:])
		i += n
		high := low
		if rest := pattern[i:]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' && rest[1] != '/' {
			high, n = utf8.DecodeRuneInString(rest[1:])
			i += 1 + n
		}
		in = in || low <= c && c <= high
	}
	return 0, false, false
}
