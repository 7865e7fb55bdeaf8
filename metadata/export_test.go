package metadata

// Listed makes listed available to the tests.
func (s *Snapshot) Listed(name string) (MetaFile, bool) { return s.listed(name) }
