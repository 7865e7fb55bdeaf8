// Package client is a TUF client that one only configures.
package client
