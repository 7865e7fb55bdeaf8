package multirepo

import (
	"bytes"
	"cmp"
	"io"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// Copy copies the file from src to dst. It returns nil only if the file is
// complete and has the length and all hashes of the target; see
// verify.Target.Copy.
func (t *Target) Copy(dst io.Writer, src io.Reader) error {
	return verify.CopyVerified(t.Path, dst, src, t.Verifier())
}

// Check returns nil only if data is the complete file; see verify.Target.Check.
func (t *Target) Check(data []byte) error {
	return t.Copy(io.Discard, bytes.NewReader(data))
}

// Verifier checks the bytes of a target as they come, as verify.Verifier does.
// They are good if they satisfy all that a threshold of the repositories in
// agreement list (D17). The zero Verifier accepts nothing.
type Verifier struct {
	agreement *agreement
	checks    []check
	satisfied set // the repositories whose statements may still be satisfied
	written   int64
	err       error
}

// check is the check of one statement.
type check struct {
	*verify.Verifier
	repositories set
}

// Verifier returns a new verifier for the target.
func (t *Target) Verifier() *Verifier {
	v := &Verifier{agreement: t.agreement}
	for _, s := range t.statements {
		v.checks = append(v.checks, check{Verifier: s.target.Verifier(), repositories: s.repositories})
		v.satisfied |= s.repositories
	}
	return v
}

// Write accepts the next bytes. It fails at the first byte too many and, with
// the last byte, if too few repositories list such a file. Once it has failed
// it always fails. Success does not mean that the bytes are right; only Verify
// says that.
func (v *Verifier) Write(p []byte) (int, error) {
	if v.err == nil {
		v.satisfied, v.err = v.try(func(c *verify.Verifier) error { _, err := c.Write(p); return err })
	}
	if v.err != nil {
		return 0, v.err
	}
	v.written += int64(len(p))
	return len(p), nil
}

// try returns the repositories whose statements may be satisfied still. If they
// are too few, the error is that of the first one that is not. (TAP 4 step 3)
func (v *Verifier) try(check func(*verify.Verifier) error) (satisfied set, err error) {
	if len(v.checks) == 0 {
		return 0, roles.ErrUntrusted
	}
	satisfied = v.satisfied
	for _, c := range v.checks {
		if satisfied&c.repositories == 0 {
			continue
		}
		if failed := check(c.Verifier); failed != nil {
			satisfied &^= c.repositories
			err = cmp.Or(err, failed)
		}
	}
	if err != nil && v.agreement.reaches(satisfied) {
		err = nil
	}
	return satisfied, err
}

// Written returns how many bytes have been accepted.
func (v *Verifier) Written() int64 { return v.written }

// Verify returns nil if the bytes written are the whole file and have the right
// hashes. Only then may they be used. Errors are those of verify.Verifier.
func (v *Verifier) Verify() error {
	if v.err != nil {
		return v.err
	}
	_, err := v.try((*verify.Verifier).Verify)
	return err
}
