package main

// Extraneous dependencies: the attacker claims that the app needs something
// more. The installer follows no dependencies. It installs what it is asked
// for, and "custom" is only data to it. So these attacks try two things: to
// make the claim without the right to make it, and to make the installer act on
// it.

// miner is a target that no user asks for. The tools' team may list it: the
// name is below tools/.
const miner = "tools/miner"

// needs is the "custom" of a target that needs another one.
func needs(target string) object { return object{"requires": []any{target}} }

func requireHammer(s *stage) {
	s.release("2.0")
	s.tell("The mirror writes into the targets that the app needs the hammer. That is a good file of this " +
		"repository, but the user did not ask for it. The signatures stay as they are.")
	files := repository(s.repo)
	files["metadata/"+s.repo.FileName("targets")] = s.edit("targets", func(signed object) {
		signed["targets"].(object)[app].(object)["custom"] = needs(hammer)
	})
	s.mirror.serve(files)
	s.strike(app)
}

// requireMiner need not be refused. The operators list the app themselves, so
// no client asks the team for it.
func requireMiner(s *stage) {
	s.tell("The operators delegate only tools/* to the team. The thief has the team's key. The team's "+
		"metadata now lists %s, and the app as a target that needs it. The operators' snapshot lists the "+
		"new file.", miner)
	team := s.repo.Role("team")
	team.AddTarget(miner, content("malware"))
	team.AddTarget(app, content(app+" 2.0"))
	team.SetCustom(app, needs(miner))
	s.release("2.0")
	s.tolerate(app)
}
