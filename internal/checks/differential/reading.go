package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/tufwalk/tufwalk/internal/model"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// alsoRead adds a function to those that read a file before the model does.
func alsoRead(r *model.Rules, f func(kind string, body []byte) ([]byte, error)) {
	before := r.Reading
	r.Reading = func(kind string, body []byte) ([]byte, error) {
		if before != nil {
			var err error
			if body, err = before(kind, body); err != nil {
				return nil, err
			}
		}
		return f(kind, body)
	}
}

var errPanic = errors.New("panic")

// goTUF parses a file into go-tuf's structs and encodes it again.
func goTUF(kind string, body []byte) (again []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	switch kind {
	case metadata.ROOT:
		return rewritten(metadata.Root().FromBytes(body))
	case metadata.TIMESTAMP:
		return rewritten(metadata.Timestamp().FromBytes(body))
	case metadata.SNAPSHOT:
		return rewritten(metadata.Snapshot().FromBytes(body))
	}
	return rewritten(metadata.Targets().FromBytes(body))
}

func rewritten[T metadata.Roles](m *metadata.Metadata[T], err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return m.ToBytes(false)
}

// kindOf returns the type that a file says it has.
func kindOf(body []byte) string {
	v, _ := verifytest.Decode(body)
	envelope, _ := v.(map[string]any)
	signed, _ := envelope["signed"].(map[string]any)
	kind, _ := signed["_type"].(string)
	return kind
}

// nilInside reports whether go-tuf accepts a file in which something is null or
// missing that must be there.
func nilInside(body []byte) bool {
	switch kindOf(body) {
	case metadata.ROOT:
		m, err := metadata.Root().FromBytes(body)
		return err == nil && (hasNil(m.Signed.Keys) || hasNil(m.Signed.Roles))
	case metadata.TIMESTAMP:
		m, err := metadata.Timestamp().FromBytes(body)
		return err == nil && m.Signed.Meta["snapshot.json"] == nil
	case metadata.SNAPSHOT:
		m, err := metadata.Snapshot().FromBytes(body)
		return err == nil && hasNil(m.Signed.Meta)
	case metadata.TARGETS:
		m, err := metadata.Targets().FromBytes(body)
		return err == nil && m.Signed.Delegations != nil && hasNil(m.Signed.Delegations.Keys)
	}
	return false
}

func hasNil[T any](m map[string]*T) bool {
	for _, v := range m {
		if v == nil {
			return true
		}
	}
	return false
}

// asStructs replaces a file by what go-tuf's structs hold of it. It leaves
// files that are not strict JSON alone: they belong to another deviation. It
// refuses numbers that no float64 can hold.
func asStructs(kind string, body []byte) ([]byte, error) {
	again, err := goTUF(kind, body)
	if number := new(json.UnmarshalTypeError); errors.As(err, &number) && number.Type.Kind() == reflect.Float64 {
		return nil, err
	}
	if err != nil || !model.Strict(body) {
		return body, nil
	}
	return again, nil
}

func asGoReads(kind string, body []byte) ([]byte, error) {
	again, err := goTUF(kind, body)
	if err != nil {
		return body, nil
	}
	return again, nil
}

func refuseOddSignatures(_ string, body []byte) ([]byte, error) {
	v, err := verifytest.Decode(body)
	if err != nil {
		return body, nil
	}
	envelope, _ := v.(map[string]any)
	list, _ := envelope["signatures"].([]any)
	for _, e := range list {
		s, _ := e.(map[string]any)
		if sig, ok := s["sig"].(string); ok {
			if _, err := hex.DecodeString(sig); err != nil {
				return nil, err
			}
		}
	}
	return body, nil
}
