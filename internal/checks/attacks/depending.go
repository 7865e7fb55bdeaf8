package main

// Extraneous dependencies: the attacker says that what the user wants needs
// something more. The installer follows no dependencies: it installs what it is
// asked for, and what "custom" says of a target is data to it. So what is tried
// here is to have it said by somebody who may not say it, and to have it heard.

// miner is what no user asks for. The tools' team may list it: it is in its
// part of the names.
const miner = "tools/miner"

// needs is what a repository may say of a target in "custom".
func needs(target string) object { return object{"requires": []any{target}} }

func requireHammer(s *stage) {
	s.release("2.0")
	s.tell("The mirror says in the targets that the app needs the hammer: a good file of this repository, which the user did not ask for. The signatures stay.")
	files := repository(s.repo)
	files["metadata/"+s.repo.FileName("targets")] = s.edit("targets", func(signed object) {
		signed["targets"].(object)[app].(object)["custom"] = needs(hammer)
	})
	s.mirror.serve(files)
	s.strike(app)
}

// requireMiner need not be noticed: the operators list the app themselves, so
// nobody is asked what the team says of it.
func requireMiner(s *stage) {
	s.tell("The team may speak for tools/* only. The thief, who has its key, lists %s there, and the app as one that needs it; the operators' snapshot takes that in.", miner)
	team := s.repo.Role("team")
	team.AddTarget(miner, content("malware"))
	team.AddTarget(app, content(app+" 2.0"))
	team.SetCustom(app, needs(miner))
	s.release("2.0")
	s.tolerate(app)
}
