package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestInstall(t *testing.T) {
	for name, succinct := range map[string]bool{"classic": false, "succinct": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, succinct)
			stdout := w.mustRun(w.withExtra("Forge", "anvil==1.2", "inhouse_report", "rivet"))
			w.mustBeGenuine("anvil-1.2", "forge-1.0", "inhouse_report-0.3", "ironwork-1.1", "rivet-1.0", "tongs-1.10")
			require.Contains(t, stdout, "round 4   requirements of ironwork 1.1, tongs 1.10\n")
			require.Contains(t, stdout, "root 1, timestamp 2 and snapshot 2")
			require.Regexp(t, `anvil 1\.2 +installed +verified by TUF, role anvil-developers\n`, stdout)
			require.Regexp(t, `rivet 1\.0 +installed +verified by TUF, role rivet-developers\n`, stdout)
			require.Regexp(t, `forge 1\.0 +installed +verified by TUF, role bin-`, stdout)
			require.Regexp(t, `inhouse-report 0\.3 +installed +NOT VERIFIED BY TUF`, stdout)
			require.Equal(t, 1, strings.Count(stdout, "NOT VERIFIED"))

			asked := w.requests()
			require.Regexp(t, `(?m)^simple/anvil/[0-9a-f]{64}\.index\.json$`, asked, "pages have a hash before their name")
			wheel := `(?m)^packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/anvil-1\.2-py3-none-any\.whl$`
			require.Regexp(t, wheel, asked, "wheels have none")

			stdout = w.mustRun(append(w.withExtra("forge", "anvil==1.2", "inhouse-report"), "--trail"))
			require.Regexp(t, `anvil 1\.2 +unchanged`, stdout)
			require.Contains(t, stdout, "  page simple/anvil/index.json\n    root -> targets")
			require.Contains(t, stdout, "    claimed -> anvil-developers version 1 lists it\n")
			again := w.requests()
			require.NotRegexp(t, `(?m)^packages/.*/anvil-1\.2-py3-none-any\.whl$`, again)
			require.Contains(t, again, "metadata/timestamp.json")
			require.NotContains(t, again, "snapshot.json", "it was stored")

			evil := bytes.Repeat([]byte("x"), 5000)
			require.NoError(t, os.WriteFile(filepath.Join(w.dest, "tongs-1.10-py3-none-any.whl"), evil, 0o600))
			stdout = w.mustRun(w.args("tongs<2"))
			require.Regexp(t, `tongs 1\.10 +installed`, stdout)
			require.Regexp(t, `ironwork 1\.1 +unchanged`, stdout)
			w.mustBeGenuine("anvil-1.2", "forge-1.0", "inhouse_report-0.3", "ironwork-1.1", "rivet-1.0", "tongs-1.10")
		})
	}
}

// Between the rounds, the repository publishes a new snapshot with newer
// wheels. The session continues with the snapshot that it began with.
func TestAllRoundsAreFromOneSnapshot(t *testing.T) {
	w := newWorld(t, false)
	published := 0
	w.before = func(path string) {
		if strings.HasPrefix(path, "simple/forge/") && published == 0 { // after round 1, tongs is not known yet
			published++
			w.shop.add(w.shop.role, "tongs", "1.99", "ironwork")
			w.shop.add(w.shop.role, "ironwork", "7.0")
			w.shop.publish()
		}
	}
	stdout := w.mustRun(w.args("forge"))
	require.Equal(t, 1, published)
	require.Contains(t, stdout, "timestamp 2 and snapshot 2")
	w.mustBeGenuine("forge-1.0", "ironwork-1.1", "tongs-1.10")
	require.NotContains(t, w.requests(), "3.snapshot.json")

	w.dest = filepath.Join(w.dir, "later")
	stdout = w.mustRun(w.args("forge"))
	require.Contains(t, stdout, "timestamp 3 and snapshot 3")
	w.mustBeGenuine("forge-1.0", "ironwork-7.0", "tongs-1.99")
}

