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

// An ID names its repository. No two requests of a group have the same, nor do
// those of its next updates. A file of one repository is no answer for another
// one.
func TestRequestIDs(t *testing.T) {
	w := pair(t)
	w.add("c", plain, nil)
	w.entry("c", "c", 1, false)
	seen := map[verify.RequestID]string{}
	g := w.group()
	for update := range uint64(3) {
		g.Lookup("x")
		for b, ok := g.Next(); ok; b, ok = g.Next() {
			require.Subset(t, g.Outstanding(), b.Fetch)
			for _, req := range b.Fetch {
				require.Equal(t, req.Repository, req.ID.Repository)
				require.Equal(t, update+1, req.ID.Update)
				key := req.Repository + " " + req.Path
				require.Empty(t, seen[req.ID], key)
				seen[req.ID] = key
				for _, other := range []string{"a", "b", "c"} {
					data, err := w.repos[other].Metadata().Source()(t.Context(), req)
					if err == nil && other != req.Repository {
						var reject *verify.RejectError
						require.ErrorAs(t, g.Provide(req.ID, data), &reject)
						require.Equal(t, req.ID, reject.Request.ID)
					}
				}
				require.True(t, g.Wanted(req.ID))
				w.answer(g, req)
				require.False(t, g.Wanted(req.ID))
				err := g.Fail(req.ID, errors.New("too late"))
				require.ErrorIs(t, err, verify.ErrRequest)
				require.ErrorContains(t, err, req.ID.String()+" is done")
			}
		}
		require.NoError(t, g.Err())
		require.Empty(t, g.Outstanding())
		for _, repo := range w.repos {
			repo.Publish()
		}
		g = w.renew(g, 0)
	}
	require.Len(t, seen, 12+2*9, "later updates ask for a root, a timestamp and a snapshot")
}

// IDs of no request are the caller's mistake: those of no repository, of no
// update, of another update, and those that have not been handed out.
func TestUnknownRequestIDs(t *testing.T) {
	one := newWorld(t)
	one.add("a", plain, nil)
	one.entry("*", "a", 1, true)
	for _, w := range []*world{one, pair(t)} {
		g := w.group()
		for id, reason := range map[verify.RequestID]string{
			{}:                                            "is not one of this session",
			{Number: 1}:                                   "is not one of this session",
			{Update: 1, Number: 1}:                        "is not one of this session",
			{Repository: "a", Update: 1}:                  "is not one of this session",
			{Repository: "a", Number: 1}:                  "is not one of this session",
			{Repository: "a", Update: 2, Number: 1}:       "is not one of this session",
			{Repository: "B", Update: 1, Number: 1}:       "is not one of this session",
			{Repository: "a", Update: 1, Number: 1}:       "has not been handed out",
			{Repository: "a", Update: 1, Number: 2}:       "has not been handed out",
			{Repository: "a", Update: 1, Number: 1 << 40}: "has not been handed out",
		} {
			for _, err := range []error{
				g.Provide(id, nil), g.ProvideSaved(id, nil), g.NotFound(id), g.Fail(id, nil),
			} {
				var request *verify.RequestError
				require.ErrorAs(t, err, &request)
				require.Equal(t, &verify.RequestError{ID: id, Reason: reason}, request)
			}
		}
		for _, id := range []verify.RequestID{
			{}, {Number: 1}, {Repository: "a"}, {Repository: "B", Update: 1, Number: 1},
		} {
			require.False(t, g.Wanted(id))
		}
	}
}

// Outstanding requests are sorted by the numbers of their IDs, however far each
// repository is.
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
			require.Equal(t, ahead[r.Request.ID], r.Request.Repository+" "+r.Request.Path)
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

// Errors about failed requests name the request, wherever they are returned.
func TestFailedRequestsAreNamed(t *testing.T) {
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
	for _, step := range answer.Trail() {
		if step.Err != nil {
			errs = append(errs, step.Err)
		}
	}
	if updateFailed {
		errs = append(errs, g.Err(), g.Warnings()[0])
	}
	return errs
}
