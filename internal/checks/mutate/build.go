package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binaries are the compiled tests, with all mutants in the code.
type binaries struct {
	dir  string
	list []*binary
}

// binary has the tests of one package.
type binary struct {
	tester
	file  string
	tests []*test
}

func (b *binaries) remove() { os.RemoveAll(b.dir) }

// build compiles, once, all tests that may notice a mutant.
func (t *tree) build(ctx context.Context) (_ *binaries, err error) {
	b := new(binaries)
	if b.dir, err = os.MkdirTemp("", "mutate-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.remove()
		}
	}()
	overlay, err := t.overlay(b.dir)
	if err != nil {
		return nil, err
	}
	for i, tester := range t.testers {
		file := filepath.Join(b.dir, fmt.Sprintf("%d.test.exe", i))
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", file, tester.path)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("the mutants of %s do not compile: %w\n%s", tester.path, err, out)
		}
		if _, err := os.Stat(file); err == nil { // a package without tests has no binary
			b.list = append(b.list, &binary{tester: tester, file: file})
		}
	}
	return b, nil
}

// overlay writes the changed files and the switches of each package.
func (t *tree) overlay(dir string) (string, error) {
	replace := map[string]string{}
	add := func(name, text string) error {
		if replace[name] != "" { // another file of the package has added the switches
			return nil
		}
		replace[name] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		return os.WriteFile(replace[name], []byte(text), 0o600)
	}
	for _, s := range t.files {
		if err := add(s.name, s.woven()); err != nil {
			return "", err
		}
		switches := filepath.Join(filepath.Dir(s.name), "mutant_switches.go")
		if err := add(switches, fmt.Sprintf(switchesOf, s.pkg.Name)); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, data, 0o600)
}

// Environment variables of a test binary: the ID of the mutant that is on, and
// the file to which it appends the IDs of the mutants that it reaches.
const mutantVariable, reachedVariable = "MUTATE_MUTANT", "MUTATE_REACHED"

// switchesOf is a file that is added to each changed package. Some mutants use
// endless memory: the program exits, which counts as noticed.
const switchesOf = `package %s

import (
	"os"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"
)

var mutantOn, _ = strconv.Atoi(os.Getenv("` + mutantVariable + `"))

var mutantFile = func() *os.File {
	f, _ := os.OpenFile(os.Getenv("` + reachedVariable + `"), os.O_APPEND|os.O_WRONLY, 0)
	return f
}()

var (
	mutantLock sync.Mutex
	mutantSeen = map[int]bool{}
)

func mutantIs(id int) bool {
	if mutantFile != nil {
		mutantReached(id)
	}
	return id == mutantOn
}

func mutantReached(id int) {
	mutantLock.Lock()
	defer mutantLock.Unlock()
	if !mutantSeen[id] {
		mutantSeen[id] = true
		mutantFile.WriteString(strconv.Itoa(id) + "\n")
	}
}

func mutantOr[T any](id int, original, changed T) T {
	if mutantIs(id) {
		return changed
	}
	return original
}

func mutantText(id int, s string) string { return mutantOr(id, s, "another") }

func mutantNoError(id int, err error) error { return mutantOr(id, err, nil) }

func init() {
	if mutantOn == 0 {
		return
	}
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for ; ; time.Sleep(50 * time.Millisecond) {
			if metrics.Read(sample); sample[0].Value.Uint64() > 2<<30 {
				os.Stdout.WriteString("out of memory\n")
				os.Exit(3)
			}
		}
	}()
}
`
