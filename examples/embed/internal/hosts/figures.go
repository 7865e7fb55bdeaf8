package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/tufwalk/tufwalk/examples/embed/message"
	"github.com/tufwalk/tufwalk/verify"
)

// Figures are milliseconds: to start the host, of a recording that it plays,
// and of a call that does nothing much.
type Figures struct{ Start, Cold, Call float64 }

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// best returns the milliseconds of the quickest run.
func best(times int, f func() error) (float64, error) {
	shortest := time.Duration(1<<63 - 1)
	for range times {
		begin := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		shortest = min(shortest, time.Since(begin))
	}
	return milliseconds(shortest), nil
}

// MeasureSession plays a recording of one update to a session of package
// verify.
func MeasureSession(file string, times int) (f Figures, err error) {
	r, err := ReadRecording(file)
	if err != nil {
		return f, err
	}
	f.Cold, err = best(times, func() error {
		_, err := r.session()
		return err
	})
	if err != nil {
		return f, err
	}
	s, err := r.session()
	if err != nil {
		return f, err
	}
	const calls = 1000
	begin := time.Now()
	for range calls {
		s.Wanted(verify.RequestID{Update: 1, Number: 1})
	}
	f.Call = milliseconds(time.Since(begin)) / calls
	return f, nil
}

// session is the update of a recording with one session and no store.
func (r *Recording) session() (s *verify.Session, err error) {
	for _, step := range r.Steps {
		number, _ := strconv.ParseUint(step.ID, 10, 64)
		id := verify.RequestID{Update: 1, Number: number}
		switch step.Do {
		case "open":
			now, err2 := time.Parse(time.RFC3339, step.Time)
			s, err = verify.New(r.blobs[step.Root], verify.Stored{}, now, verify.Options{
				Limits: verify.Limits{MaxSnapshotBytes: 1 << 28, MaxTargetsBytes: 1 << 28},
			})
			err = errors.Join(err, err2)
		case "find":
			s.Lookup(step.Path)
		case "next":
			s.Next()
		case "provide":
			err = s.Provide(id, r.blobs[step.Body])
		case "not_found":
			err = s.NotFound(id)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, s.Err()
}

// MeasureMessages plays a recording to package message.
func MeasureMessages(file string, times int) (Figures, error) {
	var h message.Host
	return measure(file, times, func(m []byte) ([]byte, error) { return h.Call(m), nil })
}

// MeasureWazero plays a recording to the module in wazero.
func MeasureWazero(ctx context.Context, module, file string, times int) (f Figures, err error) {
	wasm, err := os.ReadFile(module)
	if err != nil {
		return f, err
	}
	begin := time.Now()
	m, err := OpenModule(ctx, wasm)
	if err != nil {
		return f, err
	}
	start := milliseconds(time.Since(begin))
	defer func() { err = errors.Join(err, m.Close(ctx)) }()
	f, err = measure(file, times, func(text []byte) ([]byte, error) { return m.Call(ctx, text) })
	f.Start = start
	return f, err
}

func measure(file string, times int, call func([]byte) ([]byte, error)) (f Figures, err error) {
	r, err := ReadRecording(file)
	if err != nil {
		return f, err
	}
	if f.Cold, err = best(times, func() error { return r.Play(call) }); err != nil {
		return f, err
	}
	open, root := r.Steps[0], r.blobs[r.Steps[0].Root]
	line, err := json.Marshal(object{"v": 1, "call": "open", "time": open.Time, "trusted_root": len(root)})
	if err != nil {
		return f, err
	}
	answer, err := call(append(append(line, '\n'), root...))
	if err != nil {
		return f, err
	}
	var a struct{ Session int64 }
	if err := json.Unmarshal(answer, &a); err != nil {
		return f, err
	}
	wanted := fmt.Appendf(nil, `{"v":1,"call":"wanted","id":"1","session":%d}`, a.Session)
	const calls = 1000
	begin := time.Now()
	for range calls {
		if _, err := call(wanted); err != nil {
			return f, err
		}
	}
	f.Call = milliseconds(time.Since(begin)) / calls
	return f, nil
}
