package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// named maps the names of attacks in docs/attacks.md to their names here: those
// that the TUF specification names, and those published against its clients.
var named = map[string]string{
	"Arbitrary install":          "arbitrary software",
	"Endless data":               "endless data",
	"Slow retrieval":             "slow retrieval",
	"Extraneous dependencies":    "extraneous dependencies",
	"Fast-forward":               "fast-forward",
	"Indefinite freeze":          "freeze",
	"Mix-and-match":              "mix-and-match",
	"Rollback":                   "rollback",
	"Key compromise":             "key compromise",
	"Wrong software":             "wrong software",
	"Malicious mirrors":          "malicious mirror",
	"Cache poisoning":            "cache poisoning",
	"Crash/DoS before signature": "crash before signature",
}

// runArgs runs the program.
func runArgs(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// gullible is a client that believes all metadata, "custom" included. It checks
// no signature, version, date, hash, length or limit, and trusts its cache.
func gullible(ctx context.Context, args []string) (res result) {
	begin := time.Now()
	defer func() {
		if r := recover(); r != nil {
			res.code, res.text = 2, fmt.Sprint("panic: ", r)
		}
		res.took, res.hung = time.Since(begin), ctx.Err() != nil
	}()
	g := gull{ctx: ctx}
	flags := flag.NewFlagSet("gullible", flag.PanicOnError)
	flags.StringVar(&g.metadata, "metadata-url", "", "")
	flags.StringVar(&g.targets, "targets-url", "", "")
	flags.StringVar(&g.cache, "cache", "", "")
	flags.StringVar(&g.dest, "dest", "", "")
	for _, unused := range []string{"root", "timeout", "at"} {
		flags.String(unused, "", "")
	}
	_ = flags.Parse(args)
	_ = os.MkdirAll(g.cache, 0o700)
	_ = os.MkdirAll(g.dest, 0o700)
	g.roots()
	for _, target := range flags.Args() {
		g.install(target)
	}
	res.text = "all is well"
	return res
}

type gull struct {
	ctx                            context.Context
	metadata, targets, cache, dest string
}

// get reads any answer, up to what this test may hold in memory.
func (g *gull) get(url string) []byte {
	req, _ := http.NewRequestWithContext(g.ctx, http.MethodGet, url, nil)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(res.Body, 2*mostBytes))
	_, _ = io.Copy(io.Discard, res.Body)
	return data
}

func (g *gull) save(name string, data []byte) {
	_ = os.WriteFile(filepath.Join(g.cache, name), data, 0o600)
}

func (g *gull) roots() {
	for version := readDisk(filepath.Dir(g.cache)).cached["root"] + 1; ; version++ {
		data := g.get(fmt.Sprintf("%s/%d.root.json", g.metadata, version))
		if data == nil && version > 2 || !json.Valid(data) && data != nil {
			return
		}
		if data != nil {
			g.save("root.json", data)
		}
	}
}

// signed decodes a file, and returns nil if it is not JSON.
func signed(data []byte) map[string]any {
	var file map[string]any
	if json.Unmarshal(data, &file) != nil {
		return nil
	}
	return file["signed"].(map[string]any)
}

func versionOf(file map[string]any, name string) string {
	info := file["meta"].(map[string]any)[name].(map[string]any)
	return strconv.FormatFloat(info["version"].(float64), 'f', 0, 64)
}

func (g *gull) install(target string) {
	timestamp := g.get(g.metadata + "/timestamp.json")
	file := signed(timestamp)
	if file == nil {
		return
	}
	g.save("timestamp.json", timestamp)
	snapshot := g.get(g.metadata + "/" + versionOf(file, "snapshot.json") + ".snapshot.json")
	if file = signed(snapshot); file == nil {
		return
	}
	g.save("snapshot.json", snapshot)
	for name := range file["meta"].(map[string]any) {
		listing := g.listing(name, versionOf(file, name))
		if info, ok := listing["targets"].(map[string]any)[target].(map[string]any); ok {
			g.fetch(target, info["hashes"].(map[string]any)["sha256"].(string))
			g.require(info["custom"])
		}
	}
}

func (g *gull) fetch(target, digest string) {
	dir, name := path.Split(target)
	_ = os.MkdirAll(filepath.Join(g.dest, dir), 0o700)
	_ = os.WriteFile(filepath.Join(g.dest, target), g.get(g.targets+"/"+dir+digest+"."+name), 0o600)
}

// require installs the targets that a target needs, as its "custom" says.
func (g *gull) require(custom any) {
	members, _ := custom.(map[string]any)
	list, _ := members["requires"].([]any)
	for _, target := range list {
		g.install(target.(string))
	}
}

// listing returns targets: from the cache, if those there claim to have the
// version that is wanted.
func (g *gull) listing(name, wanted string) map[string]any {
	data, _ := os.ReadFile(filepath.Join(g.cache, name))
	file := signed(data)
	if file != nil && strconv.FormatFloat(file["version"].(float64), 'f', 0, 64) == wanted {
		return file
	}
	data = g.get(g.metadata + "/" + wanted + "." + name)
	if file := signed(data); file != nil {
		g.save(name, data)
		return file
	}
	return map[string]any{"targets": map[string]any{}}
}

// hoarding is a client that never replaces the targets in its cache.
func hoarding(c client) client {
	return func(ctx context.Context, args []string) result {
		file := filepath.Join(args[slices.Index(args, "--cache")+1], "targets.json")
		data, err := os.ReadFile(file)
		r := c(ctx, args)
		if err == nil {
			_ = os.WriteFile(file, data, 0o600)
		}
		return r
	}
}

// stubborn is a client that never accepts a timestamp older than the newest it
// has seen, even after the keys were revoked.
func stubborn(c client) client {
	var mu sync.Mutex
	highest := map[string]int64{}
	return func(ctx context.Context, args []string) result {
		dir := filepath.Dir(args[slices.Index(args, "--cache")+1])
		r := c(ctx, args)
		mu.Lock()
		defer mu.Unlock()
		now := readDisk(dir).cached["timestamp"]
		if now < highest[dir] {
			return result{code: 1, text: "the timestamp is old"}
		}
		highest[dir] = now
		return r
	}
}
