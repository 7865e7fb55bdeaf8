module github.com/tufwalk/tufwalk/services

go 1.26

replace (
	github.com/tufwalk/tufwalk => ../
	github.com/tufwalk/tufwalk/client => ../client
)
