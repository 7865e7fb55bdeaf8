// Package world makes up repositories with real packages for pip, npm, apt and
// go, and mirrors of them that are honest or lie. It is for the demonstration
// and the tests.
package world

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// Modes of the mirrors.
const (
	Honest   = "honest"
	Tampered = "tampered" // target files have another byte
	Rollback = "rollback" // the metadata is that before the last publication
	Hidden   = "hidden"   // files of hash bins and of targets are those of other roles: a forged "no"
	Expired  = "expired"  // the metadata is that of last week
	Cut      = "cut"      // bodies break off in the middle
	Dead     = "dead"     // there is no answer
)

// Modes are all of them, with what they do.
var Modes = []struct{ Name, About string }{
	{Honest, "serves what was signed"},
	{Tampered, "changes a byte of each package"},
	{Rollback, "serves the metadata of before the last publication"},
	{Hidden, "serves the file of another role, to hide what there is"},
	{Expired, "serves last week's metadata"},
	{Cut, "breaks off in the middle of each package"},
	{Dead, "does not answer"},
}

// Names are the names of all modes.
func Names() (names []string) {
	for _, m := range Modes {
		names = append(names, m.Name)
	}
	return names
}

// Names of the repositories.
const (
	PyPI = "pypi"
	NPM  = "npm"
	Apt  = "apt"
	Go   = "go"
)

// World has a repository for each package manager, a mirror of all of them, and
// a public index without TUF.
type World struct {
	repos  map[string]*repository
	public map[string]verifytest.Files // by package manager
	mode   atomic.Pointer[string]

	archiveKey *openpgp.Entity
	// Keyring is the public key of the apt archive, for signed-by.
	Keyring []byte
}

// repository is a repository, and what its mirrors may serve.
type repository struct {
	*verifytest.Repo
	role              func(path string) *verifytest.Role
	content           map[string][]byte // by target path
	now, before, week verifytest.Files  // the metadata now, before the last publication, and last week
	targets           verifytest.Files
}

// New makes up the repositories at a time. There are 1<<bits hash bins in the
// Python index: 14 are as many as PyPI would have.
func New(now time.Time, bits int) *World {
	w := &World{repos: map[string]*repository{}, public: map[string]verifytest.Files{}}
	w.archiveKey, w.Keyring = newArchiveKey()
	for _, name := range []string{PyPI, NPM, Apt, Go} {
		w.repos[name] = newRepository(name, now, bits)
	}
	w.stock("1.0")
	for _, r := range w.repos {
		r.Publish()
		r.week = r.Metadata().Clone()
		r.Advance(7 * 24 * time.Hour)
		r.Publish()
		r.before = r.Metadata().Clone()
	}
	w.stock("1.0", "1.1")
	for _, r := range w.repos {
		r.Publish()
		r.now, r.targets = r.Metadata().Clone(), r.TargetFiles().Clone()
	}
	w.stockPublic()
	w.SetMode(Honest)
	return w
}

func newRepository(name string, now time.Time, bits int) *repository {
	last := now.UTC().Truncate(time.Second).Add(-7 * 24 * time.Hour)
	r := &repository{content: map[string][]byte{}, Repo: verifytest.New(verifytest.Options{
		Seed: "proxy " + name, Start: last, Compact: true, MetaHashes: true,
	})}
	r.role = func(string) *verifytest.Role { return r.Targets() }
	if name == PyPI {
		r.Targets().DelegateSuccinct("bin", bits)
		r.role = r.Targets().Bin
	}
	return r
}

// add adds a target.
func (r *repository) add(path string, data []byte) {
	r.content[path] = data
	r.role(path).AddTarget(path, data)
}

// stock puts packages in these versions into all repositories.
func (w *World) stock(versions ...string) {
	for _, name := range []string{"forge", "anvil"} {
		w.addPython(w.repos[PyPI].add, name, "https://files.example.com/", "index.json", versions...)
	}
	for _, name := range []string{"@corp/forge", "anvil"} {
		addNPM(w.repos[NPM].add, name, versions...)
	}
	w.addApt(w.repos[Apt].add, "forge", versions...)
	addGo(w.repos[Go].add, "example.com/forge", versions...)
}

// stockPublic puts the same names with a higher version into the public index.
func (w *World) stockPublic() {
	files := verifytest.Files{}
	add := func(path string, data []byte) { files[path] = data }
	w.addPython(add, "forge", "../../", "index.html", "99.0")
	w.addPython(add, "bellows", "../../", "index.html", "1.0")
	for path, data := range maps.Clone(files) { // the addresses of a server without TUF
		if page, ok := strings.CutSuffix(path, "index.html"); ok {
			files[page] = data
		}
	}
	addNPM(add, "@corp/forge", "99.0")
	addNPM(add, "bellows", "1.0")
	for path, data := range maps.Clone(files) {
		if page, ok := strings.CutSuffix(path, "/index.json"); ok {
			files[page] = data
		}
	}
	addGo(add, "example.com/forge", "99.0")
	w.public[PyPI], w.public[NPM], w.public[Go] = files, files, files
}

