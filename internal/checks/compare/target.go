package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
)

// block is repeated to make a large target, so that the target is never in
// memory as a whole.
var block = make([]byte, 1<<20)

// repeated reads the block again and again, up to a length.
type repeated struct{ left, at int64 }

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.left)], block[r.at:])
	r.left -= int64(n)
	r.at = (r.at + int64(n)) % int64(len(block))
	return n, nil
}

const largePath = "large.iso"

// large is a repository with one large target.
func large(length int64) (*served, error) {
	h := sha256.New()
	if _, err := io.Copy(h, &repeated{left: length}); err != nil {
		return nil, err
	}
	return build(layout{hashes: true, targets: func(*maker) object {
		target := object{"length": length, "hashes": object{"sha256": hex.EncodeToString(h.Sum(nil))}}
		return object{"targets": object{largePath: target}}
	}}), nil
}

// target compares the verification of one large file.
func (c *comparison) target(ctx context.Context) error {
	length := c.Size * 1_000_000
	const title = "one file"
	if c.late(title) {
		return nil
	}
	repo, err := large(length)
	if err != nil {
		return err
	}
	printHead(c.stdout, "TARGET: a large file, verified while it is read\n"+
		"Here the yardstick is sha256 of the stream; peak is the most that was on the heap at one time.", "peak", "")
	contenders := []contender{
		{yardstickName, func() sample { return watched(func() error { return hashed(length) }) }},
		{walkName, func() sample { return watched(func() error { return repo.walkTarget(length) }) }},
		{goTUFName + ", its own fetcher", c.tufTarget(repo, &http.Client{Transport: stream(length)}, nil)},
		{goTUFName + ", one buffer", c.tufTarget(repo, nil, oneBuffer(length))},
	}
	r, err := newRow(title, length, c.turns(ctx, 1), contenders)
	if err != nil {
		return err
	}
	r.print(c.stdout)
	return r.mustHaveWorked()
}

func hashed(length int64) error {
	_, err := io.Copy(sha256.New(), &repeated{left: length})
	return err
}

func (r *served) walkTarget(length int64) error {
	w, err := r.newWalker(r.fromMemory, options(false))
	if err != nil {
		return err
	}
	targets, err := w.resolve([]string{largePath})
	if err != nil {
		return err
	}
	return targets[0].Copy(io.Discard, &repeated{left: length})
}

// tufTarget downloads with go-tuf's own fetcher over that client or, if it is
// nil, with the other fetcher.
func (c *comparison) tufTarget(repo *served, client *http.Client, body fetcher.Fetcher) func() sample {
	return func() sample {
		folder, err := c.folder()
		if err != nil {
			return sample{err: err}
		}
		if client != nil {
			own := fetcher.NewDefaultFetcher()
			own.SetHTTPClient(client)
			body = own
		}
		return watched(func() error {
			t, err := repo.newTUF(memory{repo}, memoryURL, folder, false)
			if err != nil {
				return err
			}
			targets, err := t.resolve([]string{largePath})
			if err != nil {
				return err
			}
			t.fetcher.Fetcher = body
			_, data, err := t.updater.DownloadTarget(targets[0], "", "")
			if err == nil && int64(len(data)) != targets[0].Length {
				err = errors.New("not the whole file")
			}
			return err
		})
	}
}

// stream stands in for a server: it answers every request with the large
// target.
type stream int64

func (s stream) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Request: req, Header: http.Header{},
		Body: io.NopCloser(&repeated{left: int64(s)}), ContentLength: int64(s),
	}, nil
}

// oneBuffer is the best fetcher that go-tuf's interface allows: it knows the
// length, and so allocates once.
type oneBuffer int64

func (b oneBuffer) DownloadFile(string, int64, time.Duration) ([]byte, error) {
	data := make([]byte, b)
	_, err := io.ReadFull(&repeated{left: int64(b)}, data)
	return data, err
}