// The extra index is never asked for what the TUF index has: neither when its
// version is newer, nor when only it has the wanted version, nor when the TUF
// index is not available.
func TestDependencyConfusion(t *testing.T) {
	extraPages := func(w *world) (asked []string) {
		for _, path := range strings.Split(w.requests(), "\n") {
			if strings.HasPrefix(path, "simple/") && strings.HasSuffix(path, "/") {
				asked = append(asked, path)
			}
		}
		return asked
	}
	t.Run("newer", func(t *testing.T) {
		w := newWorld(t, false)
		w.mustRun(w.withExtra("forge", "TONGS", "inhouse.report"))
		w.mustBeGenuine("forge-1.0", "inhouse_report-0.3", "ironwork-1.1", "tongs-1.10")
		require.Equal(t, []string{"simple/inhouse-report/"}, extraPages(w))
	})
	t.Run("the wanted version", func(t *testing.T) {
		w := newWorld(t, false)
		w.mustFail("no version of tongs fits: want tongs==99.0 (you)", w.withExtra("tongs==99.0"))
		require.Empty(t, extraPages(w))
	})
	for name, instead := range map[string]func(string, []byte, bool) ([]byte, bool){
		"no bins": func(path string, data []byte, ok bool) ([]byte, bool) {
			return data, ok && !strings.Contains(path, "bin-")
		},
		"no timestamp": func(path string, data []byte, ok bool) ([]byte, bool) {
			return data, ok && !strings.Contains(path, "timestamp")
		},
		"no page": func(path string, data []byte, ok bool) ([]byte, bool) {
			return data, ok && !strings.Contains(path, ".index.json")
		},
		"forged bins": func(path string, data []byte, ok bool) ([]byte, bool) {
			if strings.Contains(path, ".bin-") {
				data = bytes.Replace(data, []byte(`"targets":{`), []byte(`"other":{`), 1)
			}
			return data, ok
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			w.lie(instead)
			w.mustFail("nothing is installed", w.withExtra("tongs"))
			require.Empty(t, extraPages(w))
			w.lie(nil)
			w.mustRun(w.withExtra("tongs"))
		})
	}
	// TUF does not sign the names of roles. All bins have one key, and the
	// snapshot lists no hashes: any bin's file may be served as that of forge.
	for _, succinct := range []bool{false, true} {
		t.Run(fmt.Sprintf("the file of another bin, succinct %v", succinct), func(t *testing.T) {
			w := newWorld(t, succinct)
			bins := w.shop.unclaimed
			hidden := "/" + w.shop.repo.FileName(bins.Bin(pagePath("forge")).Name())
			for n := range 16 {
				other := w.shop.repo.FileName(fmt.Sprintf("bin-%x", n))
				if "/"+other == hidden {
					continue
				}
				w.lie(func(path string, data []byte, ok bool) ([]byte, bool) {
					if strings.HasSuffix("/"+path, hidden) {
						return w.shop.repo.Metadata()[other], true
					}
					return data, ok
				})
				w.mustFail("nothing is installed", w.withExtra("forge"))
			}
			require.Empty(t, extraPages(w))
			// The last lie, an empty bin, was saved. It is found out.
			w.lie(nil)
			w.mustFail("search is undecided", w.withExtra("forge"))
			w.mustRun(w.withExtra("forge"))
			w.mustBeGenuine("forge-1.0", "ironwork-1.1", "tongs-1.10")
		})
	}
	t.Run("unknown to both", func(t *testing.T) {
		w := newWorld(t, false)
		w.mustFail("saw is not in the index with TUF, and the extra index", w.withExtra("saw"))
		w.mustFail(`there is no package saw: "simple/saw/index.json": `+verify.ErrNoTarget.Error(), w.args("saw"))
	})
}

