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
	s.tell("The mirror shows the metadata of 1.0 again, which is signed as it should be and has not expired.")
	s.mirror.serve(old)
	s.strike(app)
}

func oldSnapshot(s *stage) {
	old := s.repo.Version("snapshot")
	s.release("2.0")
	s.update()
	s.tell("The thief signs a new timestamp, which names the snapshot of 1.0.")
	files := repository(s.repo)
	s.forgeTimestamp(files, s.online()["timestamp"], s.repo.Version("timestamp")+1, old)
	s.mirror.serve(files)
	s.strike(app)
}

func oldTargets(s *stage) {
	old := s.repo.Version("targets")
	s.release("2.0")
	s.update()
	s.tell("The thief signs a new snapshot, which names the targets of 1.0, and a timestamp for it.")
	files := repository(s.repo)
	s.forgeSnapshot(files, s.online()["snapshot"], s.repo.Version("snapshot")+1, old)
	s.forgeTimestamp(files, s.online()["timestamp"], s.repo.Version("timestamp")+1, s.repo.Version("snapshot")+1)
	s.mirror.serve(files)
	s.strike(app)
}

func raiseUnsigned(s *stage) {
	s.tell("The mirror raises the version in the timestamp, so that no later one would ever be new; the signature stays.")
	files := repository(s.repo)
	files["metadata/timestamp.json"] = s.edit("timestamp", func(signed object) { signed["version"] = int64(math.MaxInt32) })
	s.mirror.serve(files)
	s.strike(app)
}

// raiseSigned cannot be refused: the keys are right. It must not last longer
// than they do.
func raiseSigned(s *stage) {
	s.tell("The thief signs a timestamp and a snapshot of the highest versions there are. All they list is right, so the client takes them.")
	files := repository(s.repo)
	s.forgeSnapshot(files, s.online()["snapshot"], math.MaxInt64, s.repo.Version("targets"))
	s.forgeTimestamp(files, s.online()["timestamp"], math.MaxInt64, math.MaxInt64)
	s.mirror.serve(files)
	s.tolerate(app)
	s.rotate("timestamp", "snapshot") // what follows has to reach the user
}

func standStill(s *stage) {
	old := repository(s.repo)
	s.release("2.0")
	s.tell("The mirror goes on showing 1.0, the last that the user has seen.")
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
	s.tell("The mirror pretends that it cannot tell whether there is a newer root, and shows the old metadata. (Had it said that there is none, it would stand still, as above.)")
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
	s.tell("The thief has signed a timestamp for 1.0's snapshot each day. The snapshot's own week is over: that is how long a stolen timestamp key is good for.")
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
	s.tell("The mirror serves 3.0's timestamp and snapshot, and the targets of 1.0 under the name of 3.0's.")
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
	s.tell("The mirror serves 3.0's timestamp, and the snapshot of 1.0 under the name of 3.0's.")
	files := repository(s.repo)
	files[fmt.Sprintf("metadata/%d.snapshot.json", s.repo.Version("snapshot"))] = files["metadata/"+old]
	s.mirror.serve(files)
	s.strike(app)
}
