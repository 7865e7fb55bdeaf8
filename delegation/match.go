package delegation

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Match reports whether a path matches a pattern (PATHPATTERN of spec section
// 4.6). The result is the same on every operating system.
//
// These parts of a pattern are special:
//
//   - * matches any number of characters;
//   - ? matches one character;
//   - [set] matches one character of a set, such as [a-z_] or []x];
//   - [!set] matches one character outside a set.
//
// None of them matches a slash. All other characters match themselves,
// including the backslash, and including a [ without a ] in the same segment.
// Case matters. A leading dot and two slashes are not special
// (docs/decisions.md, "Patterns").
//
// Match takes at most a time proportional to len(pattern)*len(path), and does
// not allocate. Nothing else limits it, so a caller who lets others choose both
// must limit the lengths. A search has a limit ([Options].MaxMatchSteps).
func Match(pattern, path string) bool {
	unlimited := int64(math.MaxInt64)
	return match(pattern, path, &unlimited)
}

// match is Match with a budget of steps, from which it takes those that it
// needs. If it leaves less than zero, the result means nothing.
//
// A step is a byte that is read. A pattern costs its length and that of the
// path to begin with, which pays for finding it, then one step for each of its
// characters that is compared with one of the path, and a set as many steps as
// the bytes of it that are read. What a star makes it compare again costs the
// same again.
func match(pattern, path string, left *int64) bool {
	*left -= int64(len(pattern) + len(path))
	// After a mismatch, the last star of this segment matches one character
	// more, and matching goes on after that. An earlier star need not be
	// remembered: the last star can match all that the earlier one could leave
	// to it. A star matches no slash, so a slash ends its segment.
	star, retry := -1, 0
	p, s := 0, 0
	closing := lastClosing(pattern, 0)
	for s < len(path) && *left >= 0 {
		*left--
		if p < len(pattern) {
			if pattern[p] == '*' {
				star, retry = p+1, s
				p++
				continue
			}
			if np, ns, ok := matchOne(pattern[p:], path[s:], p < closing, left); ok {
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

// lastClosing returns the position of the last ] of the segment that begins at
// the given position. A [ after it opens no set.
func lastClosing(pattern string, segment int) int {
	rest, _, _ := strings.Cut(pattern[segment:], "/")
	return segment + strings.LastIndexByte(rest, ']')
}

// matchOne matches the first character of a path with the first item of a
// pattern, which is not a star. It returns the sizes of both in bytes. With
// set, a [ may open a set. It takes the steps that a set costs from left.
func matchOne(pattern, path string, set bool, left *int64) (int, int, bool) {
	c, n := utf8.DecodeRuneInString(path)
	switch pattern[0] {
	case '?':
		return 1, n, c != '/'
	case '[':
		if !set {
			break
		}
		size, in, ok := matchSet(pattern, c)
		*left -= int64(size)
		if ok {
			return size, n, in && c != '/'
		}
	}
	_, size := utf8.DecodeRuneInString(pattern)
	return size, n, pattern[:size] == path[:n]
}

// matchSet reports whether a character is in the set at the beginning of a
// pattern, and the size of the set in bytes. It is not ok if there is no set,
// and the size is then how far it read to find that out.
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
	return i, false, false
}
