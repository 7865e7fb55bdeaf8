package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/tufwalk/tufwalk/internal/model"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// situation is what a client is given for one update.
type situation struct {
	trustedRoot []byte
	mirror      verifytest.Files
	now         time.Time
	paths       []string
}

// bothNames saves delegated roles under a second name: the one that the model
// uses.
type bothNames struct{ verifytest.Store }

func (s bothNames) Save(ctx context.Context, rec verify.Record) error {
	if rec.Role != "root" {
		s.Store[rec.Role+".json"] = rec.Data
	}
	return s.Store.Save(ctx, rec)
}

// runTufwalk is one update with the library.
func runTufwalk(c situation, store verifytest.Store) (o outcome) {
	defer func() { o.saved = savedIn(store) }()
	ctx := context.Background()
	s, err := verify.New(c.trustedRoot, verify.LoadStored(ctx, store), c.now, verify.Options{})
	if err == nil {
		err = s.Run(ctx, bothNames{store}, c.mirror.Source())
	}
	if err != nil {
		return outcome{reasons: []string{err.Error()}}
	}
	o.refreshed = true
	for i, role := range topLevel {
		o.versions[i] = s.Version(role)
	}
	for _, path := range c.paths {
		l := s.Lookup(path)
		_ = s.Run(ctx, bothNames{store}, c.mirror.Source()) // the lookup has the error
		t, err := l.Target()
		switch {
		case err == nil:
			hashes := map[string]string{}
			for name, digest := range t.Hashes.All() {
				hashes[name] = digest
			}
			o.lookups = append(o.lookups, found(t.Length, hashes))
			continue
		case errors.Is(err, verify.ErrNoTarget):
			o.lookups = append(o.lookups, noTarget)
		default:
			o.lookups = append(o.lookups, noAnswer)
		}
		o.reasons = append(o.reasons, err.Error())
	}
	return o
}

// mirrorFetcher fetches from the mirror for go-tuf.
type mirrorFetcher struct{ files verifytest.Files }

const base = "https://mirror.invalid/"

func (f mirrorFetcher) DownloadFile(address string, most int64, _ time.Duration) ([]byte, error) {
	data, ok := f.files[strings.TrimPrefix(address, base)]
	switch {
	case !ok:
		return nil, &metadata.ErrDownloadHTTP{StatusCode: http.StatusNotFound, URL: address}
	case int64(len(data)) > most:
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: address}
	}
	return append([]byte(nil), data...), nil
}

// runGoTUF is one update with go-tuf, with its cache in a folder. A panic is an
// outcome too.
func runGoTUF(c situation, folder string) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			o = outcome{panicked: true, reasons: []string{fmt.Sprintf("panic: %v", r)}}
		}
		if _, cache, err := cacheOf(folder); err == nil {
			o.saved = savedIn(cache)
		}
	}()
	cfg, err := config.New(base, c.trustedRoot)
	if err != nil {
		return outcome{reasons: []string{err.Error()}}
	}
	cfg.Fetcher = mirrorFetcher{c.mirror}
	cfg.LocalMetadataDir, cfg.LocalTargetsDir = folder, filepath.Join(folder, "targets")
	u, err := updater.New(cfg)
	if err == nil {
		u.UnsafeSetRefTime(c.now)
		err = u.Refresh()
	}
	if err != nil {
		return outcome{reasons: []string{err.Error()}}
	}
	o.refreshed = true
	set := u.GetTrustedMetadataSet()
	o.versions = [4]int64{
		set.Root.Signed.Version,
		set.Timestamp.Signed.Version,
		set.Snapshot.Signed.Version,
		set.Targets[metadata.TARGETS].Signed.Version,
	}
	for _, path := range c.paths {
		t, err := u.GetTargetInfo(path)
		switch {
		case err == nil:
			hashes := map[string]string{}
			for name, digest := range t.Hashes {
				hashes[name] = hex.EncodeToString(digest)
			}
			o.lookups = append(o.lookups, found(t.Length, hashes))
			continue
		case err.Error() == fmt.Sprintf("target %s not found", path):
			o.lookups = append(o.lookups, noTarget)
		default:
			o.lookups = append(o.lookups, noAnswer)
		}
		o.reasons = append(o.reasons, err.Error())
	}
	return o
}

// cacheOf reads go-tuf's cache: all of it, and the part that go-tuf finds
// again. go-tuf saves files under the escaped names of roles, and looks for
// them under the plain names.
func cacheOf(folder string) (all, again verifytest.Store, err error) {
	all, again = verifytest.Store{}, verifytest.Store{}
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && err == nil {
			role, unescapeErr := url.PathUnescape(name)
			data, readErr := os.ReadFile(filepath.Join(folder, e.Name()))
			err = errors.Join(unescapeErr, readErr)
			all[role+".json"] = data
			if role == name {
				again[name+".json"] = data
			}
		}
	}
	return all, again, err
}

// runModel is one update with the model. With the plain rules it must do what
// the library does; with the right rules changed, what go-tuf does.
func runModel(c situation, cache verifytest.Store, rules model.Rules) (o outcome) {
	limits := model.Limits{
		Root: 512_000, Timestamp: 16_384, Snapshot: 2_000_000, Targets: 5_000_000,
		Roots: 256, Roles: 33,
	}
	m, err := model.New(c.trustedRoot, model.One(cache), c.now, limits, rules)
	if err != nil {
		return outcome{saved: savedIn(cache), reasons: []string{err.Error()}}
	}
	defer func() {
		after := maps.Clone(cache)
		for name, body := range m.Saved() {
			after[name] = []byte(body)
		}
		o.saved = savedIn(after)
	}()
	pull(m, c.mirror, cache)
	if _, err := m.Done(); err != nil {
		return outcome{reasons: []string{err.Error()}}
	}
	o.refreshed = true
	for i, role := range topLevel {
		o.versions[i] = m.Version(role)
	}
	for _, path := range c.paths {
		l := m.Find(path)
		pull(m, c.mirror, cache)
		switch {
		case l.Err == nil:
			o.lookups = append(o.lookups, found(l.Length, l.Hashes))
		case errors.Is(l.Err, model.ErrNoTarget):
			o.lookups = append(o.lookups, noTarget)
		default:
			o.lookups = append(o.lookups, noAnswer)
		}
	}
	return o
}

// pull gives the model the files that it wants: from the cache, if they are
// there and good, or else from the mirror.
func pull(m *model.Client, mirror verifytest.Files, cache verifytest.Store) {
	for len(m.Wants()) > 0 {
		w := m.Wants()[0]
		name := w.Role + ".json"
		if w.Role == "root" {
			name = fmt.Sprintf("%d.root.json", w.Version)
		}
		if data, ok := cache[name]; ok && w.Role != "timestamp" && !w.Live && m.OfferSaved(w, data) == nil {
			continue
		}
		data, ok := mirror[w.Path]
		switch {
		case !ok:
			m.Absent(w)
		case m.Offer(w, data) != nil:
			m.GiveUp(w)
		}
	}
}
