package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

var compiled = sync.OnceValues(func() (*program, error) { return compile(context.Background()) })

func mustCompile(t *testing.T) *program {
	t.Helper()
	p, err := compiled()
	require.NoError(t, err)
	return p
}

// chromium finds a browser. Where the project is checked for good there must be
// one.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("neither chromium nor google-chrome is in PATH: the page is not tested")
	}
	t.Skip("the page is not tested: neither chromium nor google-chrome is in PATH")
	return ""
}

// A tab is a fresh browser that shows the page.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// openTab opens the page of a world. It counts what is offered for saving: a
// file can be offered only as a blob's URL.
func openTab(t *testing.T, w *world) *tab {
	t.Helper()
	path := chromium(t)
	handler, err := newHandler(w, mustCompile(t))
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // it complains of events that it does not know
	t.Cleanup(cancel)
	page := &tab{t, ctx}
	page.do(
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := cdppage.AddScriptToEvaluateOnNewDocument(`
				window.offered = 0;
				const create = URL.createObjectURL;
				URL.createObjectURL = (blob) => { window.offered++; return create.call(URL, blob); };
			`).Do(ctx)
			return err
		}),
		// Large and still: what is clicked on must not move away.
		chromedp.EmulateViewport(1280, 1600),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.Navigate(server.URL),
	)
	return page
}

func (p *tab) do(actions ...chromedp.Action) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Run(p.ctx, actions...))
}

// ends waits for the verdict, and returns all of its text.
func (p *tab) ends(state string) (text string) {
	p.t.Helper()
	p.do(
		chromedp.Poll(`["verified", "refused"].includes(document.querySelector("#verdict").dataset.state)`, nil),
		chromedp.Text("#verdict", &text),
	)
	require.Equal(p.t, state, p.value(`document.querySelector("#verdict").dataset.state`), text)
	return text
}

// choose clicks on a mirror. The page forgets the last verdict at once, or a
// little later: it is told to before the click.
func (p *tab) choose(mirror string) {
	p.t.Helper()
	p.do(chromedp.Evaluate(`document.querySelector("#verdict").dataset.state = "working"`, nil), chromedp.Click("#mirror-"+mirror))
}

func (p *tab) value(expression string) (v any) {
	p.t.Helper()
	p.do(chromedp.Evaluate(expression, &v))
	return v
}

// mustOffer says how many files have been offered since the page was loaded,
// and whether one is now.
func (p *tab) mustOffer(ever, now int) {
	p.t.Helper()
	require.EqualValues(p.t, ever, p.value("offered"), "offered ever")
	require.EqualValues(p.t, now, p.value(`document.querySelectorAll("a[download], a[href^=blob]").length`), "offered now")
}

// trail returns the stations and how they stand.
func (p *tab) trail() any {
	p.t.Helper()
	return p.value(`[...document.querySelectorAll("#trail li")].map((li) => li.querySelector(".name").textContent + " " + li.dataset.state).join(", ")`)
}

func demoWorld() *world { return demo(time.Now().UTC(), pace{}, nil) }

const goodTrail = "root trusted, timestamp trusted, snapshot trusted, targets trusted, packages trusted, bin-a trusted, "

func TestAnHonestMirrorIsBelieved(t *testing.T) {
	p := openTab(t, demoWorld())
	text := p.ends("verified")
	require.Contains(t, text, "anvil.img, version 2.1, is what bin-a signed for")
	require.Contains(t, text, "Nothing was remembered")
	require.Equal(t, goodTrail+"anvil.img trusted", p.trail())
	require.Contains(t, p.value(`document.querySelector("#trail").textContent`), "version 1 → 2")
	p.mustOffer(1, 1)

	t.Log("What is saved is the file.")
	dir := t.TempDir()
	saved := make(chan struct{})
	chromedp.ListenTarget(p.ctx, func(event any) {
		if e, ok := event.(*cdpbrowser.EventDownloadProgress); ok && e.State == cdpbrowser.DownloadProgressStateCompleted {
			close(saved)
		}
	})
	p.do(cdpbrowser.SetDownloadBehavior(cdpbrowser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir).WithEventsEnabled(true),
		chromedp.Click("#save a"))
	select {
	case <-saved:
	case <-p.ctx.Done():
		t.Fatal("nothing was saved")
	}
	data, err := os.ReadFile(filepath.Join(dir, "anvil.img"))
	require.NoError(t, err)
	require.Equal(t, anvilContent(2), data)

	t.Log("The second time the browser's own copies do, and the last offer is withdrawn.")
	p.choose("honest")
	p.do(chromedp.Evaluate(`document.querySelector("#verdict").dataset.state = "working"`, nil), chromedp.Click("form button"))
	require.NotContains(t, p.ends("verified"), "Nothing was remembered")
	require.EqualValues(t, "remembered absent trusted remembered remembered remembered remembered trusted",
		p.value(`[...document.querySelectorAll("#requests li")].map((li) => li.dataset.state).join(" ")`))
	p.mustOffer(2, 1)
}

