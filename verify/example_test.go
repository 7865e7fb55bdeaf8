package verify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// exampleRepository returns a repository with one target, listed by a delegated
// role.
func exampleRepository() *verifytest.Repo {
	repo := verifytest.New(verifytest.Options{})
	team := repo.Targets().Delegate(verifytest.Delegation{Name: "team", Paths: []string{"team/*"}})
	team.AddTarget("team/app.txt", []byte("hello"))
	repo.Publish()
	return repo
}

// The whole way from the initial trusted root to a target. In a program the
// store is a folder, the mirror an HTTP client, and the time time.Now().
func Example() {
	repo := exampleRepository()
	trustedRoot, mirror, now := repo.TrustedRoot(), repo.Metadata().Source(), repo.Now()
	store := verifytest.Store{}

	s, err := verify.New(trustedRoot, verify.LoadStored(context.Background(), store), now, verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := s.Lookup("team/app.txt")
	if err := s.Run(context.Background(), store, mirror); err != nil {
		fmt.Println(err)
		return
	}
	target, err := app.Target()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(target.Length, "bytes, good until", target.Expires)
	for _, step := range app.Trail() {
		fmt.Println(step)
	}
	// Output:
	// 5 bytes, good until 2030-01-02 00:00:00 +0000 UTC
	// root -> targets version 2 does not list it
	// targets -> team version 1 lists it
}

// A caller that fetches the requests of a Batch in parallel. It uses Lookahead,
// so that there are fewer round trips.
func ExampleOptions_lookahead() {
	repo := exampleRepository()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{Lookahead: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Lookup("team/app.txt")
	mirror := repo.Metadata().Source()
	for round := 1; ; round++ {
		b, ok := s.Next()
		if !ok {
			break
		}
		for range b.Save {
			// store it; if that fails, s.Abandon(err) and stop
		}
		for _, r := range b.Rejected {
			// the source that answered r.Request.ID sent a bad file; this
			// batch asks for the file again
			fmt.Println("rejected after all:", r.Request.Path, r.Err)
		}
		bodies := make([][]byte, len(b.Fetch))
		errs := make([]error, len(b.Fetch))
		var wait sync.WaitGroup
		for i, req := range b.Fetch {
			wait.Go(func() { bodies[i], errs[i] = mirror(context.Background(), req) })
		}
		wait.Wait()
		for i, req := range b.Fetch { // a session is not safe for concurrent use
			fmt.Println("round", round, "fetched", req.Path)
			if errors.Is(errs[i], verify.ErrNotAtSource) {
				err = s.NotFound(req.ID)
			} else if err = s.Provide(req.ID, bodies[i]); err != nil {
				err = s.Fail(req.ID, err) // there is no other mirror
			}
			if err != nil {
				fmt.Println(err)
			}
		}
	}
	fmt.Println("end:", s.Err())
	// Output:
	// round 1 fetched 2.root.json
	// round 1 fetched timestamp.json
	// round 2 fetched 2.snapshot.json
	// round 3 fetched 2.targets.json
	// round 4 fetched 1.team.json
	// end: <nil>
}

// The loop without Run, for callers that fetch the files themselves. Requests
// may be answered in any order. This caller has no stored files; with them, it
// would offer them first (Request.StoreName). It does not use Lookahead; with
// it, it would read Batch.Rejected.
func ExampleSession_Next() {
	repo := exampleRepository()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Lookup("team/app.txt")
	for {
		b, ok := s.Next()
		if !ok {
			break
		}
		for _, rec := range b.Save {
			fmt.Println("save", rec.StoreName)
		}
		for _, req := range b.Fetch {
			body, ok := repo.Metadata()[req.Path]
			if !ok {
				fmt.Println("not found", req.Path)
				_ = s.NotFound(req.ID)
				continue
			}
			fmt.Println("fetched", req.Path, s.Provide(req.ID, body))
		}
		for _, l := range b.Done {
			_, err := l.Target()
			fmt.Println("done", l.Path(), err)
		}
	}
	fmt.Println("end:", s.Err())
	// Output:
	// not found 2.root.json
	// fetched timestamp.json <nil>
	// save 1.root.json
	// save root.json
	// save timestamp.json
	// fetched 2.snapshot.json <nil>
	// save snapshot.json
	// fetched 2.targets.json <nil>
	// save targets.json
	// fetched 1.team.json <nil>
	// save role.team.json
	// done team/app.txt <nil>
	// end: <nil>
}

// When a body is rejected, the request stays open, and a copy from another
// mirror may be offered.
func ExampleSession_Provide() {
	repo := exampleRepository()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := s.Next()
	_ = s.NotFound(b.Fetch[0].ID) // there is no newer root
	b, _ = s.Next()
	timestamp := b.Fetch[0]

	err = s.Provide(timestamp.ID, []byte("<html>Welcome to the hotel's network</html>"))
	var reject *verify.RejectError
	fmt.Println(errors.As(err, &reject), err)
	fmt.Println(s.Provide(timestamp.ID, repo.Metadata()["timestamp.json"]))
	// Output:
	// true timestamp.json rejected: not well-formed TUF metadata: offset 0: found "<", want a value
	// <nil>
}

// A download is verified while it is copied. One that is too long, too short or
// different is an error.
func ExampleTarget_Copy() {
	repo := exampleRepository()
	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := s.Lookup("team/app.txt")
	if err := s.Run(context.Background(), nil, repo.Metadata().Source()); err != nil {
		fmt.Println(err)
		return
	}
	target, err := app.Target()
	if err != nil {
		fmt.Println(err)
		return
	}
	paths, err := target.URLPaths()
	fmt.Println(paths[0], err)
	for _, body := range []string{"hello", "hell", "hello!"} {
		var file strings.Builder
		fmt.Println(target.Copy(&file, strings.NewReader(body)))
	}
	// Output:
	// team/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.app.txt <nil>
	// <nil>
	// team/app.txt: wrong length: want 5 bytes, found 4
	// team/app.txt: wrong length: want 5 bytes, found 6
}

// A test of what a client does when a mirror is frozen, with a repository from
// package verifytest.
func Example_test() {
	repo := exampleRepository()
	yesterday := repo.Metadata().Clone() // a frozen mirror
	repo.Role("team").AddTarget("team/app.txt", []byte("hello, fixed"))
	repo.Publish()

	store := verifytest.Store{}
	update := func(mirror verifytest.Files) error {
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(context.Background(), store), repo.Now(), verify.Options{})
		if err != nil {
			return err
		}
		return s.Run(context.Background(), store, mirror.Source())
	}
	fmt.Println("today's files:", update(repo.Metadata()))
	fmt.Println("yesterday's files again:", errors.Is(update(yesterday), verify.ErrRollback))
	repo.Advance(10 * 365 * 24 * time.Hour)
	fmt.Println("ten years later:", errors.Is(update(repo.Metadata()), verify.ErrExpired))
	// Output:
	// today's files: <nil>
	// yesterday's files again: true
	// ten years later: true
}

// A Source over HTTP. The client and the context limit how long a request may
// take.
func ExampleSource() {
	repo := exampleRepository()
	server := httptest.NewServer(http.FileServerFS(repo.Metadata().FS()))
	defer server.Close()

	ctx, base := context.Background(), server.URL
	mirror := func(_ context.Context, r verify.Request) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/"+r.Path, nil) // appended as it is
		if err != nil {
			return nil, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		switch res.StatusCode {
		case http.StatusOK:
			return io.ReadAll(io.LimitReader(res.Body, r.MaxBytes+1))
		case http.StatusNotFound, http.StatusGone:
			return nil, fmt.Errorf("%s: %w", req.URL, verify.ErrNotAtSource)
		}
		return nil, fmt.Errorf("%s: %s", req.URL, res.Status)
	}

	s, err := verify.New(repo.TrustedRoot(), verify.Stored{}, repo.Now(), verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Run(context.Background(), nil, mirror), s.Version("timestamp"))
	// Output:
	// <nil> 2
}
