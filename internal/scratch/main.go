package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func main() {
	ctx := context.Background()
	repo := verifytest.New(verifytest.Options{})
	repo.Targets().AddTarget("a", []byte("a"))
	repo.Targets().Delegate(verifytest.Delegation{Name: "d", Paths: []string{"d/*"}}).AddTarget("d/x", []byte("x"))
	repo.Publish()
	for _, look := range []int{0, 64} {
		store := verifytest.Store{}
		s, err := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, store), repo.Now(), verify.Options{Lookahead: look})
		fmt.Println(err)
		l, m := s.Lookup("d/x"), s.Lookup("nope")
		fmt.Println(s.Run(ctx, store, repo.Metadata().Source()))
		fmt.Println(l.Target())
		fmt.Println(m.Target())
		for n := range store {
			fmt.Println(" ", n)
		}
		for i := range 3 {
			if i == 1 {
				repo.PublishOnly("root")
				repo.Advance(time.Hour)
				repo.Publish()
			}
			n, err := s.Renew(verify.LoadStored(ctx, store), repo.Now())
			fmt.Println("renew", err)
			l := n.Lookup("d/x")
			fmt.Println(n.Run(ctx, store, func(ctx context.Context, r verify.Request) ([]byte, error) {
				fmt.Println("  ask", r.ID, r.Path)
				return repo.Metadata().Source()(ctx, r)
			}))
			fmt.Println(l.Target())
			fmt.Println(n.Version("root"), n.Version("timestamp"), n.Warnings())
			s = n
		}
	}
	// superseded
	store := verifytest.Store{}
	a, _ := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, store), repo.Now(), verify.Options{})
	old := repo.Metadata().Clone()
	repo.Publish()
	repo.PublishOnly("timestamp")
	fmt.Println(a.Run(ctx, store, old.Source()))
	b, _ := verify.New(repo.TrustedRoot(), verify.LoadStored(ctx, store), repo.Now(), verify.Options{})
	c, _ := a.Renew(verify.LoadStored(ctx, store), repo.Now())
	fmt.Println(b.Run(ctx, store, repo.Metadata().Source()))
	repo.PublishOnly("timestamp")
	fmt.Println(c.Run(ctx, store, repo.Metadata().Source()), store["timestamp.json"] != nil)
	d, _ := c.Renew(verify.LoadStored(ctx, store), repo.Now())
	e, _ := c.Renew(verify.LoadStored(ctx, store), repo.Now())
	mirror := repo.Metadata().Clone()
	repo.PublishOnly("timestamp")
	fmt.Println(d.Run(ctx, store, repo.Metadata().Source()))
	repo.PublishOnly("timestamp")
	mirror["timestamp.json"] = mirror["timestamp.json"]
	fmt.Println(e.Run(ctx, store, mirror.Source()))
}
