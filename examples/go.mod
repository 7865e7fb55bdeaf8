module github.com/tufwalk/tufwalk/examples

go 1.25.0

// The reason for each: kong makes a whole command line, with help and errors,
// from one struct. retryablehttp retries after temporary errors (no connection,
// 5xx, 429), with limits, behind an ordinary http.Client. mpb draws several
// progress bars at once; term tells whether there is a terminal. errgroup and
// semaphore limit parallel work, with a context. chromedp drives a headless
// Chromium in the test of the web page. client_golang makes the numbers that the
// agent shows to Prometheus. wazero runs the WebAssembly module in the tests of
// embed. flock locks a file between processes.
require (
	github.com/alecthomas/kong v1.17.0 // indirect
	github.com/stretchr/testify v1.12.1
	github.com/tufwalk/tufwalk v0.0.0
	github.com/tufwalk/tufwalk/client v0.0.0
	github.com/tufwalk/tufwalk/internal/cli v0.0.0
)

require (
	github.com/chromedp/cdproto v0.0.0-20250724212937-08a3db8b4327
	github.com/chromedp/chromedp v0.14.2
	github.com/gofrs/flock v0.13.1
	github.com/prometheus/client_golang v1.24.1
	github.com/tetratelabs/wazero v1.12.0
	github.com/vbauerster/mpb/v8 v8.9.3
	golang.org/x/sync v0.22.0
	golang.org/x/term v0.45.0
)

require (
	filippo.io/mldsa v1.0.0 // indirect
	github.com/VividCortex/ewma v1.2.0 // indirect
	github.com/acarl005/stripansi v0.0.0-20180116102854-5a71ef0e047d // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/chromedp/sysutil v1.1.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20250725192818-e39067aee2d2 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/pool v0.2.1 // indirect
	github.com/gobwas/ws v1.4.0 // indirect
	github.com/mattn/go-runewidth v0.0.16 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.70.1 // indirect
	github.com/prometheus/procfs v0.21.1 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/secure-systems-lab/go-securesystemslib v0.11.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace (
	github.com/tufwalk/tufwalk => ../
	github.com/tufwalk/tufwalk/client => ../client
	github.com/tufwalk/tufwalk/internal/cli => ../internal/cli
)