func TestCompromisedOnlineKeys(t *testing.T) {
	t.Run("replace what is not claimed", func(t *testing.T) { // so this is an attack
		w := newWorld(t, false)
		w.breakIn("tongs")
		w.mustRun(w.args("tongs"))
		require.Contains(t, w.installed(), "tongs-66.6")
	})
	t.Run("replace what was claimed recently", func(t *testing.T) { // until claimed is signed again
		w := newWorld(t, false)
		w.shop.repo.Role("recently-claimed").Undelegate("rivet-developers")
		w.shop.developers = nil
		w.shop.add(func(string, string) *verifytest.Role {
			return w.shop.repo.Role("recently-claimed").Delegate(verifytest.Delegation{
				Name: "mine", Paths: []string{pagePath("rivet"), "packages/*/*/*/rivet-*"},
			})
		}, "rivet", "66.6")
		w.shop.publish()
		w.mustRun(w.args("rivet"))
		require.Contains(t, w.installed(), "rivet-66.6")
	})
	t.Run("cannot replace what is claimed", func(t *testing.T) {
		w := newWorld(t, false)
		w.breakIn("anvil")
		w.mustRun(w.withExtra("anvil"))
		w.mustBeGenuine("anvil-2.0", "ironwork-1.1")
		w.dest = filepath.Join(w.dir, "other")
		w.mustFail("no version of anvil fits", w.withExtra("anvil>50"))
	})
	t.Run("cannot restore what its developers removed", func(t *testing.T) {
		w := newWorld(t, false)
		w.shop.developers["anvil"].RemoveTarget(pagePath("anvil"))
		w.breakIn("anvil")
		w.mustFail("claimed -> anvil-developers version 2 (terminating) does not list it", w.withExtra("anvil"))
		require.NotContains(t, w.requests()+"\n", "simple/anvil/\n", "the name is claimed, so the extra index was not asked")
	})
	t.Run("cannot list claimed wheels on another page", func(t *testing.T) {
		w := newWorld(t, false)
		w.breakIn("anvil")
		page := newPage("tongs")
		page.Files = w.shop.pages["anvil"].Files
		w.shop.unclaimed.Bin(pagePath("tongs")).AddTarget(pagePath("tongs"), page.encode())
		w.shop.publish()
		w.mustFail("no version of tongs fits", w.args("tongs"))
	})
	for _, role := range []string{"claimed", "anvil-developers"} {
		t.Run("cannot hide "+role, func(t *testing.T) {
			w := newWorld(t, false)
			w.shop.repo.Edit("snapshot", func(signed map[string]any) {
				delete(signed["meta"].(map[string]any), role+".json")
			})
			w.breakIn("anvil")
			w.mustFail(`role is not in the snapshot: "`+role+`"`, w.withExtra("anvil"))
			require.NotContains(t, w.requests()+"\n", "simple/anvil/\n", "the extra index was not asked")
		})
	}
}

// A file is changed on its way. Nothing is installed, and the next run with
// good files succeeds.
func TestBadFiles(t *testing.T) {
	ways := map[string]func([]byte) []byte{
		"tampered":      bytes.ToUpper,
		"truncated":     func(data []byte) []byte { return data[:len(data)/2] },
		"one byte more": func(data []byte) []byte { return append(data, 'x') },
		"empty":         func([]byte) []byte { return nil },
	}
	for what, suffix := range map[string]string{
		"page": ".index.json", "requirements": "-2.0-py3-none-any.whl.metadata", "wheel": "-2.0-py3-none-any.whl",
		"extra requirements": "/inhouse_report-0.3-py3-none-any.whl.metadata",
		"extra wheel":        "/inhouse_report-0.3-py3-none-any.whl",
	} {
		for way, corrupt := range ways {
			t.Run(what+" "+way, func(t *testing.T) {
				w := newWorld(t, false)
				w.lie(func(path string, data []byte, ok bool) ([]byte, bool) {
					if strings.HasSuffix(path, suffix) {
						data = corrupt(data)
					}
					return data, ok
				})
				wanted := w.args("anvil")
				if strings.HasPrefix(what, "extra") {
					wanted = w.withExtra("inhouse-report")
				}
				code, _, stderr := runArgs(wanted...)
				require.Equal(t, 1, code)
				require.Regexp(t, "hash mismatch|length|longer", stderr)
				for _, name := range w.installed() {
					require.NotContains(t, []string{"anvil-2.0", "inhouse_report-0.3"}, name)
					require.NotContains(t, name, ".part")
				}
				w.lie(nil)
				w.mustRun(wanted)
			})
		}
	}
}

