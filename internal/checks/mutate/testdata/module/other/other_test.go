package other

import "testing"

func TestBoth(t *testing.T) {
	for n, want := range map[int]bool{1: true, 2: false, 3: true, 4: false} {
		if Both(n) != want {
			t.Error(n)
		}
	}
}
