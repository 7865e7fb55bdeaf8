package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A client is a program with the command line of the conformance suite.
type client struct {
	command []string
	can     []string // what it offers of allNeeds
}

// most is how long a run may take.
const most = 20 * time.Second

// play runs the vector in a new directory. For each step that was run, it
// returns how the step ended. It stops after the first wrong one.
func (c client) play(ctx context.Context, v *vector, files map[string][]byte, address string,
	m *mirror) ([]result, error) {
	dir, err := os.MkdirTemp("", "tufwalk-vectors-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := run{client: c, v: v, dir: dir, address: address}
	for _, sub := range []string{"metadata", "targets", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	root := filepath.Join(dir, "root.json")
	if err := errors.Join(os.WriteFile(root, files[v.TrustedRoot], 0o600), r.writeDate()); err != nil {
		return nil, err
	}
	began := r.exec(ctx, v.Steps[0], "init", root)
	var results []result
	for i, s := range v.Steps {
		res := began
		if began.end == success {
			m.serve(s)
			res = r.step(ctx, s)
		}
		res.outcome = r.observe(res.end == success)
		res.right = slices.ContainsFunc(s.Expect, res.matches) && (res.end == success || res.end == failure)
		if i > 0 || res.end != success {
			res.said = fmt.Sprintf("step %d: %s", i+1, res.said)
		}
		if results = append(results, res); !res.right {
			break
		}
	}
	return results, ctx.Err()
}

// run is one vector with one client.
type run struct {
	client
	v            *vector
	dir, address string
}

// A result is how a run of the program ended.
type result struct {
	end string
	outcome
	said  string
	right bool
}

// Ends of a run.
const (
	success = "accepted"
	failure = "refused"
	crash   = "crashed"
	hang    = "did not end"
)

func (r run) step(ctx context.Context, s step) result {
	args := []string{"--metadata-url", r.address + "/metadata/"}
	if len(s.Targets) == 0 {
		return r.exec(ctx, s, append(args, "refresh")...)
	}
	for _, path := range s.Targets {
		args = append(args, "--target-name", path)
	}
	args = append(args, "--target-base-url", r.address+"/targets/", "--target-dir", filepath.Join(r.dir, "targets"))
	return r.exec(ctx, s, append(args, "download")...)
}

func (r run) exec(ctx context.Context, s step, args ...string) result {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	all := append(slices.Clone(r.command[1:]), "--metadata-dir", filepath.Join(r.dir, "metadata"))
	if slices.Contains(r.v.Needs, needsDSSE) {
		all = append(all, "--envelope-format", "dsse")
	}
	cmd := exec.CommandContext(ctx, r.command[0], append(all, args...)...)
	cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	if s.Time != "" {
		t, _ := time.Parse(time.RFC3339, s.Time)
		path := filepath.Join(r.dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH")
		cmd.Env = append(cmd.Env, "PATH="+path, fmt.Sprint("VECTORS_TIME=", t.Unix()))
	}
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	res := result{end: failure, said: firstLines(text.String())}
	switch exit := new(exec.ExitError); {
	case ctx.Err() != nil:
		res.end = hang
	case err == nil:
		res.end = success
	case !errors.As(err, &exit):
		res.end, res.said = crash, err.Error()
	case exit.ExitCode() != 1:
		res.end = crash
	}
	return res
}

// firstLines is enough of an error to know it by.
func firstLines(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 300)]
}

// writeDate makes a command date that tells the vector's time.
func (r run) writeDate() error {
	name, script := "date", "#!/bin/sh\necho \"$VECTORS_TIME\"\n"
	if runtime.GOOS == "windows" {
		name, script = "date.bat", "@echo %VECTORS_TIME%\r\n"
	}
	return os.WriteFile(filepath.Join(r.dir, "bin", name), []byte(script), 0o700)
}

// observe reads what the client has now.
func (r run) observe(succeeded bool) outcome {
	o := outcome{Success: succeeded, Versions: map[string]int64{}, Files: []string{}}
	for _, role := range topLevel {
		if data, err := os.ReadFile(filepath.Join(r.dir, "metadata", role+".json")); err == nil {
			o.Versions[role] = versionOf(data)
		}
	}
	entries, _ := os.ReadDir(filepath.Join(r.dir, "targets"))
	for _, e := range entries {
		if data, err := os.ReadFile(filepath.Join(r.dir, "targets", e.Name())); err == nil {
			o.Files = append(o.Files, digest(data))
		}
	}
	slices.Sort(o.Files)
	o.Files = slices.Compact(o.Files)
	return o
}

// versionOf returns the version in a file in either envelope format, or -1.
func versionOf(data []byte) int64 {
	var f struct {
		Signed  struct{ Version int64 }
		Payload string
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return -1
	}
	if payload, err := base64.StdEncoding.DecodeString(f.Payload); err == nil && f.Payload != "" {
		if err := json.Unmarshal(payload, &f.Signed); err != nil {
			return -1
		}
	}
	return f.Signed.Version
}

// matches reports whether the outcome is an expected one.
func (o outcome) matches(want outcome) bool {
	for role, version := range want.Versions {
		if o.Versions[role] != version {
			return false
		}
	}
	return o.Success == want.Success && slices.Equal(o.Files, want.Files)
}
