package hosts

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Step is a line of a recording: what was done with a session, and what came of
// it. The tests of package verify write them (-record).
type Step struct {
	Blob string `json:"blob"`
	Data []byte `json:"data"`

	Do      string      `json:"do"`
	Session int64       `json:"session"`
	Next    int64       `json:"next"`
	ID      string      `json:"id"`
	Path    string      `json:"path"`
	Time    string      `json:"time"`
	Root    string      `json:"root"`
	Body    string      `json:"body"`
	Stored  [][2]string `json:"stored"`
	Said    any         `json:"said"`
	Options any         `json:"options"`
	Want    []string    `json:"want"`
}

// Recording is a file of steps.
type Recording struct {
	Steps []Step
	blobs map[string][]byte
}

// ReadRecording reads a recording.
func ReadRecording(file string) (*Recording, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &Recording{blobs: map[string][]byte{}}
	d := json.NewDecoder(bufio.NewReader(bytes.NewReader(data)))
	for {
		var s Step
		switch err := d.Decode(&s); {
		case err == io.EOF:
			return r, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", file, err)
		case s.Blob != "":
			r.blobs[s.Blob] = s.Data
		default:
			r.Steps = append(r.Steps, s)
		}
	}
}

// player plays a recording to a host.
type player struct {
	*Recording
	call     func([]byte) ([]byte, error)
	sessions map[int64]int64     // the host's numbers, by those of the recording
	paths    map[[2]int64]string // of lookups, by session and number
	saved    []string            // names in the last batch
}

type object = map[string]any

// Play plays a recording to a host, given its call. The error says which step
// went another way.
func (r *Recording) Play(call func([]byte) ([]byte, error)) error {
	p := &player{Recording: r, call: call, sessions: map[int64]int64{}, paths: map[[2]int64]string{}}
	for i, s := range r.Steps {
		got, err := p.step(s)
		if err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s.Do, err)
		}
		if !slices.Equal(got, s.Want) {
			return fmt.Errorf("step %d, %s %s%s:\nexpected %q\nfound    %q", i+1, s.Do, s.ID, s.Path, s.Want, got)
		}
	}
	for _, n := range p.sessions {
		if _, _, err := p.send(object{"call": "close", "session": n}); err != nil {
			return err
		}
	}
	return nil
}

// send sends a message, and returns the line and the body of the answer.
func (p *player) send(m object, bodies ...[]byte) (object, []byte, error) {
	m["v"] = 1
	line, err := json.Marshal(m)
	if err != nil {
		return nil, nil, err
	}
	text, err := p.call(append(append(line, '\n'), bytes.Join(bodies, nil)...))
	if err != nil {
		return nil, nil, err
	}
	line, body, _ := bytes.Cut(text, []byte("\n"))
	var a object
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	return a, body, d.Decode(&a)
}

func (p *player) step(s Step) ([]string, error) {
	m := object{"call": s.Do}
	if s.Do != "open" {
		m["session"] = p.sessions[s.Session]
	}
	var bodies [][]byte
	switch s.Do {
	case "open":
		root := p.blobs[s.Root]
		m["options"], m["trusted_root"], m["time"] = s.Options, len(root), s.Time
		bodies = append(bodies, root)
	case "renew":
		m["time"] = s.Time
	case "find":
		m["path"] = s.Path
	case "provide", "provide_saved":
		m["id"] = s.ID
		bodies = append(bodies, p.blobs[s.Body])
	case "not_found", "fail":
		m["id"], m["said"] = s.ID, s.Said
	}
	if s.Stored != nil {
		var names []object
		for _, f := range s.Stored {
			data := p.blobs[f[1]]
			names = append(names, object{"name": f[0], "length": len(data)})
			bodies = append(bodies, data)
		}
		m["stored"] = names
	}
	a, body, err := p.send(m, bodies...)
	if err != nil {
		return nil, err
	}
	if a["error"] != nil {
		return []string{errorLine(a["error"])}, nil
	}
	switch s.Do {
	case "open":
		p.sessions[s.Session] = number(a["session"])
	case "renew":
		p.sessions[s.Next] = number(a["session"])
	case "find":
		p.paths[[2]int64{p.sessions[s.Session], number(a["lookup"])}] = s.Path
		return nil, nil
	case "next":
		return p.batch(m["session"].(int64), a["batch"].(object), body)
	case "save":
		return []string{p.written(a)}, nil
	case "status":
		return statusLines(a["status"].(object)), nil
	}
	return []string{"ok"}, nil
}

