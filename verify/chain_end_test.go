package verify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// forbidden answers 403 for the next root, and serves the rest.
func forbidden(files verifytest.Files) verify.Source {
	return func(ctx context.Context, req verify.Request) ([]byte, error) {
		if req.Optional {
			return nil, fmt.Errorf("https://mirror/%s: 403 Forbidden: %w", req.Path, verify.ErrNotAtSource)
		}
		return files.Source()(ctx, req)
	}
}

// a wrong trusted root, a root that is not newer because a source
// hides it, and one that has expired read differently, and say who said that
// there is no newer one.
func TestHowTheRootsEnded(t *testing.T) {
	repo := small()
	before := repo.Metadata().Clone()
	repo.Rotate("timestamp", 1, repo.Key("new timestamp"))
	repo.Rotate("snapshot", 1, repo.Key("new snapshot"))
	repo.Rotate("targets", 1, repo.Key("new targets"))
	repo.Publish()
	oldKeys := repo.Metadata().Clone() // the new files, without the new root
	delete(oldKeys, "2.root.json")
	const absent = "2.root.json: verifytest: 2.root.json: not found at the source"
	for name, test := range map[string]struct {
		seed    string
		sources []verify.Source
		now     time.Duration
		want    string
	}{
		"a new root is missing": {"", []verify.Source{oldKeys.Source()}, 0,
			"timestamp.json could not be fetched: rejected: timestamp: not enough signatures: want 1, found 0; " +
				"found signatures by 1 other keys (last root: version 1; " + absent + ")"},
		"a new root is forbidden": {"", []verify.Source{forbidden(oldKeys)}, 0,
			"timestamp.json could not be fetched: rejected: timestamp: not enough signatures: want 1, found 0; " +
				"found signatures by 1 other keys (last root: version 1; 2.root.json: " +
				"https://mirror/2.root.json: 403 Forbidden: not found at the source)"},
		"a wrong trusted root": {"other", []verify.Source{repo.Metadata().Source()}, 0,
			"2.root.json could not be fetched: rejected: root: not enough signatures: want 1, found 0; " +
				"found signatures by 1 other keys"},
		"expired": {"", []verify.Source{before.Source()}, 10 * 365 * 24 * time.Hour,
			"root version 1: expired since 2031-01-01T00:00:00Z (the time is taken to be 2039-12-30T00:00:00Z) " +
				"(last root: version 1; " + absent + ")"},
		"one of two sources is down": {"", []verify.Source{oldKeys.Source(), down}, 0,
			"timestamp.json could not be fetched: source 1 of 2: rejected: timestamp: not enough signatures: " +
				"want 1, found 0; found signatures by 1 other keys; source 2 of 2: connection refused " +
				"(last root: version 1; 2.root.json: source 1 of 2: verifytest: 2.root.json: not found at the source; " +
				"source 2 of 2: connection refused)"},
		"two sources hide it": {"", []verify.Source{oldKeys.Source(), forbidden(oldKeys)}, 0,
			"timestamp.json could not be fetched: source 1 of 2: rejected: timestamp: not enough signatures: " +
				"want 1, found 0; found signatures by 1 other keys; source 2 of 2: rejected: timestamp: " +
				"not enough signatures: want 1, found 0; found signatures by 1 other keys " +
				"(last root: version 1; 2.root.json: source 1 of 2: verifytest: 2.root.json: not found at the source; " +
				"source 2 of 2: https://mirror/2.root.json: 403 Forbidden: not found at the source)"},
	} {
		trusted := verifytest.New(verifytest.Options{Seed: test.seed})
		s, err := verify.New(trusted.TrustedRoot(), verify.Stored{}, repo.Now().Add(test.now), verify.Options{})
		require.NoError(t, err)
		err = s.Run(context.Background(), nil, test.sources...)
		require.EqualError(t, err, test.want, name)
		require.NotErrorIs(t, err, verify.ErrNotAtSource, "the root is not what could not be fetched: %s", name)
	}
}

// every error that the last root causes says how the chain ended: of
// each file that its keys have to sign, also ahead, and none of another file.
func TestEveryErrorNamesTheLastRoot(t *testing.T) {
	for _, role := range []string{"timestamp", "snapshot", "targets", "a"} {
		repo := small()
		repo.SignWith(role, repo.Key("stranger"))
		repo.Publish()
		for _, lookahead := range []int{0, 8} {
			s := newSession(t, repo, verify.Stored{}, verify.Options{Lookahead: lookahead})
			l := s.Lookup("a/1")
			_ = s.Run(context.Background(), nil, repo.Metadata().Source())
			_, err := l.Target()
			require.ErrorIs(t, err, verify.ErrThreshold)
			require.ErrorAs(t, err, new(*verify.ThresholdError))
			if role == "a" {
				require.NotContains(t, err.Error(), "last root")
			} else {
				require.ErrorContains(t, err, "(last root: version 1; 2.root.json: ")
			}
		}
	}
	// The stored root, which the chain does not reach.
	repo := small()
	old := repo.Metadata().Clone()
	repo.PublishOnly("root")
	s := newSession(t, repo, verify.Stored{Root: [][]byte{fileOf(repo, "root")}}, verify.Options{})
	err := s.Run(context.Background(), nil, forbidden(old))
	require.ErrorAs(t, err, new(*verify.StoredRootError))
	require.ErrorContains(t, err, "(last root: version 1; 2.root.json: https://mirror/2.root.json: 403 Forbidden")
}

