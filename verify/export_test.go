package verify

// StoreName returns the name under which a targets role's file is saved.
var StoreName = roleName

// HeldBytes returns how many bytes of answers to requests ahead a session holds
// back.
func HeldBytes(s *Session) (counted, held int64) {
	for _, t := range s.queue.early {
		if t.answer != nil {
			held += int64(len(t.answer.body))
		}
	}
	return s.queue.heldBytes, held
}
