module github.com/tufwalk/tufwalk

go 1.25.0

// Why each: go-securesystemslib verifies ed25519 signatures, and is
// the reference for DSSE. mldsa verifies ML-DSA signatures (TAP 21), which the
// standard library can do from Go 1.27 on; it has no dependencies of its own.
// testify is for tests.
require (
	filippo.io/mldsa v1.0.0
	github.com/secure-systems-lab/go-securesystemslib v0.11.1
	github.com/stretchr/testify v1.12.1
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
