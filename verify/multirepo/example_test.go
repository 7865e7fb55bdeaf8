package multirepo_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/verify"
	"github.com/tufwalk/tufwalk/verify/multirepo"
	"github.com/tufwalk/tufwalk/verify/verifytest"
)

// A company's names come from its own repository alone. For everything else a
// public repository and an auditor have to agree.
const exampleMap = `{
  "repositories": {
    "company": ["https://tuf.company.example/"],
    "public":  ["https://tuf.public.example/"],
    "auditor": ["https://tuf.auditor.example/"]
  },
  "mapping": [
    {"paths": ["acme-*"], "repositories": ["company"], "threshold": 1, "terminating": true},
    {"paths": ["*"], "repositories": ["public", "auditor"], "threshold": 2, "terminating": true}
  ]
}`

// exampleRepositories stands for what three parties publish.
func exampleRepositories() map[string]*verifytest.Repo {
	repos := map[string]*verifytest.Repo{}
	for name, files := range map[string]map[string]string{
		"company": {"acme-billing-1.0.tgz": "billing"},
		"public": {
			"acme-billing-9.9.tgz": "evil",
			"left-pad-1.0.tgz":     "pad", "right-pad-1.0.tgz": "pad, and a surprise",
		},
		"auditor": {"left-pad-1.0.tgz": "pad", "right-pad-1.0.tgz": "pad"},
	} {
		repo := verifytest.New(verifytest.Options{Seed: name})
		for path, content := range files {
			repo.Targets().AddTarget(path, []byte(content))
		}
		repo.Publish()
		repos[name] = repo
	}
	return repos
}

// One loop serves all repositories. Stores and retries are left out.
func Example() {
	m, err := metadata.ParseMap([]byte(exampleMap))
	if err != nil {
		fmt.Println(err)
		return
	}
	repos := exampleRepositories()
	start := map[string]multirepo.Repository{}
	for name, repo := range repos {
		start[name] = multirepo.Repository{TrustedRoot: repo.TrustedRoot()} // Stored: verify.LoadStored(ctx, store)
	}
	g, err := multirepo.New(m, start, repos["public"].Now(), multirepo.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g.Lookup("acme-billing-1.0.tgz")
	g.Lookup("acme-billing-9.9.tgz")
	g.Lookup("left-pad-1.0.tgz")
	g.Lookup("right-pad-1.0.tgz")
	for {
		b, ok := g.Next()
		if !ok {
			break
		}
		for _, req := range b.Fetch { // after b.Save; all of them could be fetched at once
			body, err := repos[req.Repository].Metadata().Source()(context.Background(), req)
			switch {
			case errors.Is(err, verify.ErrNotAtSource):
				err = g.NotFound(req.ID)
			case err != nil:
				err = g.Fail(req.ID, err)
			default:
				err = g.Provide(req.ID, body)
			}
			if err != nil {
				fmt.Println(err)
			}
		}
		for _, l := range g.Done() {
			_, err := l.Target()
			fmt.Println(l.Path(), "-", outcome(err))
			for _, step := range l.Trail() {
				fmt.Printf("  mapping[%d], %d of %d:\n", step.Entry, step.Threshold, len(step.Answers))
				for _, answer := range step.Answers {
					fmt.Println("   ", answer)
				}
			}
		}
	}
	// Output:
	// acme-billing-1.0.tgz - trusted
	//   mapping[0], 1 of 1:
	//     company agrees: 7 bytes, sha256 0c95c7ece1ce1a97
	// acme-billing-9.9.tgz - no such target
	//   mapping[0], 1 of 1:
	//     company has no such target
	// left-pad-1.0.tgz - trusted
	//   mapping[1], 2 of 2:
	//     public agrees: 3 bytes, sha256 f563fcd3fb857879
	//     auditor agrees: 3 bytes, sha256 f563fcd3fb857879
	// right-pad-1.0.tgz - disagreement
	//   mapping[1], 2 of 2:
	//     public disagrees: 19 bytes, sha256 230c28bba439ac55
	//     auditor disagrees: 3 bytes, sha256 f563fcd3fb857879
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "trusted"
	case errors.Is(err, verify.ErrNoTarget):
		return "no such target"
	case errors.Is(err, multirepo.ErrDisagreement):
		return "disagreement"
	}
	return "no answer"
}
