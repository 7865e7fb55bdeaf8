package delegation

// StepsLeft returns what is left of MaxMatchSteps. It is below zero if the
// search ended for want of steps.
func (w *Walk) StepsLeft() int64 { return w.steps }
