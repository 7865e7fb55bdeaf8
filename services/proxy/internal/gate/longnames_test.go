package gate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Anybody can ask for names that do not exist, and for long ones: what is
// remembered of them has a bound in bytes.
func TestLongNamesAreNotRemembered(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "404 Not Found", w.ask("HEAD /corp/none.txt"))
	before := heap()
	for i := range 4000 {
		r := httptest.NewRecorder()
		path := fmt.Sprintf("/corp/%d/%s", i, strings.Repeat("x", 30<<10))
		w.gate.ServeHTTP(r, httptest.NewRequest(http.MethodHead, path, nil))
		require.Equal(t, 404, r.Code)
	}
	require.Less(t, heap(), before+16<<20)
}