func TestLiesAreRefused(t *testing.T) {
	p := openTab(t, demoWorld())
	p.ends("verified")
	for _, c := range []struct {
		mirror, title, because, trail string
	}{
		{"metadata", "Refused: not properly signed", "timestamp: not enough signatures: want 1, found 0",
			"root trusted, timestamp refused, snapshot waiting, targets waiting, anvil.img waiting"},
		{"target", "Refused: not the bytes that were signed for", "packages/anvil.img: hash mismatch", goodTrail + "anvil.img refused"},
		{"stopped", "Refused: older than what you have seen", "rollback: version 3 was trusted before, found version 2",
			"root trusted, timestamp refused, snapshot waiting, targets waiting, anvil.img waiting"},
		{"expired", "Refused: out of date", "timestamp version 4: expired since",
			"root trusted, timestamp refused, snapshot waiting, targets waiting, anvil.img waiting"},
	} {
		p.choose(c.mirror)
		text := p.ends("refused")
		require.Contains(t, text, c.title)
		require.Contains(t, text, c.because)
		require.Equal(t, c.trail, p.trail())
		p.mustOffer(1, 0) // the honest mirror's, which is withdrawn
	}
	require.Equal(t, "status polite", p.value(`(() => { const e = document.querySelector("#verdict-title").parentNode; return e.role + " " + e.ariaLive })()`),
		"screen readers are told")

	t.Log("The honest mirror is believed again: nothing that liars said was kept.")
	p.choose("honest")
	p.ends("verified")

	t.Log("Whoever forgets can be shown the past.")
	p.do(chromedp.Click("#forget"), chromedp.Poll(`document.querySelector("#verdict").dataset.state === "idle"`, nil))
	p.choose("stopped")
	require.Contains(t, p.ends("verified"), "2.0, with a known hole")
}

// Mirrors that send too little, too much, or half and then nothing, until the
// user has had enough.
func TestStrangeMirrors(t *testing.T) {
	w := demoWorld()
	honest := w.Mirrors[0]
	gone := make(chan struct{})
	sends := func(name string, f http.HandlerFunc) *mirrorOf {
		return &mirrorOf{Name: name, Label: name, metadata: honest.metadata, targets: f}
	}
	whole := anvilContent(2)
	half := whole[:len(whole)/2]
	w.Mirrors = []*mirrorOf{
		sends("silent", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(half)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(gone)
		}),
		sends("short", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(half) }),
		sends("endless", func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(whole) // the first time it is right
			}
		}),
		sends("broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }),
		sends("empty", http.NotFound),
		honest,
	}
	p := openTab(t, w)
	p.do(chromedp.Poll(`document.querySelector("#download progress").value > 0.49`, nil))
	require.Equal(t, "working", p.value(`document.querySelector("#verdict").dataset.state`))
	p.mustOffer(0, 0)

	for _, c := range []struct{ mirror, because string }{
		{"short", "packages/anvil.img: wrong length: want 6291456 bytes, found 3145728"},
		{"endless", "packages/anvil.img: wrong length: want 6291456 bytes"},
		{"broken", "HTTP status 500"},
		{"empty", "HTTP status 404"},
	} {
		p.choose(c.mirror)
		require.Contains(t, p.ends("refused"), c.because)
		p.mustOffer(0, 0)
	}
	<-gone // the first click ended it
	p.choose("honest")
	p.ends("verified")
	p.mustOffer(1, 1)
}

func TestATargetThatNobodyLists(t *testing.T) {
	w := demoWorld()
	w.Targets = []string{"packages/<b>hammer.img"}
	p := openTab(t, w)
	require.Contains(t, p.ends("refused"), "Refused: no such target")
	require.Contains(t, p.value(`document.querySelector("#trail").textContent`), "Also asked, and not listing it: packages, bin-")
	require.EqualValues(t, 0, p.value(`document.querySelectorAll("#trail b, #verdict b").length`), "names are text")
	p.mustOffer(0, 0)
}

// A repository elsewhere, through the server of the page, which passes it on as
// it is.
func TestARealRepositoryInThePage(t *testing.T) {
	repo := verifytest.New(verifytest.Options{Start: time.Now()})
	repo.Targets().Delegate(verifytest.Delegation{Name: "a team/ü", Paths: []string{"*/*"}}).AddTarget("täm/a+b c.txt", []byte("hello"))
	repo.Publish()
	elsewhere := httptest.NewServer(pace{}.serve(prefixed(repo)))
	t.Cleanup(elsewhere.Close)
	root := filepath.Join(t.TempDir(), "root.json")
	require.NoError(t, os.WriteFile(root, repo.TrustedRoot(), 0o600))
	o := options{Root: root, MetadataURL: elsewhere.URL + "/m/", TargetsURL: elsewhere.URL + "/t", Target: []string{"täm/a+b c.txt"}}
	w, err := o.world()
	require.NoError(t, err)

	p := openTab(t, w)
	require.Contains(t, p.ends("verified"), "a+b c.txt, is what a team/ü signed for")
	p.mustOffer(1, 1)

	elsewhere.Close()
	p.choose("real")
	p.do(chromedp.Click("form button"))
	p.ends("refused")
	p.mustOffer(1, 0)
}
