package histories

// The old names, for tests that still use them.

// Anchor is InitialRoot.
func (w *World) Anchor() []byte { return w.InitialRoot() }

// Spoil is Corrupt.
func (w *World) Spoil(role string, body []byte) []byte { return w.Corrupt(role, body) }
