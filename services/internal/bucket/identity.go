package bucket

// identity is what tells whether a file may have been changed, as far as the
// system says.
type identity struct {
	device, inode          uint64
	size, modTime, changed int64
}
