package multirepo

import (
	"io"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// Copy copies the file from src to dst. It returns nil only if the file is
// complete and has the length and all hashes of the target; see
// verify.Target.Copy.
func (t *Target) Copy(dst io.Writer, src io.Reader) error {
	v := t.Verifier()
	if _, err := io.Copy(io.MultiWriter(v, dst), src); err != nil { // dst gets only what v accepts
		return err
	}
	return v.Verify()
}

// Verifier checks the bytes of a target as they come, as verify.Verifier does,
// against everything that the repositories agreed on. The zero Verifier accepts
// nothing.
type Verifier struct {
	checks  []*verify.Verifier
	written int64
	err     error
}

// Verifier returns a new verifier for the target.
func (t *Target) Verifier() *Verifier {
	v := new(Verifier)
	for _, one := range t.checked {
		v.checks = append(v.checks, one.Verifier())
	}
	return v
}

// Write accepts the next bytes. It fails at the first byte too many and, with
// the last byte, if a hash does not match. Once it has failed it always fails.
// Success does not mean that the bytes are right; only Verify says that.
func (v *Verifier) Write(p []byte) (int, error) {
	if len(v.checks) == 0 {
		v.err = roles.ErrUntrusted
	}
	for _, check := range v.checks {
		if v.err == nil {
			_, v.err = check.Write(p)
		}
	}
	if v.err != nil {
		return 0, v.err
	}
	v.written += int64(len(p))
	return len(p), nil
}

// Written returns how many bytes have been accepted.
func (v *Verifier) Written() int64 { return v.written }

// Verify returns nil if the bytes written are the whole file and have the right
// hashes. Only then may they be used. Errors are those of verify.Verifier.
func (v *Verifier) Verify() error {
	if len(v.checks) == 0 {
		return roles.ErrUntrusted
	}
	err := v.err
	for _, check := range v.checks {
		if err == nil {
			err = check.Verify()
		}
	}
	return err
}
