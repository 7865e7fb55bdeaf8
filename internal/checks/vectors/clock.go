package main

import (
	"time"

	"github.com/tufwalk/tufwalk/verify/verifytest"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// clock needs other times than now: files that were good once, and the moment
// at which they expire.
func (b *book) clock() {
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	usual := func(s *story) {
		s.usualWith(verifytest.Options{Start: begin})
		for _, role := range everyRole {
			s.SetLifetime(role, 10*year)
		}
		s.Publish()
		s.at(begin.Add(time.Hour))
	}
	for _, role := range everyRole {
		b.tell("clock", "expires-later-"+role, "R-4.3.4 "+expires[role],
			"the mirror does not change, and a file expires: "+role, func(s *story) {
				usual(s)
				s.SetLifetime(role, day)
				s.Publish()
				s.get("team/app.txt", "team 1")
				s.at(begin.Add(2 * day))
				s.refusedAt(role, "team/app.txt")
			})
		b.tell("clock", "last-second-"+role, "R-4.3.4 "+expires[role], "a second before the file expires: "+role,
			func(s *story) {
				usual(s)
				s.SetLifetime(role, day)
				s.Publish()
				s.at(begin.Add(day - time.Second))
				s.get("team/app.txt", "team 1")
			})
		b.tell("clock", "moment-"+role, "R-4.3.4 "+expires[role], "the very second at which the file expires: "+role,
			func(s *story) {
				usual(s)
				s.SetLifetime(role, day)
				s.Publish()
				s.at(begin.Add(day))
				s.refusedAt(role, "team/app.txt")
				if role == "root" {
					s.last().Versions["root"] = s.Version("root")
				}
			})
	}
	b.tell("clock", "expired-timestamp-counts", "R-5.4.6 R-5.4.3.1a",
		"the client's timestamp has expired, and the new one has a lower version", func(s *story) {
			usual(s)
			s.SetLifetime("timestamp", day)
			s.SetVersion("timestamp", 10)
			s.Publish()
			s.ok()
			s.Advance(5 * day)
			s.at(begin.Add(5 * day))
			s.SetVersion("timestamp", 9)
			s.Publish()
			s.refused("timestamp")
		})
	b.tell("clock", "expired-snapshot-counts", "R-5.5.5b R-5.5.5a",
		"the client's snapshot has expired, and the new one lists a lower version", func(s *story) {
			usual(s)
			s.Touch("targets")
			s.SetLifetime("snapshot", day)
			s.Publish()
			s.ok()
			s.Advance(5 * day)
			s.at(begin.Add(5 * day))
			s.SetVersion("targets", 1)
			s.Publish()
			s.refused("snapshot")
		})
	b.tell("clock", "renewed", "R-5.4.4 R-5.0.1", "everything has expired, and is renewed", func(s *story) {
		usual(s)
		s.get("team/app.txt", "team 1")
		s.Advance(20 * year)
		s.at(s.Now().Add(time.Hour))
		s.refused("root")
		s.chainOfOne()
		for _, role := range append(everyRole, "inner") {
			s.Touch(role)
		}
		s.Publish()
		s.get("team/app.txt", "team 1")
	})
	b.tell("clock", "one-time-for-an-update", "R-5.1.1 R-5.3.6",
		"the trusted root expired long ago, and later ones have not", func(s *story) {
			usual(s)
			s.Advance(20 * year)
			s.chainOfOne()
			for _, role := range append(everyRole, "inner") {
				s.Touch(role)
			}
			s.Publish()
			s.at(s.Now().Add(time.Hour))
			s.get("team/app.txt", "team 1")
		})
}

func (s *story) chainOfOne() { s.Touch("root"); s.PublishOnly("root") }
