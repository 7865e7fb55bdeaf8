package limits

import "testing"

func TestWithin(t *testing.T) {
	for n, want := range map[int]bool{-1: false, 0: true, 1: true, 3: true, 4: false} {
		if Within(n, 3) != want {
			t.Error(n)
		}
	}
}

func TestFirst(t *testing.T) {
	if got, err := First([]string{"a"}); got != "a" || err != nil {
		t.Error(got, err)
	}
}
