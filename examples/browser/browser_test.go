package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func TestAnHonestMirrorIsTrusted(t *testing.T) {
	p := openTab(t, demoWorld())
	text := p.ends("verified")
	require.Contains(t, text, "anvil.img, version 2.1, is the file that bin-a signed")
	require.Contains(t, text, "had no stored files")
	require.Equal(t, goodTrail+"anvil.img trusted", p.trail())
	require.Contains(t, p.value(`document.querySelector("#trail").textContent`), "version 1 → 2")
	p.mustOffer(1, 1)

	t.Log("The saved file is right.")
	dir := t.TempDir()
	saved := make(chan struct{})
	chromedp.ListenTarget(p.ctx, func(event any) {
		if e, ok := event.(*cdpbrowser.EventDownloadProgress); ok && e.State == cdpbrowser.DownloadProgressStateCompleted {
			close(saved)
		}
	})
	allow := cdpbrowser.SetDownloadBehavior(cdpbrowser.SetDownloadBehaviorBehaviorAllow)
	p.do(allow.WithDownloadPath(dir).WithEventsEnabled(true), chromedp.Click("#save a"))
	select {
	case <-saved:
	case <-p.ctx.Done():
		t.Fatal("nothing was saved")
	}
	data, err := os.ReadFile(filepath.Join(dir, "anvil.img"))
	require.NoError(t, err)
	require.Equal(t, anvilContent(2), data)

	t.Log("The second time the stored files are used, and the last offer is gone.")
	p.choose("honest")
	p.do(working, chromedp.Click("form button"))
	require.NotContains(t, p.ends("verified"), "had no stored files")
	require.EqualValues(t, "stored absent trusted stored stored stored stored trusted",
		p.value(`[...document.querySelectorAll("#requests li")].map((li) => li.dataset.state).join(" ")`))
	p.mustOffer(2, 1)
}

func TestLiesAreRefused(t *testing.T) {
	p := openTab(t, demoWorld())
	p.ends("verified")
	for _, c := range []struct {
		mirror, title, because, trail string
	}{
		{"metadata", "Refused: not properly signed", "timestamp: " + verify.ErrThreshold.Error(), badTimestamp},
		{"target", "Refused: not the bytes that were signed", "packages/anvil.img: " + verify.ErrHash.Error(),
			goodTrail + "anvil.img refused"},
		{"frozen", "Refused: older than what you have seen", "timestamp: " + verify.ErrRollback.Error(), badTimestamp},
		{"expired", "Refused: out of date", "timestamp version 4: " + verify.ErrExpired.Error(), badTimestamp},
	} {
		p.choose(c.mirror)
		text := p.ends("refused")
		require.Contains(t, text, c.title)
		require.Contains(t, text, c.because)
		require.Equal(t, c.trail, p.trail())
		p.mustOffer(1, 0) // the offer from the honest mirror is gone
	}
	require.Equal(t, "status polite", p.value(`(() => {
		const e = document.querySelector("#outcome-title").parentNode;
		return e.role + " " + e.ariaLive;
	})()`), "for screen readers")

	t.Log("The honest mirror is trusted again: nothing from the liars was stored.")
	p.choose("honest")
	p.ends("verified")

	t.Log("Without stored files there is no rollback protection.")
	p.do(chromedp.Click("#forget"),
		chromedp.Poll(`document.querySelector("#outcome").dataset.state === "idle"`, nil))
	p.choose("frozen")
	require.Contains(t, p.ends("verified"), "2.0, with a known hole")
}

// Mirrors send too little, too much, or half and then nothing until the user
// chooses another mirror.
func TestStrangeMirrors(t *testing.T) {
	w := demoWorld()
	honest := w.Mirrors[0]
	gone := make(chan struct{})
	sends := func(name string, f http.HandlerFunc) *choice {
		return &choice{Name: name, Label: name, metadata: honest.metadata, targets: f}
	}
	whole := anvilContent(2)
	half := whole[:len(whole)/2]
	w.Mirrors = []*choice{
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
	require.Equal(t, "working", p.value(`document.querySelector("#outcome").dataset.state`))
	p.mustOffer(0, 0)

	for _, c := range []struct{ mirror, because string }{
		{"short", "packages/anvil.img: " + verify.ErrLength.Error() + ": want 6291456 bytes, found 3145728"},
		{"endless", "packages/anvil.img: " + verify.ErrLength.Error() + ": want 6291456 bytes"},
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

func TestATargetThatIsNotListed(t *testing.T) {
	w := demoWorld()
	w.Targets = []string{"packages/<b>hammer.img"}
	p := openTab(t, w)
	require.Contains(t, p.ends("refused"), "Refused: no such target")
	trail := p.value(`document.querySelector("#trail").textContent`)
	require.Contains(t, trail, "Also asked, and not listing it: packages, bin-")
	require.EqualValues(t, 0, p.value(`document.querySelectorAll("#trail b, #outcome b").length`), "names are text")
	p.mustOffer(0, 0)
}

// The server of the page passes on a repository elsewhere.
func TestARealRepositoryInThePage(t *testing.T) {
	repo := verifytest.New(verifytest.Options{Start: time.Now()})
	team := repo.Targets().Delegate(verifytest.Delegation{Name: "a team/ü", Paths: []string{"*/*"}})
	team.AddTarget("täm/a+b c.txt", []byte("hello"))
	repo.Publish()
	elsewhere := httptest.NewServer(pace{}.serve(prefixed(repo)))
	t.Cleanup(elsewhere.Close)
	root := filepath.Join(t.TempDir(), "root.json")
	require.NoError(t, os.WriteFile(root, repo.TrustedRoot(), 0o600))
	o := options{
		Root: root, MetadataURL: elsewhere.URL + "/m/", TargetsURL: elsewhere.URL + "/t",
		Target: []string{"täm/a+b c.txt"},
	}
	w, err := o.world()
	require.NoError(t, err)

	p := openTab(t, w)
	require.Contains(t, p.ends("verified"), "a+b c.txt, is the file that a team/ü signed")
	p.mustOffer(1, 1)

	elsewhere.Close()
	p.choose("real")
	p.do(chromedp.Click("form button"))
	p.ends("refused")
	p.mustOffer(1, 0)
}