// the session has how its chain ended, with fields.
func TestChainEnd(t *testing.T) {
	repo := withRoots(3)
	s := newClient(t, repo).session
	require.Zero(t, s.ChainEnd(), "not yet")
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source(), forbidden(repo.Metadata())))
	end := s.ChainEnd()
	require.EqualValues(t, repo.Version("root"), end.Version)
	require.Equal(t, fmt.Sprintf("%d.root.json", end.Version+1), end.Next)
	require.ErrorIs(t, end.Err, verify.ErrNotAtSource)
	require.ErrorContains(t, end.Err, "source 2 of 2: https://mirror/")
	source := new(verify.SourceError)
	require.ErrorAs(t, end.Err, &source)
	c, err := s.Copy()
	require.NoError(t, err)
	require.Equal(t, end, c.ChainEnd(), "a copy has the same view")
	require.Zero(t, renew(t, s, repo.Now()).ChainEnd(), "another update has its own end")

	// Without anybody's name.
	s = newSession(t, small(), verify.Stored{}, verify.Options{})
	b, _ := s.Next()
	require.NoError(t, s.NotFound(b.Fetch[0].ID, nil))
	require.Equal(t, verify.ChainEnd{Version: 1, Next: "2.root.json", Err: verify.ErrNotAtSource}, s.ChainEnd())
	require.Equal(t, "last root: version 1; 2.root.json: not found at the source", s.ChainEnd().String())

	// By a limit.
	s = newSession(t, repo, verify.Stored{}, verify.Options{Limits: verify.Limits{MaxRootRotations: 1}})
	require.NoError(t, s.Run(context.Background(), nil, repo.Metadata().Source()))
	require.Equal(t, "last root: version 2; 3.root.json: root: limit reached: 2 new roots in one update, "+
		"at most 1 are accepted", s.ChainEnd().String())
	require.ErrorIs(t, s.ChainEnd().Err, verify.ErrLimit)

	// It did not end: the update failed.
	s = newClient(t, repo).session
	require.Error(t, s.Run(context.Background(), nil, down))
	require.Zero(t, s.ChainEnd())
}

// R-5.3.3b (F10): who has to say that there is no newer root. One source
// suffices, if none that answers has one that is accepted: one of several that
// denies everything, by junk or by silence, gains nothing. Who did not say it
// is reported, either way.
func TestWhoSaysThatThereIsNoRoot(t *testing.T) {
	repo := small()
	old := repo.Metadata().Clone()
	repo.PublishOnly("root")
	repo.Publish()
	junk := func(context.Context, verify.Request) ([]byte, error) { return []byte("<html>"), nil }
	absent, newer := old.Source(), repo.Metadata().Source()
	type sources = []verify.Source
	for name, test := range map[string]struct {
		sources   sources
		root      int64 // that the update ends with; 0: it fails
		unheard   int   // sources that a warning names
		everyRoot int64 // the same, if every source has to say so
	}{
		"all say so":                  {sources{absent, absent}, 1, 0, 1},
		"one is down":                 {sources{absent, down}, 1, 1, 0},
		"the first is down":           {sources{down, absent}, 1, 1, 0},
		"one sends junk":              {sources{absent, junk}, 1, 1, 0},
		"the first sends junk":        {sources{junk, absent}, 1, 1, 0},
		"junk, silence and one word":  {sources{junk, down, absent}, 1, 2, 0},
		"nobody says so":              {sources{junk, down}, 0, 0, 0},
		"all are down":                {sources{down, down}, 0, 0, 0},
		"one has a newer one":         {sources{absent, newer}, 2, 0, 2},
		"one has it, another is down": {sources{down, newer, absent}, 2, 1, 0},
	} {
		for _, every := range []bool{false, true} {
			for _, lookahead := range []int{0, 8} {
				want := test.root
				if every {
					want = test.everyRoot
				}
				s := newSession(t, repo, verify.Stored{}, verify.Options{EverySource: every, Lookahead: lookahead})
				err := s.Run(context.Background(), nil, test.sources...)
				if want == 0 {
					fetch := new(verify.FetchError)
					require.ErrorAs(t, err, &fetch, name)
					require.Equal(t, "root", fetch.Request.Role, name)
					require.NotErrorIs(t, err, verify.ErrNotAtSource, name)
					continue
				}
				require.NoError(t, err, name)
				require.Equal(t, want, s.Version("root"), name)
				if test.unheard == 0 {
					require.Empty(t, s.Warnings(), name)
					continue
				}
				require.Len(t, s.Warnings(), 1, name)
				require.ErrorIs(t, s.Warnings()[0], verify.ErrUnconfirmed)
				require.Len(t, sourcesIn(s.Warnings()[0]), test.unheard, name)
				require.Len(t, sourcesIn(s.ChainEnd().Err), len(test.sources), name)
			}
		}
	}
}

