package gate

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/tufwalk/tufwalk/client"
	"github.com/tufwalk/tufwalk/services/proxy/internal/protocol"
)

// Config is what Open needs. It is not checked again: the file of the operator
// is checked where it is read.
type Config struct {
	// Upstreams are repositories and maps, by name.
	Upstreams map[string]Upstream
	// Unverified are upstreams without TUF, by name.
	Unverified map[string]Unverified
	// Routes are by their prefix, which begins and ends with a slash.
	Routes map[string]Route
	// Switch is for a demonstration; nil: there is none.
	Switch *Switch
	// Files are the verified files.
	Files Files
	// Limits may be left zero.
	Limits Limits
	// Refresh is the pause between updates (DefaultRefresh).
	Refresh time.Duration
	// Stream says that what may stream (protocol.Plan) is sent before it is
	// whole.
	Stream bool
	// Log is for people; nil: nobody reads it.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Upstream is one repository, or a map of several. The gate sets MaxAge, Now
// and Observe of the client's Config, and defaults of its limits.
type Upstream struct{ Client client.Config }

// Unverified is an upstream without TUF.
type Unverified struct {
	URL string // with a slash at the end
	// Patterns are of the target paths that it may answer for.
	Patterns []string
}

// Route is a part of the server's addresses.
type Route struct {
	// Name is that of the protocol.
	Name     string
	Protocol protocol.Protocol
	Upstream string
	// Prefix stands before the target paths.
	Prefix     string
	Unverified []string
}

// Limits bound what the gate uses. Zero means the default.
type Limits struct {
	Memory  int64 // in bytes; the Go runtime is told of it (DefaultMemory)
	File    int64 // the longest file, in bytes (DefaultFile)
	Clients int   // connections at once (DefaultClients)
}

const (
	// DefaultRefresh is the pause between updates.
	DefaultRefresh = 5 * time.Minute
	// DefaultMemory is in bytes.
	DefaultMemory = 256 << 20
	// DefaultFile is in bytes.
	DefaultFile = 4 << 30
	// DefaultClients are connections at once.
	DefaultClients = 1000

	// RefusedFor is how long a refusal is remembered, so that a mirror that is
	// broken is not asked for each client.
	RefusedFor = 5 * time.Second
	// onceMore is the pause before mirrors that could not be reached are asked
	// again.
	onceMore = 100 * time.Millisecond
	// MaxRendered is how long a file may be that an answer is made from, in
	// bytes.
	MaxRendered = 64 << 20
	// maxAnswers is how many answers of one upstream are remembered.
	maxAnswers = 1 << 16
	// maxRemembered is how long a target path may be, in bytes, whose answer is
	// remembered: anybody can ask for long ones that do not exist.
	maxRemembered = 256
	// maxAbandoned is how many searches of one kind go on that nobody waits
	// for.
	maxAbandoned = 256
	// smallFile is how long a file may be that is read before it is sent.
	smallFile = 64 << 10
	// streamFrom is how long a file must be to be sent before it is whole.
	streamFrom = 1 << 20
	// startPatience is how long the first requests wait for the first update,
	// before what an earlier process has saved is used.
	startPatience = 3 * time.Second
	// forever is longer than any view lasts: only the watch brings the client
	// up to date.
	forever = 100 * 365 * 24 * time.Hour
)

// The limits of the clients. A package manager waits for some seconds only.
const (
	connectTimeout = 5 * time.Second
	silenceTimeout = 10 * time.Second
	totalTimeout   = 30 * time.Second
	retries        = 1
)

func (c Config) withDefaults() Config {
	c.Limits.Memory = cmp.Or(c.Limits.Memory, DefaultMemory)
	c.Limits.File = cmp.Or(c.Limits.File, DefaultFile)
	c.Limits.Clients = cmp.Or(c.Limits.Clients, DefaultClients)
	c.Refresh = cmp.Or(c.Refresh, DefaultRefresh)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func httpDefaults(c client.MirrorsConfig) client.MirrorsConfig {
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, connectTimeout)
	c.SilenceTimeout = cmp.Or(c.SilenceTimeout, silenceTimeout)
	c.TotalTimeout = cmp.Or(c.TotalTimeout, totalTimeout)
	c.Retries = cmp.Or(c.Retries, retries)
	return c
}
