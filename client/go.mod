module github.com/tufwalk/tufwalk/client

go 1.25.0

// The reason for each: flock locks between processes on every system, with a
// context. backoff makes the pauses between retries, with jitter and limits.
// x/text knows which names are one on some system (forms and case of Unicode).
// testify is for tests.
require (
	github.com/cenkalti/backoff/v5 v5.0.3
	github.com/gofrs/flock v0.13.1
	github.com/stretchr/testify v1.12.1
	github.com/tufwalk/tufwalk v0.0.0
	golang.org/x/text v0.41.0
)

require (
	filippo.io/mldsa v1.0.0 // indirect
	github.com/secure-systems-lab/go-securesystemslib v0.11.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/tufwalk/tufwalk => ../
