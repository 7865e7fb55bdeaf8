package multirepo_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
)

// IDs are the group's own: unique, in every answer and every error. A file of
// one repository is no answer for another one.
func TestRequestIDs(t *testing.T) {
	w := pair(t)
	w.add("c", plain, nil)
	w.entry("c", "c", 1, false)
	g := w.group()
	g.Lookup("x")
	seen := map[verify.RequestID]string{}
	var request *verify.RequestError
	for _, id := range []verify.RequestID{0, 1, 2, 3, 4, 1 << 40} { // nothing has been handed out
		for _, err := range []error{g.Provide(id, nil), g.NotFound(id), g.Fail(id, nil)} {
			require.ErrorAs(t, err, &request)
			require.Equal(t, id, request.ID)
		}
	}
	neverUsed := request.Reason
	for {
		b, ok := g.Next()
		if !ok {
			break
		}
		require.Subset(t, g.Outstanding(), b.Fetch)
		for _, req := range b.Fetch {
			key := req.Repository + " " + req.Path
			require.Empty(t, seen[req.ID], key)
			seen[req.ID] = key
			for _, other := range []string{"a", "b", "c"} {
				data, err := w.repos[other].Metadata().Source()(req.Request)
				if err == nil && other != req.Repository {
					var reject *verify.RejectError
					require.ErrorAs(t, g.Provide(req.ID, data), &reject)
					require.Equal(t, req.Request, reject.Request)
				}
			}
			w.answer(g, req)
			err := g.Fail(req.ID, errors.New("too late"))
			require.ErrorIs(t, err, verify.ErrRequest)
			require.ErrorAs(t, err, &request)
			require.NotEqual(t, neverUsed, request.Reason)
		}
	}
	require.NoError(t, g.Err())
	require.Empty(t, g.Outstanding())
	require.Len(t, seen, 12)
}

// ID 0 belongs to no request, however many repositories there are.
func TestRequestIDZero(t *testing.T) {
	one := newWorld(t)
	one.add("a", plain, nil)
	one.entry("*", "a", 1, true)
	for _, w := range []*world{one, pair(t)} {
		g := w.group()
		for _, err := range []error{g.Provide(0, nil), g.NotFound(0), g.Fail(0, nil)} {
			require.ErrorIs(t, err, verify.ErrRequest)
			require.ErrorContains(t, err, "ID 0 is never used")
		}
	}
}

// Outstanding requests are sorted by their IDs, however far each repository is.
func TestOutstanding(t *testing.T) {
	w := pair(t)
	g := w.group()
	b, ok := g.Next()
	require.True(t, ok)
	require.Equal(t, b.Fetch, g.Outstanding())
	require.NoError(t, g.NotFound(b.Fetch[0].ID)) // a is one step ahead of b
	b, ok = g.Next()
	require.True(t, ok)
	require.Equal(t, metadata.RoleTimestamp, b.Fetch[0].Role)
	var open []string
	for _, req := range g.Outstanding() {
		open = append(open, req.Repository+" "+req.Path)
	}
	require.Equal(t, []string{"b 2.root.json", "a timestamp.json"}, open)
}

// A body that was accepted ahead and then rejected comes with the repository
// and the ID of the request that it was provided for.
func TestRejectedAhead(t *testing.T) {
	w := pair(t)
	w.setOptions(verify.Options{Lookahead: 8})
	g := w.group()
	g.Lookup("x")
	ahead := map[verify.RequestID]string{}
	rejected := 0
	for {
		b, ok := g.Next()
		if !ok {
			break
		}
		for _, r := range b.Rejected {
			require.Equal(t, ahead[r.Request.ID], r.Repository+" "+r.Request.Path)
			require.Error(t, r.Err)
			rejected++
		}
		for _, req := range slices.Backward(b.Fetch) { // the timestamp before the root that is needed to verify it
			if req.Ahead && req.Role == metadata.RoleTimestamp {
				ahead[req.ID] = req.Repository + " " + req.Path
				require.NoError(t, g.Provide(req.ID, []byte("junk")))
				continue
			}
			w.answer(g, req)
		}
	}
	require.Equal(t, 2, rejected)
	require.NoError(t, g.Err())
}

// Errors about failed requests have the group's IDs, wherever they are
// returned. (In the group, the IDs of a session belong to other requests.)
func TestFailedRequestsHaveTheGroupsIDs(t *testing.T) {
	for _, role := range []string{metadata.RoleSnapshot, "team"} {
		w := company(t)
		g := w.group()
		l := g.Lookup("acme/billing-1.0.tgz")
		var id verify.RequestID
		for b, ok := g.Next(); ok; b, ok = g.Next() {
			for _, req := range b.Fetch {
				switch {
				case req.Repository == "private" && req.Role == role:
					id = req.ID
					require.NoError(t, g.Fail(req.ID, errDown))
				case req.Repository == "public" && req.Role == metadata.RoleTimestamp:
					require.NoError(t, g.Fail(req.ID, errDown))
				default:
					w.answer(g, req)
				}
			}
		}
		for i, err := range errorsOf(g, l, role == metadata.RoleSnapshot) {
			fetch := new(verify.FetchError)
			require.ErrorAs(t, err, &fetch)
			require.Equal(t, id, fetch.Request.ID, "%s, error %d", role, i)
			require.ErrorIs(t, err, errDown)
		}
	}
}

// errorsOf returns what the lookup and, if the update failed, the group say
// about the first repository.
func errorsOf(g *multirepo.Group, l *multirepo.Lookup, updateFailed bool) []error {
	_, err := l.Target()
	answer := l.Trail()[0].Answers[0]
	errs := []error{err, answer.Err}
	for _, step := range answer.Trail {
		if step.Err != nil {
			errs = append(errs, step.Err)
		}
	}
	if updateFailed {
		errs = append(errs, g.Err(), g.Warnings()[0])
	}
	return errs
}
