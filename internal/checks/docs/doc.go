// Package docs has tests only: the links between the documents lead somewhere,
// and the commands in them can be run.
package docs
