package message

import (
	"time"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
	"github.com/tufwalk/tufwalk/verify"
)

// call is the line of a message.
type call struct {
	V           int64        `json:"v"`
	Call        string       `json:"call"`
	Session     int64        `json:"session"`
	Lookup      int64        `json:"lookup"`
	Verifier    int64        `json:"verifier"`
	List        int64        `json:"list"`
	AtOnce      int          `json:"at_once"`
	ID          string       `json:"id"`
	Path        string       `json:"path"`
	Trail       bool         `json:"trail"`
	Text        string       `json:"text"`
	Said        []said       `json:"said"`
	Time        time.Time    `json:"time"`
	TrustedRoot int64        `json:"trusted_root"`
	Stored      []storedFile `json:"stored"`
	Options     options      `json:"options"`

	body []byte
}

type said struct {
	Name      string `json:"name"`
	Text      string `json:"text"`
	Absent    bool   `json:"absent"`
	Rejection int    `json:"rejection"`
}

type storedFile struct {
	Name   string `json:"name"`
	Length int64  `json:"length"`
	Error  string `json:"error"`
}

type options struct {
	EnvelopeFormat      string   `json:"envelope_format"`
	Lookahead           int      `json:"lookahead"`
	EverySource         bool     `json:"every_source"`
	SuccinctFallThrough bool     `json:"succinct_fall_through"`
	StrictKeyIDs        bool     `json:"strict_key_ids"`
	StrictTimes         bool     `json:"strict_times"`
	AllowedSchemes      []string `json:"allowed_schemes"`
	Limits              limits   `json:"limits"`
}

type limits struct {
	MaxRootBytes      int64 `json:"max_root_bytes"`
	MaxTimestampBytes int64 `json:"max_timestamp_bytes"`
	MaxSnapshotBytes  int64 `json:"max_snapshot_bytes"`
	MaxTargetsBytes   int64 `json:"max_targets_bytes"`
	MaxAheadBytes     int64 `json:"max_ahead_bytes"`
	MaxRetainedBytes  int64 `json:"max_retained_bytes"`
	MaxRootRotations  int   `json:"max_root_rotations"`
	MaxDelegations    int   `json:"max_delegations"`
	MaxMatchSteps     int64 `json:"max_match_steps"`
	MaxDepth          int   `json:"max_depth"`
	MaxSignatures     int   `json:"max_signatures"`
}

func (o options) options() (verify.Options, error) {
	v := verify.Options{
		Lookahead: o.Lookahead, EverySource: o.EverySource, SuccinctFallThrough: o.SuccinctFallThrough,
		Policy: roles.Policy{
			StrictKeyIDs: o.StrictKeyIDs, StrictTimes: o.StrictTimes, AllowedSchemes: o.AllowedSchemes,
		},
		Limits: verify.Limits(o.Limits),
	}
	switch o.EnvelopeFormat {
	case "", "classic":
	case "dsse":
		v.EnvelopeFormat = metadata.DSSE
	default:
		return v, mistakef("unknown envelope format %q: classic or dsse", o.EnvelopeFormat)
	}
	return v, nil
}

// answer is the line of an answer.
type answer struct {
	V           int64         `json:"v"`
	Error       *Error        `json:"error,omitempty"`
	Versions    []int64       `json:"versions,omitempty"`
	Session     int64         `json:"session,omitempty"`
	Lookup      int64         `json:"lookup,omitempty"`
	Verifier    int64         `json:"verifier,omitempty"`
	List        int64         `json:"list,omitempty"`
	Listed      *listAnswer   `json:"listed,omitempty"`
	Batch       *batch        `json:"batch,omitempty"`
	Write       []int         `json:"write,omitzero"`
	Outstanding []request     `json:"outstanding,omitzero"`
	Wanted      *bool         `json:"wanted,omitempty"`
	Target      *targetAnswer `json:"target,omitempty"`
	Trail       []step        `json:"trail,omitempty"`
	Status      *statusAnswer `json:"status,omitempty"`
}

type batch struct {
	More     bool       `json:"more"`
	Save     []record   `json:"save,omitempty"`
	Rejected []rejected `json:"rejected,omitempty"`
	Fetch    []request  `json:"fetch,omitempty"`
	Done     []int64    `json:"done,omitempty"`
}

