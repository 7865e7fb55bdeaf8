package main

import (
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

// gullible is a client that reads the metadata and believes it, whoever's it
// is, requirements included: no signature, no version, no date, no hash, no
// length, no limit, and a cache that is always right.
func gullible(ctx context.Context, args []string) (o outcome) {
	begin := time.Now()
	defer func() {
		if r := recover(); r != nil {
			o.code, o.text = 2, fmt.Sprint("panic: ", r)
		}
		o.took, o.hung = time.Since(begin), ctx.Err() != nil
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
	return outcome{text: "all is well"}
}

type gull struct {
	ctx                            context.Context
	metadata, targets, cache, dest string
}

// get takes whatever comes, as far as the memory of this test may go.
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
	for version := readDisk(filepath.Dir(g.cache)).floors["root"] + 1; ; version++ {
		data := g.get(fmt.Sprintf("%s/%d.root.json", g.metadata, version))
		if data == nil && version > 2 || !json.Valid(data) && data != nil {
			return
		}
		if data != nil {
			g.save("root.json", data)
		}
	}
}

// signed reads a file; what is not JSON at all is no news.
func signed(data []byte) map[string]any {
	var file map[string]any
	if json.Unmarshal(data, &file) != nil {
		return nil
	}
	return file["signed"].(map[string]any)
}

func versionOf(file map[string]any, name string) string {
	return strconv.FormatFloat(file["meta"].(map[string]any)[name].(map[string]any)["version"].(float64), 'f', 0, 64)
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

// require installs what a target is said to need.
func (g *gull) require(custom any) {
	members, _ := custom.(map[string]any)
	list, _ := members["requires"].([]any)
	for _, target := range list {
		g.install(target.(string))
	}
}

// listing is what the cache has, if it says that it is of the right version.
func (g *gull) listing(name, wanted string) map[string]any {
	data, _ := os.ReadFile(filepath.Join(g.cache, name))
	if file := signed(data); file != nil && strconv.FormatFloat(file["version"].(float64), 'f', 0, 64) == wanted {
		return file
	}
	data = g.get(g.metadata + "/" + wanted + "." + name)
	if file := signed(data); file != nil {
		g.save(name, data)
		return file
	}
	return map[string]any{"targets": map[string]any{}}
}

// hoarding is a client that keeps whatever targets it has.
func hoarding(c client) client {
	return func(ctx context.Context, args []string) outcome {
		file := filepath.Join(args[slices.Index(args, "--cache")+1], "targets.json")
		data, err := os.ReadFile(file)
		o := c(ctx, args)
		if err == nil {
			_ = os.WriteFile(file, data, 0o600)
		}
		return o
	}
}

// stubborn never believes in a timestamp older than the newest it has seen,
// whoever's keys were revoked since.
func stubborn(c client) client {
	var mu sync.Mutex
	highest := map[string]int64{}
	return func(ctx context.Context, args []string) outcome {
		dir := filepath.Dir(args[slices.Index(args, "--cache")+1])
		o := c(ctx, args)
		mu.Lock()
		defer mu.Unlock()
		now := readDisk(dir).floors["timestamp"]
		if now < highest[dir] {
			return outcome{code: 1, text: "this is old news"}
		}
		highest[dir] = now
		return o
	}
}
