package clienttest_test

import (
	"fmt"
	"io"
	"net/http"

	"github.com/tufwalk/tufwalk/client/clienttest"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A mirror breaks off the first download, and is honest then. A program under
// test would be given the transport, or the URL of a httptest.Server around
// the mirror.
func Example() {
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("app.txt", []byte("hello"))
	repo.Publish()

	mirror := clienttest.NewServer(repo)
	mirror.On("/targets/*", clienttest.Cut(2))

	network := clienttest.NewNetwork()
	defer network.Close()
	network.Host("updates.example.com", mirror)

	client := &http.Client{Transport: network.Transport()}
	for name := range repo.TargetFiles() {
		for range 2 {
			res, err := client.Get("https://updates.example.com/targets/" + name)
			if err != nil {
				fmt.Println(err)
				return
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			fmt.Printf("%q, %v\n", body, err)
		}
	}
	fmt.Println(len(mirror.Log()), "requests")
	// Output:
	// "he", unexpected EOF
	// "hello", <nil>
	// 2 requests
}
