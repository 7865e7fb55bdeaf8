package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

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

// chromium finds a browser. In continuous integration there must be one.
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

// tab is a new browser that shows the page.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// openTab opens the page of a world. It counts the files that are offered for
// saving: a file can be offered only as the URL of a blob.
func openTab(t *testing.T, w *world) *tab {
	t.Helper()
	path := chromium(t)
	handler, err := newHandler(w, mustCompile(t))
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
	t.Cleanup(cancel)
	quiet := chromedp.WithErrorf(func(string, ...any) {}) // it reports events that it does not know
	ctx, cancel = chromedp.NewContext(ctx, quiet)
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
		// Large and without motion: a button must not move away before a click.
		chromedp.EmulateViewport(1280, 1600),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}),
		chromedp.Navigate(server.URL),
	)
	return page
}

func (p *tab) do(actions ...chromedp.Action) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Run(p.ctx, actions...))
}

// ends waits for the outcome, and returns its text.
func (p *tab) ends(state string) (text string) {
	p.t.Helper()
	p.do(
		chromedp.Poll(`["verified", "refused"].includes(document.querySelector("#outcome").dataset.state)`, nil),
		chromedp.Text("#outcome", &text),
	)
	require.Equal(p.t, state, p.value(`document.querySelector("#outcome").dataset.state`), text)
	return text
}

// choose clicks on a mirror. It clears the last outcome first: the page may
// clear it only a little later.
func (p *tab) choose(mirror string) {
	p.t.Helper()
	p.do(working, chromedp.Click("#mirror-"+mirror))
}

func (p *tab) value(expression string) (v any) {
	p.t.Helper()
	p.do(chromedp.Evaluate(expression, &v))
	return v
}

// mustOffer requires how many files were offered since the page was loaded, and
// how many are offered now.
func (p *tab) mustOffer(ever, now int) {
	p.t.Helper()
	require.EqualValues(p.t, ever, p.value("offered"), "offered ever")
	links := p.value(`document.querySelectorAll("a[download], a[href^=blob]").length`)
	require.EqualValues(p.t, now, links, "offered now")
}

// trail returns the steps of the trail and their states.
func (p *tab) trail() any {
	p.t.Helper()
	return p.value(`[...document.querySelectorAll("#trail li")]
		.map((li) => li.querySelector(".name").textContent + " " + li.dataset.state).join(", ")`)
}

func demoWorld() *world { return demo(time.Now().UTC(), pace{}, nil) }

// working clears the last outcome.
var working = chromedp.Evaluate(`document.querySelector("#outcome").dataset.state = "working"`, nil)

const (
	goodTrail = "root trusted, timestamp trusted, snapshot trusted, targets trusted, " +
		"packages trusted, bin-a trusted, "
	badTimestamp = "root trusted, timestamp refused, snapshot waiting, targets waiting, anvil.img waiting"
)

// anvilContent returns the content that demo makes from a seed.
func anvilContent(seed byte) []byte {
	data := make([]byte, 6<<20)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

// prefixed returns all files of a repository: metadata below m, targets below
// t.
func prefixed(repo *verifytest.Repo) verifytest.Files {
	all := verifytest.Files{}
	for path, data := range repo.Metadata() {
		all["m/"+path] = data
	}
	for path, data := range repo.TargetFiles() {
		all["t/"+path] = data
	}
	return all
}

func serve(t *testing.T, w *world) string {
	t.Helper()
	handler, err := newHandler(w, &program{
		wasm: bytes.Repeat([]byte("wasm "), 1000), wasmExec: []byte("// Go's"),
	})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func get(t *testing.T, url string) (*http.Response, []byte) {
	t.Helper()
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, data
}
