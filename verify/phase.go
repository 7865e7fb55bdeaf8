package verify

// phase is how far an update has come. The table in doc.go says what each one
// waits for.
type phase int

const (
	phaseRoot phase = iota
	phaseTimestamp
	phaseSnapshot
	phaseTargets
	phaseReady
	phaseFailed
)

// update is the course of an update.
type update struct {
	phase     phase
	awaited   *task // the request that the phase waits for; nil: it has not begun
	err       error // what ended the update
	broken    error // what ended the session: nothing may be used any more
	warnings  []error
	roots     int // accepted in this update
	rotations int // of them, those that were not stored before
}

// fail ends the update.
func (u *update) fail(err error) { u.phase, u.err = phaseFailed, err }

func (u *update) warn(err error) { u.warnings = append(u.warnings, err) }
