package hosts_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// TestPip has pip's flow in Python install packages with the real pip: from
// honest indexes, and from ones that were tampered with.
func TestPip(t *testing.T) {
	lib, python := library(t), needed(t, "python3")
	if exec.Command(python, "-m", "pip", "--version").Run() != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "pip is missing")
		t.Skip("pip is not installed")
	}
	dir := t.TempDir()
	private := newIndex()
	private.add(t, "forge", "1.0", "bolt")
	private.publish(t, filepath.Join(dir, "private"))
	private.add(t, "forge", "2.0", "bolt>=1")
	private.publish(t, filepath.Join(dir, "private-new"))
	public := newIndex()
	public.add(t, "bolt", "1.0")
	public.add(t, "forge", "9.0")
	public.publish(t, filepath.Join(dir, "public"))
	out := output(t, []string{
		"TUFWALK_LIBRARY=" + lib, "TUFWALK_PIP_WORLD=" + dir, "PYTHONPATH=../../python", "PYTHONDONTWRITEBYTECODE=1",
	}, python, "-m", "unittest", "discover", "-s", "../../python/pip_tests", "-t", "../../python")
	require.Contains(t, out, "\nOK")
}

// index is a repository as PEP 458 has it: pages and wheels are targets.
type index struct {
	repo  *verifytest.Repo
	links map[string][]string // of pages, by project
	plain map[string][]byte   // wheels, by path
}

func newIndex() *index {
	repo := verifytest.New(verifytest.Options{MetaHashes: true})
	repo.Targets().DelegateSuccinct("bin", 4)
	return &index{repo: repo, links: map[string][]string{}, plain: map[string][]byte{}}
}

// add adds a wheel to the page of its project.
func (x *index) add(t *testing.T, name, version string, needs ...string) {
	file := fmt.Sprintf("packages/%s-%s-py3-none-any.whl", name, version)
	x.plain[file] = wheel(t, name, version, needs)
	x.repo.Targets().AddToBin(file, x.plain[file])
	x.links[name] = append(x.links[name], fmt.Sprintf("<a href=\"../../%s\">%s</a><br>\n", file, path.Base(file)))
	x.repo.Targets().AddToBin("simple/"+name+"/index.html",
		[]byte("<!DOCTYPE html><html><body>\n"+strings.Join(x.links[name], "")+"</body></html>\n"))
}

// publish writes the index to a folder: root.json, metadata and targets, with
// wheels under names without a digest, as PyPI has them.
func (x *index) publish(t *testing.T, folder string) {
	x.repo.Publish()
	write := func(name string, data []byte) {
		file := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, data, 0o644))
	}
	write("root.json", x.repo.TrustedRoot())
	for name, data := range x.repo.Metadata() {
		write("metadata/"+name, data)
	}
	for name, data := range x.repo.TargetFiles() {
		write("targets/"+name, data)
	}
	for name, data := range x.plain {
		write("targets/"+name, data)
	}
}

// wheel makes a wheel with one module.
func wheel(t *testing.T, name, version string, needs []string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	for _, need := range needs {
		metadata += "Requires-Dist: " + need + "\n"
	}
	for _, file := range [][2]string{
		{name + ".py", fmt.Sprintf("version = %q\n", version)},
		{info + "METADATA", metadata},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", fmt.Sprintf("%s.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n", name, info, info, info)},
	} {
		f, err := w.Create(file[0])
		require.NoError(t, err)
		_, err = f.Write([]byte(file[1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}
