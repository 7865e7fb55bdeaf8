// Package clienttest is a hostile network for tests of programs that update
// themselves, as net/http/httptest is a friendly one.
//
// A [Server] serves the files of a verifytest.Repo below /metadata/ and
// /targets/, and misbehaves as a test says: for a path, and for the n-th
// request for it. It keeps a log of the requests. The same requests get the
// same answers always.
//
//	repo := verifytest.New(verifytest.Options{})
//	server := clienttest.NewServer(repo)
//	server.On("/metadata/timestamp.json",
//		clienttest.Cut(10), clienttest.Status(503))
//	server.Always("/targets/*", clienttest.Drip(1, time.Second))
//
// A server is an http.Handler, so that it can be given to httptest.NewServer
// and stand before any program. Or it is a host of a [Network], which is all in
// memory and needs no ports: its transport knows hosts by any names, over http
// and https, and all others do not exist. A network works under the fake clock
// of testing/synctest, where an hour of silence takes no time.
//
// A mirror that is frozen in time is a server that is not told of later states
// ([Server.Publish]). One that sends forged files has them from [Send], or from
// another repository.
package clienttest
