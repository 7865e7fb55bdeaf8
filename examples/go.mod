module github.com/tufwalk/tufwalk/examples

go 1.25.0

require github.com/tufwalk/tufwalk v0.0.0

replace github.com/tufwalk/tufwalk => ../
