package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"time"
)

// endless sends data until the client stops reading. It ends some time after
// the client has lost.
func endless(w http.ResponseWriter, _ *http.Request) {
	piece := bytes.Repeat([]byte(" "), 64<<10)
	for range 4 * mostBytes / len(piece) {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func endlessTimestamp(s *stage) {
	s.tell("The mirror answers the request for the timestamp with endless spaces.")
	s.mirror.reply("metadata/timestamp.json", endless)
	s.strike(app)
}

func endlessApp(s *stage) {
	s.release("2.0")
	s.tell("The metadata is right. The mirror sends the app, and then more and more data.")
	s.mirror.reply(s.appPath(), func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(s.newest())
		endless(w, r)
	})
	s.strike(app)
}

// pack returns a file followed by a quarter of a gigabyte of spaces,
// compressed.
func pack(data []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = z.Write(data) // to memory, which does not fail
	spaces := bytes.Repeat([]byte(" "), 1<<20)
	for range 256 {
		_, _ = z.Write(spaces)
	}
	_ = z.Close()
	return b.Bytes()
}

func bomb(s *stage) {
	s.release("2.0")
	bomb := pack(s.repo.Metadata()["timestamp.json"])
	s.tell("The mirror sends %s with Content-Encoding: gzip: the right timestamp and 256 MiB of white "+
		"space.", size(int64(len(bomb))))
	s.mirror.reply("metadata/timestamp.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})
	s.strike(app)
}

// slowly sends a byte every tenth of a second. A client that only limits the
// wait for the next byte would never give up.
func slowly(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := range data {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
			if _, err := w.Write(data[i : i+1]); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func slowTimestamp(s *stage) {
	s.release("2.0")
	s.limit = 2 * time.Second
	s.tell("The update may take %s. The mirror sends the right timestamp at ten bytes a second.", s.limit)
	s.mirror.reply("metadata/timestamp.json", slowly(s.repo.Metadata()["timestamp.json"]))
	s.strike(app)
	s.limit = usualLimit
}

func slowApp(s *stage) {
	s.release("2.0")
	s.limit = 2 * time.Second
	s.tell("The update may take %s. The mirror sends the right app at ten bytes a second.", s.limit)
	s.mirror.reply(s.appPath(), slowly(s.newest()))
	s.strike(app)
	s.limit = usualLimit
}

func pages(s *stage) {
	s.tell("The mirror answers every request with status 200 and a page of HTML, as captive portals do.")
	s.mirror.reply(everything, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>Welcome</title><p>Please log in."))
	})
	s.strike(app)
}

func cutFiles(s *stage) {
	s.eachFile("cut in half", func(data []byte) []byte { return data[:len(data)/2] })
}

func flipBits(s *stage) {
	s.eachFile("with a bit flipped in the middle", func(data []byte) []byte {
		data[len(data)/2] ^= 1
		return data
	})
}

// eachFile corrupts each file of a new release in turn, and serves it with the
// other files as they should be.
func (s *stage) eachFile(how string, corrupt func([]byte) []byte) {
	s.rotate("root")
	s.release("2.0")
	files := repository(s.repo)
	for _, path := range []string{
		"metadata/" + s.repo.FileName("root"),
		"metadata/timestamp.json",
		"metadata/" + s.repo.FileName("snapshot"),
		"metadata/" + s.repo.FileName("targets"),
		s.appPath(),
	} {
		s.tell("The mirror serves %s %s.", path, how)
		served := files.Clone()
		served[path] = corrupt(served[path])
		s.mirror.serve(served)
		s.strike(app)
	}
}

// breakParsers sends files that have crashed parsers before. A client parses
// them before it has verified a signature.
func breakParsers(s *stage) {
	s.rotate("root")
	s.release("2.0")
	for _, role := range []string{"root", "timestamp", "snapshot", "targets"} {
		path := "metadata/" + s.repo.FileName(role)
		good := string(repository(s.repo)[path])
		for _, c := range breaking(good) {
			if c.body == good { // has no such member
				continue
			}
			files := repository(s.repo)
			files[path] = []byte(c.body)
			s.tell("The mirror serves %s: %s.", path, c.what)
			s.mirror.serve(files)
			s.strike(app)
		}
	}
}

type broken struct{ what, body string }

// breaking returns variants of a good file that may crash a parser.
func breaking(file string) []broken {
	deep := strings.Repeat("[", 8000)
	null := func(member string) string {
		return strings.Replace(file, member+`": {`, member+`": null, "x": {`, 1)
	}
	return []broken{
		{"nothing", ""},
		{"null", "null"},
		{"an array", "[]"},
		{"a number", "1e999999999"},
		{"half a string", `{"signed`},
		{"no signed", `{"signatures":[]}`},
		{"null for signed", `{"signatures":[],"signed":null}`},
		{"null for signatures", `{"signatures":null,"signed":{"_type":"timestamp"}}`},
		{"null in signatures", `{"signatures":[null],"signed":{"_type":"timestamp"}}`},
		{"null for meta", null(`"meta`)},
		{"null for snapshot", null(`"snapshot.json`)},
		{"null for keys", null(`"keys`)},
		{"null for roles", null(`"roles`)},
		{"null for targets", null(`"targets`)},
		{"null for a file", null(`.json`)},
		{"null for delegations", null(`"delegations`)},
		{"a signature that is not hexadecimal", strings.Replace(file, `"sig": "`, `"sig": "xyz`, 1)},
		{"a huge version", strings.Replace(file, `"version": `, `"version": 99999999999999999999`, 1)},
		{"a fraction", strings.Replace(file, `"version": `, `"version": 0.`, 1)},
		{"deep nesting", deep},
		{"deep closed nesting", deep + strings.Repeat("]", 8000)},
		{"many signatures", `{"signatures":[` + strings.Repeat(`{},`, 5000) + `{}],"signed":{}}`},
		{"broken UTF-8", "{\"signed\xff\":{}}"},
		{"a lone surrogate", `{"signed":{"_type":"\ud800"},"signatures":[]}`},
		{"two values", file + file},
		{"a duplicate member", `{"signed":{},"signed":{},"signatures":[]}`},
		{"an impossible date", strings.Replace(file, `"expires": "`, `"expires": "99999-99-99T`, 1)},
	}
}
