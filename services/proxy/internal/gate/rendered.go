package gate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"time"
)

// sendRendered sends what was made in memory. If it is large, it goes into a
// file first and the memory is given back, so that clients that are slow to
// read keep none from others.
func (q *request) sendRendered(contentType string, body []byte, release func()) error {
	sum, from := sha256.Sum256(body), io.ReadSeeker(bytes.NewReader(body))
	if len(body) > smallFile {
		file, err := os.CreateTemp("", "tufwalk-page-*")
		if err != nil {
			return err
		}
		defer os.Remove(file.Name()) // where it could not be before
		defer file.Close()
		_ = os.Remove(file.Name())
		if _, err := file.Write(body); err != nil {
			return err
		}
		from = file
	}
	release()
	q.w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	q.w.Header().Set("Content-Type", contentType)
	http.ServeContent(q.w, q.r, "", time.Time{}, from)
	return nil
}
