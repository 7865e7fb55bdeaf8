// Package limits is for the tests: only some of its code is well tested.
package limits

import "errors"

func Within(n, most int) bool {
	if n < 0 || n > most {
		return false
	}
	return true
}

func First(list []string) (string, error) {
	if len(list) == 0 {
		return "", errors.New("empty")
	}
	calls++
	return list[0], nil
}

var calls int

func Unused(kind string) int64 {
	var n int64 = 1
	switch {
	case kind == "a" && calls > 0:
		n = 0
	}
	return n
}
