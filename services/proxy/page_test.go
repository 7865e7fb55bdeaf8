package main

import (
	"context"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/services/proxy/internal/world"
)

// The status page in a real browser: light and dark, on a desktop and on a
// phone, with a refusal, and the trail of a path that is typed in.
func TestStatusPage(t *testing.T) {
	w := newClientWorld(t)
	status, _ := w.get(http.DefaultClient, w.proxy+"/pypi/simple/forge/")
	require.Equal(t, 200, status)
	w.world.SetMode(world.Tampered)
	status, _ = w.get(http.DefaultClient, w.proxy+"/npm/anvil")
	require.Equal(t, 403, status)

	ctx := newTab(t)
	do := func(actions ...chromedp.Action) {
		t.Helper()
		require.NoError(t, chromedp.Run(ctx, actions...))
	}
	var text, background string
	backgrounds := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			var wide bool
			do(chromedp.EmulateViewport(width, 900),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Navigate(w.admin+"/status"),
				chromedp.Evaluate(`document.documentElement.scrollWidth > window.innerWidth`, &wide),
				chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &background),
				chromedp.Text("body", &text))
			require.False(t, wide, "%s, %d: the page is wider than the screen", scheme, width)
			require.Contains(t, text, "● up to date")
			require.Contains(t, text, "it did not verify (127.0.0.1:")
			backgrounds[scheme+background] = true
		}
	}
	require.Len(t, backgrounds, 2, "one for light and one for dark")

	do(chromedp.SendKeys(`input[name=path]`, "simple/forge/index.json"),
		chromedp.SetValue(`select[name=route]`, "/pypi/"),
		chromedp.Click(`form[action="/status"] button`), chromedp.WaitVisible(`ol li`), chromedp.Text("body", &text))
	require.Contains(t, text, "good until")
	require.Contains(t, text, "lists it")
	do(chromedp.SetValue(`input[name=path]`, `<img src=x onerror="document.title='x'">`),
		chromedp.Click(`form[action="/status"] button`), chromedp.WaitVisible(`.card h3 .bad`), chromedp.Title(&text))
	require.Equal(t, "tufwalk proxy", text)
}

func newTab(t *testing.T) context.Context {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		t.Cleanup(cancel)
		flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
			chromedp.DisableGPU, chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(time.Minute))
		ctx, cancel = chromedp.NewExecAllocator(ctx, flags...)
		t.Cleanup(cancel)
		ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
		t.Cleanup(cancel)
		return ctx
	}
	need(t, "chromium")
	return nil
}
