package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

// memoryURL is the URL that go-tuf is given for a repository in memory.
const memoryURL = "http://memory.test/metadata"

// counting is a fetcher that counts requests. go-tuf asks for one file at a
// time, so each request is a round.
type counting struct {
	fetcher.Fetcher
	asked
}

func (c *counting) DownloadFile(url string, maxLength int64, timeout time.Duration) ([]byte, error) {
	c.rounds++
	c.requests++
	return c.Fetcher.DownloadFile(url, maxLength, timeout)
}

// memory is a fetcher that fetches metadata without copying.
type memory struct{ r *served }

func (m memory) DownloadFile(url string, maxLength int64, _ time.Duration) ([]byte, error) {
	data, ok := m.r.metadata[strings.TrimPrefix(url, memoryURL+"/")]
	switch {
	case !ok:
		return nil, &metadata.ErrDownloadHTTP{StatusCode: http.StatusNotFound, URL: url}
	case int64(len(data)) > maxLength:
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: url + " is too long"}
	}
	return data, nil
}

// tuf is a client written on go-tuf.
type tuf struct {
	updater *updater.Updater
	fetcher *counting
}

// newTUF begins a cold start with an empty folder. Without save, go-tuf's cache
// is off: it writes no files and reads none. Its limits are raised, as those of
// tufwalk are: some of these repositories have files of more than 2 and 5 MB.
func (r *served) newTUF(f fetcher.Fetcher, url, folder string, save bool) (*tuf, error) {
	c, err := config.New(url, r.trustedRoot)
	if err != nil {
		return nil, err
	}
	t := &tuf{fetcher: &counting{Fetcher: f}}
	c.Fetcher = t.fetcher
	c.LocalMetadataDir, c.LocalTargetsDir, c.DisableLocalCache = folder, folder, !save
	c.SnapshotMaxLength, c.TargetsMaxLength = largest.MaxSnapshotBytes, largest.MaxTargetsBytes
	if t.updater, err = updater.New(c); err != nil {
		return nil, err
	}
	t.updater.UnsafeSetRefTime(r.now) // the repository has its own clock
	return t, nil
}

// resolve returns the targets with those paths.
func (t *tuf) resolve(paths []string) ([]*metadata.TargetFiles, error) {
	if err := t.updater.Refresh(); err != nil {
		return nil, err
	}
	targets := make([]*metadata.TargetFiles, len(paths))
	for i, path := range paths {
		var err error
		if targets[i], err = t.updater.GetTargetInfo(path); err != nil {
			return nil, err
		}
	}
	return targets, nil
}