// addPython adds wheels and their page.
func (w *World) addPython(add func(string, []byte), name, files, page string, versions ...string) {
	var list []map[string]any
	links := ""
	for _, v := range versions {
		filename, data, metadata := wheel(name, v)
		path := "packages/" + hexHash(data)[:8] + "/" + filename
		add(path, data)
		add(path+".metadata", metadata)
		list = append(list, map[string]any{
			"filename": filename, "url": files + path, "hashes": map[string]string{"sha256": hexHash(data)},
			"requires-python": ">=3.7", "core-metadata": map[string]string{"sha256": hexHash(metadata)},
		})
		links += fmt.Sprintf("<a href=\"%s#sha256=%s\">%s</a>\n", files+path, hexHash(data), filename)
	}
	if page == "index.html" {
		add("simple/"+name+"/"+page, []byte("<!DOCTYPE html>\n<html><body>\n"+links+"</body></html>\n"))
		return
	}
	add("simple/"+name+"/"+page, encode(map[string]any{
		"meta": map[string]string{"api-version": "1.1"}, "name": name, "files": list,
	}))
}

func addNPM(add func(string, []byte), name string, versions ...string) {
	list, latest := map[string]any{}, ""
	base := name[strings.LastIndex(name, "/")+1:]
	for _, v := range versions {
		latest = v + ".0"
		data, manifest := tarball(name, latest, nil)
		path := fmt.Sprintf("%s/-/%s-%s.tgz", name, base, latest)
		add(path, data)
		manifest["dist"] = dist("https://registry.example.com/"+path, data)
		list[latest] = manifest
	}
	add(name+"/index.json", encode(map[string]any{
		"name": name, "dist-tags": map[string]string{"latest": latest}, "versions": list,
	}))
}

func (w *World) addApt(add func(string, []byte), name string, versions ...string) {
	packages := ""
	for _, v := range versions {
		data, control := deb(name, v)
		path := fmt.Sprintf("pool/main/f/%s/%s_%s_all.deb", name, name, v)
		add(path, data)
		packages += fmt.Sprintf("%sFilename: %s\nSize: %d\nSHA256: %s\n\n", control, path, len(data), hexHash(data))
	}
	list := []byte(packages)
	add("dists/stable/main/binary-amd64/Packages", list)
	release := fmt.Sprintf("Origin: example\nSuite: stable\nCodename: stable\nArchitectures: amd64 all\n"+
		"Components: main\n"+
		"Date: Sat, 01 Jan 2022 00:00:00 UTC\nAcquire-By-Hash: yes\nSHA256:\n %s %d main/binary-amd64/Packages\n",
		hexHash(list), len(list))
	add("dists/stable/Release", []byte(release))
	add("dists/stable/InRelease", signedInline(w.archiveKey, release))
}

func addGo(add func(string, []byte), path string, versions ...string) {
	list := ""
	for _, v := range versions {
		list += "v" + v + ".0\n"
		for name, data := range module(path, "v"+v+".0") {
			add(name, data)
		}
	}
	add(path+"/@v/list", []byte(list))
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	must(err)
	return data
}

// SetMode sets what the mirror does from now on.
func (w *World) SetMode(mode string) { w.mode.Store(&mode) }

// Mode is what the mirror does.
func (w *World) Mode() string { return *w.mode.Load() }

// TrustedRoot is the trusted root of a repository.
func (w *World) TrustedRoot(name string) []byte { return w.repos[name].TrustedRoot() }

// Content returns a target as it was signed.
func (w *World) Content(name, path string) []byte { return w.repos[name].content[path] }

// Paths are the target paths of a repository.
func (w *World) Paths(name string) []string { return slices.Sorted(maps.Keys(w.repos[name].content)) }

// Mirror serves /NAME/metadata/ and /NAME/targets/ for all repositories, as the
// mode says.
func (w *World) Mirror() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		repo := w.repos[name]
		if repo == nil {
			http.NotFound(rw, r)
			return
		}
		mode := w.Mode()
		if mode == Dead {
			panic(http.ErrAbortHandler)
		}
		kind, path, _ := strings.Cut(rest, "/")
		targets := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { send(rw, repo.targets, path) })
		switch {
		case kind == "metadata":
			send(rw, repo.metadata(mode), path)
		case kind != "targets":
			http.NotFound(rw, r)
		case mode == Tampered:
			clienttest.Wrong()(targets).ServeHTTP(rw, r)
		case mode == Cut:
			clienttest.Cut(100)(targets).ServeHTTP(rw, r)
		default:
			targets(rw, r)
		}
	})
}

// metadata is what a mirror in this mode has.
func (r *repository) metadata(mode string) verifytest.Files {
	switch mode {
	case Rollback:
		return r.before
	case Expired:
		return r.week
	case Hidden:
		return r.hidden()
	}
	return r.now
}

// hidden has the file of the first bin in the place of all others, and an
// earlier targets role in the place of the newest.
func (r *repository) hidden() verifytest.Files {
	files := maps.Clone(r.now)
	var first []byte
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case strings.Contains(name, ".bin-"):
			if first == nil {
				first = files[name]
			}
			files[name] = first
		case strings.HasSuffix(name, ".targets.json"):
			if earlier, ok := r.week[name]; !ok && len(r.week) > 0 {
				_ = earlier
				files[name] = r.week[r.weekTargets()]
			}
		}
	}
	return files
}

// weekTargets is the name of last week's targets file.
func (r *repository) weekTargets() (name string) {
	for n := range r.week {
		if strings.HasSuffix(n, ".targets.json") {
			name = max(name, n)
		}
	}
	return name
}

func send(w http.ResponseWriter, files verifytest.Files, path string) {
	data, ok := files[path]
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	_, _ = w.Write(data)
}

// Public is the index without TUF of one package manager.
func (w *World) Public(name string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
		path = strings.ReplaceAll(path, "%2f", "/")
		if strings.HasSuffix(path, "/") {
			rw.Header().Set("Content-Type", "text/html")
		}
		send(rw, w.public[name], path)
	})
}