func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func objects(v any) (all []object) {
	array, _ := v.([]any)
	for _, x := range array {
		all = append(all, x.(object))
	}
	return all
}

func errorLine(v any) string {
	e := v.(object)
	return text(e["kind"]) + ": " + strings.ReplaceAll(text(e["text"]), "\n", "; ")
}

func (p *player) batch(session int64, b object, body []byte) ([]string, error) {
	lines := []string{}
	p.saved = nil
	for _, r := range objects(b["save"]) {
		n := number(r["length"])
		lines = append(lines, fmt.Sprintf("save %s %s %d %d bytes %x",
			r["store_name"], r["role"], number(r["version"]), n, sha256.Sum256(body[:n])))
		body = body[n:]
		p.saved = append(p.saved, text(r["store_name"]))
	}
	for _, r := range objects(b["rejected"]) {
		lines = append(lines, fmt.Sprintf("rejected %s %s", r["request"].(object)["id"], errorLine(r["error"])))
	}
	for _, r := range objects(b["fetch"]) {
		lines = append(lines, fmt.Sprintf("fetch %s %s %s %d for %s, at most %d bytes, store %q, optional %v, ahead %v",
			r["id"], r["path"], r["role"], number(r["version"]), r["delegator"], number(r["max_bytes"]),
			text(r["store_name"]), r["optional"] == true, r["ahead"] == true))
	}
	done, _ := b["done"].([]any)
	for _, n := range done {
		line, err := p.done(session, number(n))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	if b["more"] == false {
		lines = append(lines, "nothing")
	}
	return lines, nil
}

func (p *player) done(session, lookup int64) (string, error) {
	a, _, err := p.send(object{"call": "target", "session": session, "lookup": lookup})
	if err != nil {
		return "", err
	}
	if a["error"] != nil {
		return fmt.Sprintf("done %s: %s", p.paths[[2]int64{session, lookup}], errorLine(a["error"])), nil
	}
	t := a["target"].(object)
	hashes := []string{}
	for name, digest := range t["hashes"].(object) {
		hashes = append(hashes, name+":"+text(digest))
	}
	slices.Sort(hashes)
	urls := []string{}
	array, _ := t["url_paths"].([]any)
	for _, u := range array {
		urls = append(urls, text(u))
	}
	expires, err := time.Parse(time.RFC3339, text(t["expires"]))
	return fmt.Sprintf("done %s: %s %d bytes %s until %d at %s", t["path"], t["role"], number(t["length"]),
		strings.Join(hashes, " "), expires.Unix(), strings.Join(urls, " ")), err
}

func (p *player) written(a object) string {
	names := []string{}
	array, _ := a["write"].([]any)
	for _, i := range array {
		names = append(names, p.saved[number(i)])
	}
	return "write " + strings.Join(names, " ")
}

func statusLines(s object) []string {
	state := text(s["state"])
	if s["error"] != nil {
		state += ": " + errorLine(s["error"])
	}
	lines := []string{state}
	for _, r := range objects(s["roles"]) {
		lines = append(lines, fmt.Sprintf("%s %d", r["role"], number(r["version"])))
	}
	array, _ := s["warnings"].([]any)
	for _, w := range array {
		lines = append(lines, "warning: "+errorLine(w))
	}
	return lines
}
