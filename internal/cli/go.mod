module github.com/tufwalk/tufwalk/internal/cli

go 1.25.0

// kong makes a whole command line, with help and errors, from one struct.
require (
	github.com/alecthomas/kong v1.17.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
