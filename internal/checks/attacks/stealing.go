package main

import (
	"fmt"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

func oneOfTwoTargets(s *stage) {
	s.tell("The thief signs a release with the real keys for timestamp and snapshot, and with one of the " +
		"two keys for targets.")
	with := s.online()
	with["targets"] = []*verifytest.Key{s.repo.Key("targets-a")}
	s.mirror.serve(s.forgeAll(with))
	s.strike(app)
}

func oneKeyTwice(s *stage) {
	key := s.repo.Key("targets-a")
	alias := *key
	alias.KeyID = s.repo.Key("targets-b").ID()
	for _, second := range []*verifytest.Key{key, &alias} {
		s.tell("The thief signs the targets with one key, under the key IDs %.8s... and %.8s...", key.ID(), second.ID())
		with := s.online()
		with["targets"] = []*verifytest.Key{key, second}
		s.mirror.serve(s.forgeAll(with))
		s.strike(app)
	}
}

func oneOfTwoRoots(s *stage) {
	s.tell("The thief signs a root that lists the thief's key for every role. It is signed with one of the " +
		"two root keys and with the thief's. A release goes with it.")
	own := s.own()[0]
	files := s.forgeAll(keys{"targets": s.own(), "snapshot": s.own(), "timestamp": s.own()})
	next := s.repo.Version("root") + 1
	with := []*verifytest.Key{s.repo.Key("root-a"), own}
	files[fmt.Sprintf("metadata/%d.root.json", next)] = s.forge("root", with, func(signed object) {
		signed["version"] = next
		signed["keys"] = object{own.ID(): own.Object()}
		for _, role := range signed["roles"].(object) {
			role.(object)["keyids"], role.(object)["threshold"] = []any{own.ID()}, int64(1)
		}
	})
	s.mirror.serve(files)
	s.strike(app)
}

func revokedKeys(s *stage) {
	stolen := s.online()
	stolen["targets"] = []*verifytest.Key{s.repo.Key("targets-a"), s.repo.Key("targets-b")}
	s.rotate("timestamp", "snapshot", "targets")
	s.release("2.0")
	s.update()
	s.tell("The thief signs a release with the old keys, all of them.")
	s.mirror.serve(s.forgeAll(stolen))
	s.strike(app)
}
