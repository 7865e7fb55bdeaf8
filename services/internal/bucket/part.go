package bucket

import "sync"

// part is a file while it is filled: a client.Partial that says how far it has
// come. One goroutine writes; others read what is there.
type part struct {
	file *spoolFile

	mu       sync.Mutex
	position int64
	have     int64 // how many bytes there are from the beginning
	restarts int   // how often something was taken back
	changed  chan struct{}
}

// begin gives it its file. What is in it counts when the fill has read it.
func (p *part) begin(file *spoolFile) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file = file
}

// state returns how far it has come, and a channel that is closed when that
// changes.
func (p *part) state() (have int64, restarts int, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.have, p.restarts, p.changed
}

// takeBack notes that bytes from some offset on are about to be lost.
func (p *part) takeBack(from int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.have > from {
		p.have = from
		p.restarts++
	}
}

// advance notes that bytes at the position were read or written.
func (p *part) advance(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.position <= p.have {
		p.have = max(p.have, p.position+int64(n))
	}
	p.position += int64(n)
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

func (p *part) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	p.advance(n)
	return n, err
}

func (p *part) Write(b []byte) (int, error) {
	p.takeBack(p.position) // only this goroutine changes it
	n, err := p.file.Write(b)
	p.advance(n)
	return n, err
}

func (p *part) Seek(offset int64, whence int) (int64, error) {
	to, err := p.file.Seek(offset, whence)
	if err == nil {
		p.mu.Lock()
		p.position = to
		p.mu.Unlock()
	}
	return to, err
}

func (p *part) Truncate(size int64) error {
	p.takeBack(size)
	return p.file.Truncate(size)
}

// readAt reads what has come; it fails if something of it was taken back since.
func (p *part) readAt(b []byte, offset int64, restarts int) (int, error) {
	p.mu.Lock()
	file := p.file
	p.mu.Unlock()
	n, err := file.ReadAt(b, offset)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.restarts != restarts {
		return 0, errTakenBack
	}
	return n, err
}
