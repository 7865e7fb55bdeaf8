package multirepo

import (
	"fmt"

	"github.com/tufwalk/tufwalk/metadata"
	"github.com/tufwalk/tufwalk/roles"
)

// oneVoice says of each repository of an entry which others do not speak for
// themselves beside it: those with the same root keys, and those whose answer
// the same keys can have signed (D18). A mirror of the one can then serve the
// files of the other.
func (l *Lookup) oneVoice(e *entry) []set {
	keys := e.rootKeys()
	list := make([]set, len(keys))
	for i, one := range l.questions {
		for j, other := range l.questions {
			if i != j && (keys[i] == keys[j] || one.lookup.SharesSigners(other.lookup)) {
				list[i] |= 1 << j
			}
		}
	}
	return list
}

// noteVoices notes with which of the repositories before it one counts once.
func (s *Step) noteVoices(oneVoice []set) {
	for i := range s.Answers {
		for j := range i {
			if oneVoice[i].has(j) {
				s.Answers[i].OneVoiceWith = s.Answers[j].Repository
				break
			}
		}
	}
}

// sharedOnlineKeys returns a warning for each two repositories of one entry
// whose roots, timestamps or snapshots the same keys can sign. Anyone who has
// these keys can hold both at an old state.
func (g *Group) sharedOnlineKeys() (list []error) {
	warned := map[[2]string]bool{}
	for _, e := range g.entries {
		for i, one := range e.members {
			for _, other := range e.members[:i] {
				pair := [2]string{one.name, other.name}
				if e.Threshold < 2 || warned[pair] {
					continue
				}
				for _, role := range []string{metadata.RoleRoot, metadata.RoleTimestamp, metadata.RoleSnapshot} {
					if sharesKeys(one, other, role) {
						err := fmt.Errorf("%w: the same ones can sign its %s and that of %q", ErrSharedKeys, role, other.name)
						warned[pair], list = true, append(list, &RepositoryError{one.name, err})
					}
				}
			}
		}
	}
	return list
}

// sharesKeys says whether the keys of a top-level role of one repository reach
// the threshold of the other's.
func sharesKeys(one, other *member, role string) bool {
	a, b := one.role(role), other.role(role)
	return a.CanPassFor(b) || b.CanPassFor(a)
}

// role returns a top-level role of the repository, which every root lists.
func (x *member) role(name string) roles.Role {
	role, _ := x.session.Role(name)
	return role
}
