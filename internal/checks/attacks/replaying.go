package main

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

const day = 24 * time.Hour

func replay(s *stage) {
	old := repository(s.repo)
	s.release("2.0")
	s.update()
	s.tell("The mirror serves the metadata of 1.0 again. It has valid signatures and has not expired.")
	s.mirror.serve(old)
	s.strike(app)
}

func oldSnapshot(s *stage) {
	old := s.repo.Version("snapshot")
	s.release("2.0")
	s.update()
	s.tell("The thief signs a new timestamp that lists the snapshot of 1.0.")
	files := repository(s.repo)
	s.forgeTimestamp(files, s.online()["timestamp"], s.repo.Version("timestamp")+1, old)
	s.mirror.serve(files)
	s.strike(app)
}

func oldTargets(s *stage) {
	old := s.repo.Version("targets")
	s.release("2.0")
	s.update()
	s.tell("The thief signs a new snapshot that lists the targets of 1.0, and a timestamp for it.")
	files := repository(s.repo)
	s.forgeSnapshot(files, s.online()["snapshot"], s.repo.Version("snapshot")+1, old)
	timestamp := s.repo.Version("timestamp") + 1
	s.forgeTimestamp(files, s.online()["timestamp"], timestamp, s.repo.Version("snapshot")+1)
	s.mirror.serve(files)
	s.strike(app)
}

func raiseUnsigned(s *stage) {
	s.tell("The mirror raises the version in the timestamp, so that no later one would be new. The " +
		"signature stays as it is.")
	files := repository(s.repo)
	files["metadata/timestamp.json"] = s.edit("timestamp", func(signed object) {
		signed["version"] = int64(math.MaxInt32)
	})
	s.mirror.serve(files)
	s.strike(app)
}

// raiseSigned cannot be refused: the keys are the right ones. Its effect must
// end when the keys are replaced.
func raiseSigned(s *stage) {
	s.tell("The thief signs a timestamp and a snapshot with the highest versions there are. All they list " +
		"is right, so the client accepts them.")
	files := repository(s.repo)
	s.forgeSnapshot(files, s.online()["snapshot"], math.MaxInt64, s.repo.Version("targets"))
	s.forgeTimestamp(files, s.online()["timestamp"], math.MaxInt64, math.MaxInt64)
	s.mirror.serve(files)
	s.tolerate(app)
	s.rotate("timestamp", "snapshot") // what follows has to reach the user
}

func freeze(s *stage) {
	old := repository(s.repo)
	s.release("2.0")
	s.tell("The mirror goes on serving 1.0, which the user already has.")
	s.wait(8 * day)
	s.mirror.serve(old)
	s.strike(app)
	s.repo.Touch("targets")
}

func hideRoot(s *stage) {
	old := repository(s.repo)
	s.rotate("timestamp", "snapshot")
	s.release("2.0")
	s.mirror.serve(old)
	s.tell("The mirror answers as if it cannot tell whether there is a newer root, and serves the old " +
		"metadata. (If it answered that there is none, this would be the freeze attack above.)")
	s.mirror.reply("metadata/"+s.repo.FileName("root"), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	s.strike(app)
}

func freshTimestamp(s *stage) {
	old := repository(s.repo)
	snapshot, timestamp := s.repo.Version("snapshot"), s.repo.Version("timestamp")
	s.release("2.0")
	s.wait(8 * day)
	s.tell("The thief has signed a timestamp for the snapshot of 1.0 each day. The snapshot was valid for " +
		"a week, and has expired: that is how long a stolen timestamp key can be used.")
	files := old.Clone()
	s.forgeTimestamp(files, s.online()["timestamp"], timestamp+8, snapshot, func(signed object) {
		signed["expires"] = s.repo.Now().Add(day).Format(time.RFC3339)
	})
	s.mirror.serve(files)
	s.strike(app)
	s.rotate("timestamp")
}

func mixTargets(s *stage) {
	old := s.repo.FileName("targets")
	s.release("2.0")
	s.update()
	s.release("3.0")
	s.tell("The mirror serves the timestamp and snapshot of 3.0, and the targets of 1.0 under the name of those of 3.0.")
	files := repository(s.repo)
	files["metadata/"+s.repo.FileName("targets")] = files["metadata/"+old]
	s.mirror.serve(files)
	s.strike(app)
}

func mixSnapshot(s *stage) {
	old := s.repo.FileName("snapshot")
	s.release("2.0")
	s.update()
	s.release("3.0")
	s.tell("The mirror serves the timestamp of 3.0, and the snapshot of 1.0 under the name of that of 3.0.")
	files := repository(s.repo)
	files[fmt.Sprintf("metadata/%d.snapshot.json", s.repo.Version("snapshot"))] = files["metadata/"+old]
	s.mirror.serve(files)
	s.strike(app)
}