// Pages that are signed and still must be refused.
func TestBadPages(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(w *world, p *page)
		because string
	}{
		"another API":     {func(_ *world, p *page) { p.Meta.API = "2.0" }, `has API version "2.0", not 1`},
		"another project": {func(_ *world, p *page) { p.Name = "tongs" }, `is the page of "tongs"`},
		"another host": {func(w *world, p *page) {
			p.Files[0].URL = strings.Replace(p.Files[0].URL, w.files, w.index, 1)
		}, "is not below"},
		"another name": {func(_ *world, p *page) {
			p.Files[0].Filename = "rivet-1.0.0-py3-none-any.whl"
		}, "has another file name in its URL"},
		"no requirements": {func(_ *world, p *page) { p.Files[0].Metadata = nil }, "has no core metadata"},
		"no such wheel": {func(_ *world, p *page) {
			p.Files[0].URL = strings.Replace(p.Files[0].URL, "packages/", "packages/0", 1)
		}, verify.ErrNoTarget.Error()},
		"only for one CPU": {func(_ *world, p *page) {
			p.Files[0].Filename = "rivet-1.0-cp313-cp313-win32.whl"
		}, "there are wheels of no version"},
		"yanked": {func(_ *world, p *page) { p.Files[0].Yanked = "bends" }, "no version of rivet fits"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			p := w.shop.pages["rivet"]
			c.change(w, p)
			w.shop.developers["rivet"].AddTarget(pagePath("rivet"), p.encode())
			w.shop.publish()
			w.mustFail(c.because, w.args("rivet"))
		})
	}
}

// Without a digest or a size on the page of the extra index, a file could not
// be checked.
func TestExtraIndexMustListHashes(t *testing.T) {
	for name, change := range map[string]func(*pageFile){
		"no hash":             func(f *pageFile) { f.Hashes = nil },
		"no size":             func(f *pageFile) { f.Size = 0 },
		"no hash of metadata": func(f *pageFile) { f.Metadata = true },
		"another scheme":      func(f *pageFile) { f.URL = "file:///etc/passwd" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false)
			file, wheel, metadata := w.shop.wheel("saw", "1.0", nil)
			w.shop.extras["files/"+file.Filename], w.shop.extras["files/"+file.Filename+".metadata"] = wheel, metadata
			file.URL = w.extraURL + "/../files/" + file.Filename
			change(&file)
			p := newPage("saw")
			p.Files = []pageFile{file}
			w.shop.extras["simple/saw/"] = p.encode()
			w.mustFail("saw/: ", w.withExtra("saw"))
		})
	}
}

func TestConditionalRequirementsAreLeftOutWithAWarning(t *testing.T) {
	w := newWorld(t, false)
	w.shop.add(w.shop.role, "saw", "1.0", `tongs`, `rivet; sys_platform == "win32"`, `forge; extra == "hot"`)
	w.shop.publish()
	code, _, stderr := runArgs(w.args("saw")...)
	require.Equal(t, 0, code)
	require.Equal(t, "warning: saw-1.0-py3-none-any.whl: conditions are not evaluated, so this is left out: "+
		"rivet; sys_platform == \"win32\"\n", stderr)
	w.mustBeGenuine("ironwork-1.1", "saw-1.0", "tongs-2.0")
}

func TestExpiryIsJudgedAsOfTheTimeGiven(t *testing.T) {
	w := newWorld(t, false)
	later := w.shop.repo.Now().Add(25 * time.Hour).Format(time.RFC3339)
	w.mustFail("timestamp version 2: "+verify.ErrExpired.Error(), append(w.args("anvil"), "-at", later))
}

// A host never ends a body. An interruption ends the request.
func TestInterrupted(t *testing.T) {
	w := newWorld(t, false)
	ctx, cancel := context.WithCancel(context.Background())
	stuck := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".whl") {
			data, _ := w.shop.files(strings.TrimPrefix(r.URL.Path, "/"))
			_, _ = rw.Write(data)
			return
		}
		_, _ = rw.Write([]byte("the beginning"))
		rw.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}))
	defer stuck.Close()
	w.shop.filesURL = stuck.URL
	w.shop.add(w.shop.role, "saw", "1.0", "rivet==2.0")
	w.shop.add(w.shop.role, "rivet", "2.0")
	w.shop.publish()
	w.files = stuck.URL
	var stdout, stderr bytes.Buffer
	require.Equal(t, 130, run(ctx, w.args("saw"), &stdout, &stderr), stderr.String())
	require.Contains(t, stderr.String(), "interrupted")
	require.Empty(t, w.installed())
}
