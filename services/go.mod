module github.com/tufwalk/tufwalk/services

go 1.26.0

// The reason for each: kong makes a whole command line from one struct.
// goccy/go-yaml reads YAML strictly, and knows the line of each key.
// client_golang makes the metrics that Prometheus reads. golang-lru bounds a
// cache, least recently used first. x/sync asks once for what many ask for at
// the same time, and bounds memory that many need. testify is for tests.
require (
	github.com/alecthomas/kong v1.17.0
	github.com/goccy/go-yaml v1.19.2
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/prometheus/client_golang v1.25.0
	github.com/stretchr/testify v1.12.1
	github.com/tufwalk/tufwalk v0.0.0
	github.com/tufwalk/tufwalk/client v0.0.0
	golang.org/x/sync v0.25.0
)

require (
	github.com/ProtonMail/go-crypto v1.5.2
	golang.org/x/mod v0.43.0
	golang.org/x/net v0.62.0
)

require (
	filippo.io/mldsa v1.0.0 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/cloudflare/circl v1.6.3 // indirect
	github.com/gofrs/flock v0.13.1 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/secure-systems-lab/go-securesystemslib v0.11.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace (
	github.com/tufwalk/tufwalk => ../
	github.com/tufwalk/tufwalk/client => ../client
)