type record struct {
	Role      string `json:"role"`
	Version   int64  `json:"version"`
	Path      string `json:"path"`
	StoreName string `json:"store_name"`
	Length    int    `json:"length"`
}

type rejected struct {
	Request request `json:"request"`
	Error   *Error  `json:"error"`
}

type request struct {
	ID        string `json:"id"`
	Role      string `json:"role"`
	Version   int64  `json:"version,omitempty"`
	Delegator string `json:"delegator"`
	Path      string `json:"path"`
	StoreName string `json:"store_name,omitempty"`
	MaxBytes  int64  `json:"max_bytes"`
	Optional  bool   `json:"optional,omitempty"`
	Ahead     bool   `json:"ahead,omitempty"`
}

type targetAnswer struct {
	Path     string            `json:"path"`
	Role     string            `json:"role"`
	Length   int64             `json:"length"`
	Hashes   map[string]string `json:"hashes"`
	Expires  time.Time         `json:"expires"`
	URLPaths []string          `json:"url_paths,omitempty"`
	PlainURL string            `json:"plain_url_path,omitempty"`
	Custom   string            `json:"custom,omitempty"` // signed JSON, as text
}

type listAnswer struct {
	Targets []*targetAnswer `json:"targets,omitempty"`
	LeftOut []leftOut       `json:"left_out,omitempty"`
	Done    bool            `json:"done"`
	Error   *Error          `json:"error,omitempty"`
}

type leftOut struct {
	Path  string `json:"path"`
	Role  string `json:"role"`
	Error *Error `json:"error"`
}

type step struct {
	Delegator   string    `json:"delegator"`
	Role        string    `json:"role"`
	Terminating bool      `json:"terminating,omitempty"`
	Succinct    bool      `json:"succinct,omitempty"`
	Version     int64     `json:"version,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
	Lists       bool      `json:"lists,omitempty"`
	Bound       bool      `json:"bound,omitempty"`
	Error       *Error    `json:"error,omitempty"`
}

type statusAnswer struct {
	State      string     `json:"state"`
	Error      *Error     `json:"error,omitempty"`
	Time       time.Time  `json:"time"`
	Expires    *time.Time `json:"expires,omitempty"`
	Roles      []trusted  `json:"roles"`
	NewestRoot int64      `json:"newest_root"`
	ChainEnd   *chainEnd  `json:"chain_end,omitempty"`
	Warnings   []*Error   `json:"warnings,omitempty"`
}

type trusted struct {
	Role    string    `json:"role"`
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
}

type chainEnd struct {
	Version int64  `json:"version"`
	Next    string `json:"next,omitempty"`
	Text    string `json:"text"`
}

func list[T, U any](items []T, f func(T) U) []U {
	all := make([]U, len(items))
	for i, item := range items {
		all[i] = f(item)
	}
	return all
}

func requestOf(r verify.Request) request {
	return request{
		ID: r.ID.String(), Role: r.Role, Version: r.Version, Delegator: r.Delegator, Path: r.Path,
		StoreName: r.StoreName, MaxBytes: r.MaxBytes, Optional: r.Optional, Ahead: r.Ahead,
	}
}

func recordOf(r verify.Record) record {
	return record{Role: r.Role, Version: r.Version, Path: r.Path, StoreName: r.StoreName, Length: len(r.Data)}
}

// targetOf leaves out URL paths that would not be safe.
func targetOf(t *verify.Target) *targetAnswer {
	a := &targetAnswer{Path: t.Path, Role: t.Role, Length: t.Length, Expires: t.Expires, Hashes: map[string]string{}}
	for name, digest := range t.Hashes.All() {
		a.Hashes[name] = digest
	}
	a.URLPaths, _ = t.URLPaths()
	a.PlainURL, _ = t.PlainURLPath()
	custom, _ := t.Custom()
	a.Custom = string(custom)
	return a
}

func stepOf(s verify.Step) step {
	a := step{
		Delegator: s.Delegator, Role: s.Role, Terminating: s.Terminating, Succinct: s.Succinct,
		Version: s.Version, Expires: s.Expires, Lists: s.Lists, Bound: s.Bound,
	}
	if s.Err != nil {
		a.Error = errorOf(s.Err)
	}
	return a
}