// sourcesIn returns the sources that an error is about.
func sourcesIn(err error) (list []*verify.SourceError) {
	switch e := err.(type) {
	case *verify.SourceError:
		return []*verify.SourceError{e}
	case interface{ Unwrap() error }:
		return sourcesIn(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			list = append(list, sourcesIn(err)...)
		}
	}
	return list
}

// NotFound without the word of a source that the file does not exist is the
// same as Fail, for whatever file.
func TestNotFoundThatNobodySaid(t *testing.T) {
	for _, role := range []string{"root", "timestamp"} {
		c := newClient(t, small())
		req := c.forward(role)
		require.NoError(t, c.session.NotFound(req.ID, errDisk, errors.New("503")))
		require.ErrorIs(t, c.session.Err(), errDisk)
		require.NotErrorIs(t, c.session.Err(), verify.ErrNotAtSource)
		require.EqualError(t, c.session.Err(), req.Path+" could not be fetched: "+errDisk.Error()+"; 503")
	}
}

// For any file but the next root, the word of some sources is not the word of
// all, in whatever form they say it.
func TestNotFoundThatSomeSaid(t *testing.T) {
	gone := fmt.Errorf("404: %w", verify.ErrNotAtSource)
	for _, said := range []error{gone, &verify.SourceError{Source: 1, Of: 2, Err: gone}} {
		c := newClient(t, small())
		require.NoError(t, c.session.NotFound(c.forward("timestamp").ID, said, errDisk))
		require.ErrorIs(t, c.session.Err(), errDisk)
		require.ErrorContains(t, c.session.Err(), "404: not found at the source; ")
		require.NotErrorIs(t, c.session.Err(), verify.ErrNotAtSource)
	}
}

// The text of a SourceError has the source's name or, if there are several, its
// number.
func TestTextOfSourceErrors(t *testing.T) {
	rejected := &verify.RejectError{Request: verify.Request{Path: "x.json"}, Err: verify.ErrHash}
	for want, err := range map[string]verify.SourceError{
		"no space left on device":                {Source: 1, Of: 1, Err: errDisk},
		"source 2 of 3: no space left on device": {Source: 2, Of: 3, Err: errDisk},
		"mirror: no space left on device":        {Source: 2, Of: 3, Name: "mirror", Err: errDisk},
		"source 1 of 2: rejected: hash mismatch": {Source: 1, Of: 2, Err: rejected},
		"source 0 of 0: <nil>":                   {},
	} {
		require.EqualError(t, &err, want)
	}
}

// What only the library may say is left out of what sources said, and their
// word still counts.
func TestNotFoundFromOutside(t *testing.T) {
	c := newClient(t, small())
	said := fmt.Errorf("another client: %w: %w", verify.ErrNotAtSource, verify.ErrNoTarget)
	require.NoError(t, c.session.NotFound(c.next().ID, said))
	require.Empty(t, c.session.Warnings())
	require.ErrorIs(t, c.session.ChainEnd().Err, verify.ErrNotAtSource)
	require.NotErrorIs(t, c.session.ChainEnd().Err, verify.ErrNoTarget)
}

// What a source sent wrongly is found in Run's error as Provide returned it,
// and the file is named once.
func TestRejectErrorSurvivesRun(t *testing.T) {
	repo := small()
	good := repo.Metadata().Clone()
	repo.SignWith("timestamp", repo.Key("stranger"))
	repo.Publish()
	for name, sources := range map[string][]verify.Source{
		"one source":    {repo.Metadata().Source()},
		"the first one": {repo.Metadata().Source(), down},
		"the last one":  {down, repo.Metadata().Source()},
	} {
		s := newClient(t, small()).session
		l := s.Lookup("top")
		err := s.Run(context.Background(), nil, append(sources, noTimestamp(good))...)
		_, lookupErr := l.Target()
		for _, err := range []error{err, lookupErr} {
			reject, fetch := new(verify.RejectError), new(verify.FetchError)
			require.ErrorAs(t, err, &fetch, name)
			require.ErrorAs(t, err, &reject, name)
			require.Equal(t, fetch.Request, reject.Request)
			require.Equal(t, "timestamp.json", reject.Request.Path)
			require.ErrorIs(t, reject, roles.ErrThreshold)
			require.Equal(t, 1, strings.Count(err.Error(), "timestamp.json could not be fetched"), err)
			require.NotContains(t, err.Error(), "timestamp.json rejected")
		}
	}
}

// noTimestamp is down for the timestamp alone.
func noTimestamp(files verifytest.Files) verify.Source {
	return func(ctx context.Context, req verify.Request) ([]byte, error) {
		if req.Role == "timestamp" {
			return down(ctx, req)
		}
		return files.Source()(ctx, req)
	}
}
